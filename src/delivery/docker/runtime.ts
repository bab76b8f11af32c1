import type { ContainerInfo } from '../../core/containers.ts';
import { ok, type Result, reported } from '../../core/failure.ts';
import type { Instance, InstanceFacts, Runtime, RuntimeIo, Target } from '../../core/runtime.ts';
import { transferImage } from '../transfer/image-transfer.ts';
import { checkDocker, freeSpace } from './check.ts';
import { unitHash } from './names.ts';
import { type DockerParts, type DockerVariant, instanceOf, isProxied, type Place } from './parts.ts';
import { prune } from './prune.ts';
import { drained, proxiedName, proxyTo } from './proxy.ts';
import { bringProxyImage } from './proxy-image.ts';
import { setupNow } from '../service-variables.ts';

/**
 * Services as containers. With `recreate` the new one takes the place and the port of the old; with `start-first` it
 * starts beside it, and a small proxy that has the port sends new requests to it. What the proxy sends to is what serves;
 * without a proxy it is the newest container that runs.
 */
export function createDockerRuntime(parts: DockerParts, variant: DockerVariant): Runtime {
  const at = async <T>(
    target: Target,
    io: RuntimeIo,
    work: (place: Place) => Promise<Result<T>>,
  ): Promise<Result<T>> => {
    const engine = await parts.engines.open(target.host);
    return engine.ok ? work({ parts, target, engine: engine.value, io }) : engine;
  };
  return {
    kind: variant.kind,
    current: (target, io) => at(target, io, (place) => current(place, variant)),
    space: (target, artifact, io) => at(target, io, (place) => freeSpace(place, artifact)),
    deliver: (target, artifact, io) =>
      at(target, io, async (place) => {
        const builder = await parts.engines.builder();
        if (!builder.ok) return builder;
        const { digest, reference } = artifact;
        const { engine } = place;
        const { deploy, cacheFolder } = parts;
        const sent = await transferImage(
          { builder: builder.value, engine, host: target.host, digest, reference, deploy, cacheFolder },
          io,
        );
        if (!sent.ok || !isProxied(target)) return sent;
        const proxy = await bringProxyImage(place);
        return proxy.ok ? sent : proxy;
      }),
    ...(variant.complete && {
      complete: (target, artifact, io) =>
        at(target, io, (place) => variant.complete?.(place, artifact) ?? Promise.resolve(ok(artifact))),
    }),
    check: (target, artifact, io) => at(target, io, (place) => checkDocker(place, variant, artifact)),
    setup: (target, unit) => setupNow(target, unit, parts.secrets),
    start: (target, unit, io) =>
      at(target, io, async (place) => {
        const started = await variant.start(place, unit);
        return started.ok ? ok(instanceOf(place, started.value)) : started;
      }),
    switchTo: (target, instance, io) => at(target, io, (place) => switchTo(place, variant, instance)),
    find: (target, unit, io) =>
      at(target, io, async (place) => {
        const containers = await variant.containers(place);
        if (!containers.ok) return containers;
        const wanted = unitHash(unit);
        const newest = containers.value.findLast(
          ({ is_running: isRunning, labels }) =>
            isRunning &&
            labels['pipewright.unit'] === wanted &&
            labels['pipewright.strategy'] === target.settings.strategy,
        );
        return ok(newest && instanceOf(place, newest));
      }),
    inspect: (target, instance, io) =>
      at(target, io, async ({ engine }) => {
        const container = await engine.container(instance.id);
        return container.ok ? ok(factsOf(instance.id, container.value)) : container;
      }),
    retire: (target, instance, io) =>
      at(target, io, async (place) => {
        const proxied = await proxiedName(place);
        if (!proxied.ok) return proxied;
        if (proxied.value !== undefined && proxied.value === instance.name) {
          return reported(`${instance.name} takes the traffic of ${target.service} on ${target.host.name}`);
        }
        const quiet = proxied.value === undefined ? ok(undefined) : await drained(place, instance.name ?? '');
        if (!quiet.ok) return quiet;
        return place.engine.stop(instance.id, { timeoutMs: target.settings.stop_timeout, remove: true });
      }),
    prune: (target, keep, io) => at(target, io, (place) => prune(place, variant, keep)),
    logs: (target, instance, { lines, ...io }) =>
      at(target, io, async ({ engine }) => {
        const text = await engine.logs(instance.id, lines);
        return text.ok ? ok(text.value.split('\n').filter((line) => line !== '')) : text;
      }),
  };
}

async function current(place: Place, variant: DockerVariant): Promise<Result<Instance | undefined>> {
  const [containers, proxied] = await Promise.all([variant.containers(place), proxiedName(place)]);
  if (!containers.ok) return containers;
  if (!proxied.ok) return proxied;
  const serving =
    proxied.value === undefined
      ? containers.value.findLast(isServingByItself)
      : containers.value.find(({ name }) => name === proxied.value);
  return ok(serving && instanceOf(place, serving));
}

/** One that waits behind a proxy serves nobody yet. */
function isServingByItself({ is_running: isRunning, labels }: ContainerInfo): boolean {
  return isRunning && labels['pipewright.strategy'] !== 'start-first';
}

async function switchTo(place: Place, variant: DockerVariant, instance: Instance): Promise<Result<void>> {
  const { target, engine, io } = place;
  if (!isProxied(target)) return ok(undefined);
  const proxied = await proxiedName(place);
  if (!proxied.ok) return proxied;
  if (proxied.value === undefined) {
    const containers = await variant.containers(place);
    if (!containers.ok) return containers;
    const serving = containers.value.filter(isServingByItself);
    // It was started with another strategy and has the port itself.
    if (serving.some(({ id }) => id === instance.id)) return ok(undefined);
    for (const old of serving) {
      await io.log(`port ${target.settings.port} goes from the service to its proxy: a short gap, this once`);
      const stopped = await engine.stop(old.id, { timeoutMs: target.settings.stop_timeout, remove: true });
      if (!stopped.ok) return stopped;
    }
  }
  return proxyTo(place, instance);
}

function factsOf(id: string, container: ContainerInfo | undefined): InstanceFacts {
  if (!container) return { id, is_running: false, started_at: '', restart_count: 0 };
  const { is_running, started_at, restart_count, exit_code, oom_killed } = container;
  return {
    id: container.id,
    is_running,
    started_at,
    restart_count,
    oom_killed,
    ...(exit_code !== undefined && { exit_code }),
  };
}
