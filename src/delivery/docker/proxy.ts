import { ok, type Result, reported } from '../../core/failure.ts';
import type { Instance } from '../../core/runtime.ts';
import { proxyFolder, runThere } from './host-files.ts';
import { environmentName, innerPort, proxyName, serviceLabels } from './names.ts';
import { type Place } from './parts.ts';
import { proxyImageName } from './proxy-image.ts';

/** Lines of `status` as the proxy writes it. */
const STATUS = `
cd "$DIR" 2>/dev/null || exit 0
cat target 2>/dev/null | sed 's/^/target /'
cat status 2>/dev/null
exit 0
`;

/** Writes the order in one step and prints its number. */
const ORDER = `
mkdir -p "$DIR" && cd "$DIR" || exit 1
umask 077
generation=$(($(cut -d' ' -f1 target 2>/dev/null || echo 0) + 1))
printf '%s %s %s %s open %s\\n' "$generation" "$NAME" "$NAME" "$PORT" "$DRAIN_MS" > target.tmp && mv -f target.tmp target
echo "generation $generation"
echo "folder $(pwd)"
echo "user $(id -u):$(id -g)"
`;

/** Waits until the proxy has taken the order in. */
const OBEYED = `
cd "$DIR" || exit 1
tries=0
while ! grep -qx "generation $GENERATION" status 2>/dev/null; do
  tries=$((tries + 1)); [ "$tries" -gt 500 ] && exit 1
  sleep 0.02
done
`;

/** Name of the instance that the proxy sends requests to; undefined without a running proxy. */
export async function proxiedName(place: Place): Promise<Result<string | undefined>> {
  const proxy = await place.engine.container(proxyName(place.target));
  if (!proxy.ok) return proxy;
  if (!proxy.value?.is_running) return ok(undefined);
  const said = await runThere(place, STATUS, { DIR: proxyFolder(place) });
  return said.ok ? ok(/^target \d+ (\S+)/m.exec(said.value)?.[1]) : said;
}

/** New requests go to `instance`, once the proxy has said so; it is started where it does not run. */
export async function proxyTo(place: Place, instance: Instance): Promise<Result<void>> {
  const { engine, target } = place;
  const env = {
    DIR: proxyFolder(place),
    NAME: instance.name ?? '',
    PORT: String(innerPort(target)),
    DRAIN_MS: String(target.settings.drain),
  };
  const network = environmentName(target);
  const joined = await joinNetwork(place, network, instance.id);
  if (!joined.ok) return joined;
  const ordered = await runThere(place, ORDER, env);
  if (!ordered.ok) return ordered;
  const fact = (name: string): string => new RegExp(`^${name} (.+)$`, 'm').exec(ordered.value)?.[1] ?? '';
  const proxy = await runningProxy(place, { network, folder: fact('folder'), user: fact('user') });
  if (!proxy.ok) return proxy;
  const told = await engine.signal(proxy.value, 'SIGHUP');
  if (!told.ok) return told;
  const obeyed = await runThere(place, OBEYED, { DIR: env.DIR, GENERATION: fact('generation') });
  if (obeyed.ok) return ok(undefined);
  const logs = await engine.logs(proxy.value, 3);
  const said = logs.ok && logs.value !== '' ? `: ${logs.value.trim()}` : '';
  return reported(
    `the proxy at port ${target.settings.port} of ${target.host.name} did not take it in${said}`,
  );
}

async function joinNetwork({ engine, target }: Place, network: string, id: string): Promise<Result<void>> {
  const { 'pipewright.service': _service, ...labels } = serviceLabels(target);
  const made = await engine.network(network, labels);
  return made.ok ? engine.connect(network, id) : made;
}

/** Id of the proxy's container. */
async function runningProxy(
  place: Place,
  { network, folder, user }: { readonly network: string; readonly folder: string; readonly user: string },
): Promise<Result<string>> {
  const { engine, target, parts } = place;
  const name = proxyName(target);
  const known = await engine.container(name);
  if (!known.ok) return known;
  if (known.value?.is_running) return ok(known.value.id);
  if (known.value) {
    const removed = await engine.stop(known.value.id, { timeoutMs: 1000, remove: true });
    if (!removed.ok) return removed;
  }
  const { port } = target.settings;
  const written = await target.host.writeText(`${proxyFolder(place)}/proxy.mjs`, parts.proxyProgram());
  if (!written.ok) return written;
  const started = await engine.start({
    name,
    image: proxyImageName(place),
    command: ['node', '/proxy/proxy.mjs', '/proxy', String(port)],
    env: {},
    labels: { ...serviceLabels(target), 'pipewright.role': 'proxy' },
    network,
    // Other services of the environment call it by the service's name, whichever version answers.
    aliases: [target.service],
    publish: { [`${port}/tcp`]: `:${port}` },
    volumes: [`${folder}:/proxy`],
    user,
    restart: 'unless-stopped',
  });
  return started.ok ? ok(started.value.id) : started;
}

/** Waits until the proxy sends nothing to `name` any more, at most as long as a drain may take. */
export async function drained(place: Place, name: string): Promise<Result<void>> {
  const tries = Math.ceil(place.target.settings.drain / 50);
  const script = `
cd "$DIR" 2>/dev/null || exit 0
tries=0
while grep -q "^draining $NAME " status 2>/dev/null; do
  tries=$((tries + 1)); [ "$tries" -gt "$TRIES" ] && break
  sleep 0.05
done
`;
  const waited = await runThere(place, script, { DIR: proxyFolder(place), NAME: name, TRIES: String(tries) });
  return waited.ok ? ok(undefined) : waited;
}

/** Takes the proxy away, so that the service can have its port. */
export async function removeProxy({ engine, target, io }: Place): Promise<Result<void>> {
  const proxy = await engine.container(proxyName(target));
  if (!proxy.ok) return proxy;
  if (!proxy.value) return ok(undefined);
  await io.log(`port ${target.settings.port} goes from the proxy to the service: a short gap, this once`);
  return engine.stop(proxy.value.id, { timeoutMs: 10_000, remove: true });
}
