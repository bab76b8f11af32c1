import { mkdir, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type { OpenServer } from './cli/open-server.ts';
import type { ProjectPlaces } from './cli/services.ts';
import { errorCode } from './core/error-code.ts';
import { failed, ok, type Result } from './core/failure.ts';
import type { Identity, RunStore, Secrets } from './core/ports.ts';
import type { ServeSettings } from './core/settings/serve.ts';
import { compileGlob } from './delivery/analyze/glob.ts';
import { openDeliveryLog } from './persistence/delivery-log.ts';
import { createIndexTail } from './persistence/index-tail.ts';
import { createLauncher } from './hook-launcher.ts';
import { isLoopback, SHORTEST_SECRET } from './server/access.ts';
import type { Machine, ServedHook } from './server/parts.ts';
import { startServer } from './server/server.ts';
import { systemClock } from './system/clock.ts';
import { systemIds } from './system/ids.ts';

interface Parts {
  readonly project: ProjectPlaces;
  readonly identity: Identity;
  readonly secrets: Secrets;
  readonly store: RunStore;
  readonly version: string;
  /** Absolute: what runs us now. */
  readonly launcher: string;
}

/** The HTTP server of a project with everything that it needs. Part of the composition root. */
export function createServerOpener(parts: Parts): OpenServer {
  return async ({ host, port, settings, documents, check, log }) => {
    const { project, identity, store, version } = parts;
    const secrets = await resolveSecrets(settings, parts.secrets);
    if (!secrets.ok) return secrets;
    const { token, hooks } = secrets.value;
    if (token === undefined && !isLoopback(host)) {
      return failed({
        reason: 'invalid',
        message: `--host ${host} is asked by other machines: that needs serve.token in pipewright.yaml`,
        hint: 'serve: {token: env:NAME}, or leave --host out and put a proxy before it.',
      });
    }
    const deliveries = await openDeliveryLog({ stateDir: project.stateDir, identity, clock: systemClock });
    if (!deliveries.ok) return deliveries;
    const started = await startServer({
      host,
      port,
      version,
      settings,
      hooks,
      ...(token !== undefined && { token }),
      clock: systemClock,
      ids: systemIds,
      store,
      documents,
      deliveries: deliveries.value,
      launcher: { ...createLauncher({ ...parts, hidden: variablesIn(settings) }), check },
      newRecords: createIndexTail(project.stateDir).read,
      machine: machineOf(project.stateDir),
      log,
    });
    if (!started.ok) {
      deliveries.value.close();
      return started;
    }
    const { url, stop } = started.value;
    return ok({ url, stop: async () => stop().finally(deliveries.value.close) });
  };
}

interface Resolved {
  readonly token?: string;
  readonly hooks: Readonly<Record<string, ServedHook>>;
}

async function resolveSecrets(settings: ServeSettings, secrets: Secrets): Promise<Result<Resolved>> {
  const token =
    settings.token === undefined ? undefined : await strong('serve.token', settings.token, secrets);
  if (token && !token.ok) return token;
  const hooks: [string, ServedHook][] = [];
  for (const [name, hook] of Object.entries(settings.hooks)) {
    const key = await strong(`serve.hooks.${name}.secret`, hook.secret, secrets);
    if (!key.ok) return key;
    // A pattern is the whole name: `main` is not `feature/main`.
    const matchers = hook.branches.map((pattern) => compileGlob(`/${pattern}`));
    const isBranchMeant = (branch: string): boolean => matchers.some((matches) => matches(branch));
    hooks.push([name, { ...hook, name, key: key.value, isBranchMeant }]);
  }
  return ok({ ...(token && { token: token.value }), hooks: Object.fromEntries(hooks) });
}

async function strong(name: string, reference: string, secrets: Secrets): Promise<Result<string>> {
  const secret = await secrets.resolve(name, reference);
  if (!secret.ok || secret.value.length >= SHORTEST_SECRET) return secret;
  return failed({
    reason: 'invalid',
    message: `${name} is shorter than ${SHORTEST_SECRET} characters: it could be guessed`,
    hint: 'openssl rand -hex 32 makes one.',
  });
}

/** Variables of ours that hold secrets of the server: runs do not inherit them. */
function variablesIn({ token, hooks }: ServeSettings): readonly string[] {
  const references = [token ?? '', ...Object.values(hooks).map(({ secret }) => secret)];
  return references.flatMap((reference) => (reference.startsWith('env:') ? [reference.slice(4)] : []));
}

function machineOf(stateDir: string): Machine {
  return {
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(stateDir);
      return bavail * bsize;
    },
    whyUnwritable: async () => {
      const probe = path.join(stateDir, 'serve', `probe.${process.pid}`);
      try {
        await mkdir(path.dirname(probe), { recursive: true, mode: 0o700 });
        await writeFile(probe, 'x', { mode: 0o600 });
        await rm(probe);
        return undefined;
      } catch (error) {
        return errorCode(error) ?? 'for a reason that the system does not name';
      }
    },
    lastSignMs: async (runId) => {
      const folder = path.join(stateDir, 'runs', runId);
      const times = await Promise.all(
        ['journal', 'logs'].map(async (name) => newest(path.join(folder, name))),
      );
      return Math.max(...times);
    },
    memoryBytes: () => process.memoryUsage.rss(),
  };
}

/** When a file in the folder last changed, milliseconds; 0 when there is none. */
async function newest(folder: string): Promise<number> {
  try {
    const names = await readdir(folder);
    const times = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).mtimeMs));
    return Math.max(0, ...times);
  } catch {
    return 0;
  }
}
