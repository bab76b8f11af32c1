import { ok, type Result } from '../../core/failure.ts';
import type { Artifact, Runtime } from '../../core/runtime.ts';
import { runThere } from './host-files.ts';
import { serviceLabels } from './names.ts';
import { type DockerVariant, isProxied, type Place } from './parts.ts';
import { proxyImageName } from './proxy-image.ts';

/** Of the image's size: as it travels, and unpacked. */
const ROOM = 1.5;

/** The nearest folder that can be asked: Docker's own may be closed to us. */
const FREE = `
while ! df -Pk "$DIR" >/dev/null 2>&1; do
  [ "$DIR" = / ] && exit 1
  DIR=$(dirname "$DIR")
done
df -Pk "$DIR" | tail -n 1 | awk '{print $4}'
echo "$DIR"
`;

/** Free bytes at Docker's data root, and what an image that is not there yet takes. */
export async function freeSpace(place: Place, artifact: Artifact): ReturnType<Runtime['space']> {
  const [info, image] = await Promise.all([place.engine.info(), place.engine.image(artifact.digest)]);
  if (!info.ok) return info;
  if (!image.ok) return image;
  const said = await runThere(place, FREE, { DIR: info.value.data_root });
  if (!said.ok) return said;
  const [free = '', at = ''] = said.value.split('\n');
  return ok({
    free_bytes: Number(free) * 1024,
    needed_bytes: image.value ? 0 : Math.ceil(artifact.size_bytes * ROOM),
    place: at,
  });
}

/** Why the artifact could not be started on the host; looks only. */
export async function checkDocker(
  place: Place,
  variant: DockerVariant,
  artifact: Artifact,
): Promise<Result<readonly string[]>> {
  const found = await Promise.all([
    imageProblems(place, artifact),
    secretProblems(place, artifact),
    proxyProblems(place),
    portProblems(place),
    variant.problems(place, artifact),
  ]);
  const failure = found.find((one) => !one.ok);
  if (failure && !failure.ok) return failure;
  return ok(found.flatMap((one) => (one.ok ? one.value : [])));
}

async function imageProblems(
  { engine, target }: Place,
  artifact: Artifact,
): Promise<Result<readonly string[]>> {
  const { host, service } = target;
  const [info, image] = await Promise.all([engine.info(), engine.image(artifact.reference)]);
  if (!info.ok) return info;
  if (!image.ok) return image;
  const missing = image.value ? [] : [`${artifact.reference} (${artifact.digest}) is not on ${host.name}`];
  const builtFor = image.value?.platform ?? artifact.platform ?? info.value.platform;
  if (shortPlatform(builtFor) === shortPlatform(info.value.platform)) return ok(missing);
  return ok([...missing, `${service} is built for ${builtFor}, ${host.name} is ${info.value.platform}`]);
}

/** `linux/arm64` and `linux/arm64/v8` are one. */
function shortPlatform(platform: string): string {
  return platform.split('/').slice(0, 2).join('/');
}

async function secretProblems(
  { parts }: Place,
  { secrets = {} }: Artifact,
): Promise<Result<readonly string[]>> {
  const reasons: string[] = [];
  for (const [name, reference] of Object.entries(secrets)) {
    const value = await parts.secrets.resolve(name, reference);
    if (!value.ok) reasons.push(`the secret ${name} cannot be resolved`);
  }
  return ok(reasons);
}

async function proxyProblems(place: Place): Promise<Result<readonly string[]>> {
  if (!isProxied(place.target)) return ok([]);
  const image = await place.engine.image(proxyImageName(place));
  if (!image.ok) return image;
  return ok(image.value ? [] : [`the image of the proxy is not on ${place.target.host.name}`]);
}

/** A program that is not ours has the port. */
async function portProblems({ engine, target }: Place): Promise<Result<readonly string[]>> {
  const { host, settings, environment, project, service } = target;
  const ours = await engine.containers(serviceLabels({ project, environment, service }));
  if (!ours.ok) return ours;
  const isOurs = ours.value.some(({ is_running: isRunning, ports }) =>
    isRunning ? Object.values(ports).includes(settings.port) : false,
  );
  if (isOurs) return ok([]);
  const connection = await host.connect({ host: '127.0.0.1', port: settings.port });
  if (!connection.ok) return ok([]);
  connection.value.on('error', () => undefined);
  if ('destroy' in connection.value && typeof connection.value.destroy === 'function')
    connection.value.destroy();
  else connection.value.end();
  return ok([`port ${settings.port} of ${host.name} is taken by another program`]);
}
