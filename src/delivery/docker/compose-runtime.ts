import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ContainerInfo } from '../../core/containers.ts';
import { failed, ok, type Result, reported } from '../../core/failure.ts';
import type { Artifact, Runtime, Target } from '../../core/runtime.ts';
import { compose, type ComposeFiles } from './compose-command.ts';
import { imageIn, readRendered, type RenderedService, withImage } from './compose-file.ts';
import { dockerFolder } from './host-files.ts';
import { environmentName, innerPort, instanceLabels, unitHash } from './names.ts';
import { type DockerParts, type DockerVariant, isProxied, type Place } from './parts.ts';
import { removeProxy } from './proxy.ts';
import { createDockerRuntime } from './runtime.ts';
import { serviceVariables } from '../service-variables.ts';

/** Services of a compose file: its image is replaced in the text, byte for byte, and compose does the rest. */
export function createComposeRuntime(parts: DockerParts): Runtime {
  return createDockerRuntime(parts, composeVariant);
}

const composeVariant: DockerVariant = {
  kind: 'compose',
  containers: ({ engine, target }) =>
    engine.containers({
      'com.docker.compose.project': environmentName(target),
      'com.docker.compose.service': composeService(target),
      'com.docker.compose.oneoff': 'False',
    }),
  complete: async (place, unit) => {
    const text = await unitText(place, unit);
    return text.ok ? ok({ ...unit, compose: text.value }) : text;
  },
  start,
  problems,
};

function composeService({ settings, service }: Target): string {
  return settings.compose_service ?? service;
}

/** The compose file as it belongs to the unit; one that was not put together with it is made now. */
async function unitText({ parts, target }: Place, unit: Artifact): Promise<Result<string>> {
  if (unit.compose !== undefined) return ok(unit.compose);
  const file = parts.deploy.compose_file;
  const text = await readFile(path.join(target.projectFolder, file), 'utf8').catch(() => undefined);
  if (text === undefined)
    return failed({ reason: 'invalid', message: `there is no ${file}, deploy.compose_file` });
  return withImage(text, { service: composeService(target), image: unit.reference, file });
}

async function start(place: Place, unit: Artifact): Promise<Result<ContainerInfo>> {
  const { target, io } = place;
  const before = await composeVariant.containers(place);
  if (!before.ok) return before;
  const known = before.value.find((container) => isOf(container, target, unit));
  if (known) return ok(known);
  const files = await composeFiles(place, unit);
  if (!files.ok) return files;
  const service = composeService(target);
  const seconds = String(Math.ceil(target.settings.stop_timeout / 1000));
  if (!isProxied(target)) {
    const freed = await removeProxy(place);
    if (!freed.ok) return freed;
  }
  const args = isProxied(target)
    ? ['--no-recreate', '--scale', `${service}=${before.value.length + 1}`]
    : ['--timeout', seconds];
  await io.log(`docker compose up -d --no-deps ${args.join(' ')} ${service}`);
  const up = await compose(place, files.value, ['up', '-d', '--no-deps', ...args, service]);
  const after = await composeVariant.containers(place);
  if (!after.ok) return after;
  const fresh = after.value.filter(({ id }) => before.value.every((old) => old.id !== id));
  if (!up.ok) {
    for (const { id } of isProxied(target) ? fresh : []) {
      await place.engine.stop(id, { timeoutMs: 0, remove: true });
    }
    return up;
  }
  const started = fresh.at(-1);
  return started
    ? ok(started)
    : reported(`compose started no container of ${service} on ${target.host.name}`);
}

function isOf(container: ContainerInfo, target: Target, unit: Artifact): boolean {
  const { labels, is_running: isRunning } = container;
  return (
    isRunning &&
    labels['pipewright.unit'] === unitHash(unit) &&
    labels['pipewright.run'] === unit.run_id &&
    labels['pipewright.strategy'] === target.settings.strategy
  );
}

/** Text of the file as it will lie on the host: other services of the environment keep the images that they have there. */
async function composeFiles(place: Place, unit: Artifact): Promise<Result<ComposeFiles>> {
  const { parts, target } = place;
  const text = await unitText(place, unit);
  if (!text.ok) return text;
  const folder = dockerFolder(place);
  const there = await target.host.readText(`${folder}/compose.yml`, MAX_FILE_BYTES);
  if (!there.ok) return there;
  const env = await serviceVariables(unit, { port: innerPort(target), secrets: parts.secrets });
  if (!env.ok) return env;
  return ok({
    folder,
    text: there.value === undefined ? text.value : keepOthers(text.value, there.value, place),
    env: env.value,
    name: target.service,
    override: overrideText(text.value, place, unit, env.value),
  });
}

const MAX_FILE_BYTES = 4 << 20;

function keepOthers(text: string, there: string, { parts, target }: Place): string {
  const others = Object.entries(parts.deploy.services).filter(
    ([service, { runtime }]) => service !== target.service && (runtime ?? parts.deploy.runtime) === 'compose',
  );
  return others.reduce((kept, [service, { compose_service: name = service }]) => {
    const image = imageIn(there, name, 'compose.yml');
    const replaced = image.ok && withImage(kept, { service: name, image: image.value, file: 'compose.yml' });
    return replaced && replaced.ok ? replaced.value : kept;
  }, text);
}

/**
 * Lies over the file, for this service only: labels by which its containers are known, variables by name (their values are
 * in the environment of the command and in no file), and with `start-first` a free port for looking whether it is healthy.
 */
function overrideText(
  text: string,
  place: Place,
  unit: Artifact,
  variables: Readonly<Record<string, string>>,
): string {
  const { target } = place;
  // Compose 1 wants the same version in both.
  const version = /^version:\s*(['"]?)([\d.]+)\1\s*$/m.exec(text)?.[2];
  const labels = Object.entries(instanceLabels(target, unit, variables)).map(([name, value]) => [
    name,
    value.replaceAll('$', '$$$$'),
  ]);
  const environment = Object.keys(variables).map((name) => [name, `\${PIPEWRIGHT_V_${name}}`]);
  const service = {
    labels: Object.fromEntries(labels),
    environment: Object.fromEntries(environment),
    ...(isProxied(target) && { ports: [`127.0.0.1::${innerPort(target)}`] }),
  };
  const whole = { ...(version && { version }), services: { [composeService(target)]: service } };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

/** The file renders there, and has room for what the strategy needs. */
async function problems(place: Place, unit: Artifact): Promise<Result<readonly string[]>> {
  const { target } = place;
  const files = await composeFiles(place, unit);
  if (!files.ok) {
    const { failure } = files;
    if (failure.reason === 'secret-unavailable') return ok([]);
    return failure.reason === 'invalid' ? ok([failure.message]) : files;
  }
  const rendered = await compose(place, { ...files.value, name: `${target.service}.check`, isCheck: true }, [
    'config',
  ]);
  if (!rendered.ok) {
    return rendered.failure.reason === 'reported' ? ok([rendered.failure.message]) : rendered;
  }
  const service = readRendered(rendered.value, composeService(target));
  return ok(service ? strategyProblems(place, service) : [`compose does not know ${composeService(target)}`]);
}

function strategyProblems({ target, parts }: Place, service: RenderedService): readonly string[] {
  const name = `${composeService(target)} in ${parts.deploy.compose_file}`;
  const { port } = target.settings;
  const { containerName, published, usesHostNetwork } = service;
  if (!isProxied(target)) {
    if (usesHostNetwork || published.includes(String(port))) return [];
    return [`${name} does not publish port ${port}, where deploy.services.${target.service} says that it is`];
  }
  const reasons: string[] = [];
  if (containerName !== undefined) {
    reasons.push(
      `${name} has container_name, and two containers cannot have one name: remove it, or use strategy: recreate`,
    );
  }
  if (usesHostNetwork) reasons.push(`${name} uses the network of the host: use strategy: recreate`);
  for (const taken of published) {
    reasons.push(
      `${name} publishes port ${taken} itself, and the new one could not start beside the old: remove it (the proxy has port ${port}), or use strategy: recreate`,
    );
  }
  return reasons;
}
