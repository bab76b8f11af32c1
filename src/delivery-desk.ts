import process from 'node:process';
import type { DeliveryDesk, Problems, ProjectPlaces, Services } from './cli/services.ts';
import { type Failure, failed, ok, type Result } from './core/failure.ts';
import type { ServiceHistory } from './core/releases.ts';
import type { Target } from './core/runtime.ts';
import type { StageSettings } from './core/settings/index.ts';
import { waysBack } from './delivery/choose-release.ts';
import { plannedServices } from './delivery/deploy/targets.ts';
import { releaseLock } from './delivery/lock.ts';
import { createProcessRuntime } from './delivery/process/runtime.ts';
import { createHosts } from './executors/host/hosts.ts';
import { createReleaseStore } from './persistence/release-store.ts';
import { systemIds } from './system/ids.ts';
import { createSecrets } from './system/secrets.ts';

interface DeskParts {
  readonly project: string;
  readonly settings: Services['settings'];
}

const UNLOCK_MS = 15_000;
const STOP_MS = 60_000;

/** What commands do at the places where services run, outside of any run. Part of the composition root. */
export function createDeliveryDesk(
  { root, stateDir }: ProjectPlaces,
  settings: Services['settings'],
): DeliveryDesk {
  const parts: DeskParts = { project: root, settings };
  const histories = (environment: string): Promise<Result<Readonly<Record<string, ServiceHistory>>>> =>
    readHistories(stateDir, environment);
  return {
    histories,
    waysBack: async (environment, wanted) => {
      const found = await histories(environment);
      return found.ok ? waysBack(found.value, wanted) : found;
    },
    stopServices: (environment) => stopServices(parts, environment),
    unlockHosts: (environment) => unlockHosts(parts, environment),
  };
}

async function readHistories(
  stateDir: string,
  environment: string,
): Promise<Result<Readonly<Record<string, ServiceHistory>>>> {
  const store = createReleaseStore({ stateDir });
  const names = await store.services(environment);
  if (!names.ok) return names;
  const found: Record<string, ServiceHistory> = {};
  for (const service of names.value) {
    const history = await store.read(environment, service);
    if (!history.ok) return history;
    found[service] = history.value;
  }
  return ok(found);
}

type Outcome<T> = Result<T, Problems | Failure>;

/** With the settings of pipewright.yaml and its hosts, which are closed afterwards. */
async function withHosts<T>(
  { project, settings }: DeskParts,
  environment: string,
  work: (stage: StageSettings, hosts: ReturnType<typeof createHosts>) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const loaded = await settings();
  if (!loaded.ok) return loaded;
  const { stage: base, environments } = loaded.value;
  const stage = environments[environment]?.settings ?? base;
  const secrets = createSecrets({ env: process.env, project });
  const hosts = createHosts({ contexts: stage.contexts, project, environment: process.env, secrets });
  try {
    return await work(stage, hosts);
  } finally {
    await hosts.close();
  }
}

function stopServices(parts: DeskParts, environment: string): Promise<Outcome<void>> {
  const { project } = parts;
  return withHosts<void>(parts, environment, async (stage, hosts) => {
    const secrets = createSecrets({ env: process.env, project });
    const runtime = createProcessRuntime({ deploy: stage.deploy, ids: systemIds, secrets });
    const io = { signal: AbortSignal.timeout(STOP_MS), log: () => Promise.resolve() };
    for (const { service, settings, hosts: names } of plannedServices(stage.deploy)) {
      if (settings.runtime !== 'process') continue;
      for (const name of names) {
        const host = await hosts.open(name);
        if (!host.ok) return failed(host.failure);
        const target: Target = {
          host: host.value,
          environment,
          project: stage.project,
          projectFolder: project,
          service,
          settings,
        };
        const ended = await runtime.stopAll(target, io);
        if (!ended.ok) return failed(ended.failure);
      }
    }
    return ok(undefined);
  });
}

/** Goes on after a host that does not answer, and then says so. */
function unlockHosts(parts: DeskParts, environment: string): Promise<Outcome<readonly string[]>> {
  return withHosts<readonly string[]>(parts, environment, async (stage, hosts) => {
    const freed: string[] = [];
    const failures: Failure[] = [];
    for (const name of new Set(plannedServices(stage.deploy).flatMap((planned) => planned.hosts))) {
      const host = await hosts.open(name);
      const released = host.ok
        ? await releaseLock({
            host: host.value,
            folder: stage.deploy.folder,
            project: stage.project,
            environment,
            runId: '*',
            signal: AbortSignal.timeout(UNLOCK_MS),
          })
        : host;
      if (!released.ok) failures.push(released.failure);
      else if (released.value !== undefined)
        freed.push(`${environment} on ${name}, held by run ${released.value}`);
    }
    const [first] = failures;
    return first ? failed(first) : ok(freed);
  });
}
