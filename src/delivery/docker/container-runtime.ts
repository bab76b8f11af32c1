import type { ContainerInfo } from '../../core/containers.ts';
import { ok, type Result } from '../../core/failure.ts';
import type { Artifact, Runtime } from '../../core/runtime.ts';
import { environmentName, innerPort, instanceLabels, instanceName, serviceLabels } from './names.ts';
import { type DockerParts, type DockerVariant, isProxied, type Place } from './parts.ts';
import { removeProxy } from './proxy.ts';
import { createDockerRuntime } from './runtime.ts';
import { serviceVariables } from '../service-variables.ts';

/** Plain containers, made by the engine itself: nothing but Docker is needed on a host. */
export function createContainerRuntime(parts: DockerParts): Runtime {
  return createDockerRuntime(parts, containerVariant);
}

const containerVariant: DockerVariant = {
  kind: 'container',
  containers: ({ engine, target }) =>
    engine.containers({ ...serviceLabels(target), 'pipewright.role': 'instance' }),
  start,
  problems: () => Promise.resolve(ok([])),
};

async function start(place: Place, unit: Artifact): Promise<Result<ContainerInfo>> {
  const { engine, target, parts } = place;
  const name = instanceName(target, unit);
  const known = await engine.container(name);
  if (!known.ok) return known;
  if (known.value?.is_running) return ok(known.value);
  const port = innerPort(target);
  const env = await serviceVariables(unit, { port, secrets: parts.secrets });
  if (!env.ok) return env;
  const network = environmentName(target);
  const { 'pipewright.service': _service, ...labels } = serviceLabels(target);
  const made = await engine.network(network, labels);
  if (!made.ok) return made;
  if (known.value) {
    const removed = await engine.stop(known.value.id, { timeoutMs: 0, remove: true });
    if (!removed.ok) return removed;
  }
  const freed = isProxied(target) ? ok(undefined) : await freePort(place);
  if (!freed.ok) return freed;
  return engine.start({
    name,
    image: unit.reference,
    env: env.value,
    labels: instanceLabels(target, unit, env.value),
    network,
    // Behind a proxy the service's name is that of the proxy.
    aliases: isProxied(target) ? [] : [target.service],
    // The free port on 127.0.0.1 is for looking whether it is healthy.
    publish: { [`${port}/tcp`]: isProxied(target) ? '127.0.0.1:0' : `:${target.settings.port}` },
    volumes: target.settings.volumes,
    restart: 'unless-stopped',
  });
}

/** `recreate`: what has the port ends first. */
async function freePort(place: Place): Promise<Result<void>> {
  const { engine, target } = place;
  const removed = await removeProxy(place);
  if (!removed.ok) return removed;
  const old = await containerVariant.containers(place);
  if (!old.ok) return old;
  for (const { id } of old.value) {
    const stopped = await engine.stop(id, { timeoutMs: target.settings.stop_timeout, remove: true });
    if (!stopped.ok) return stopped;
  }
  return ok(undefined);
}
