import type { Services } from './cli/services.ts';
import type { ReleaseStore } from './core/releases.ts';
import type { LastDeploy } from './ui/commits-state.ts';
import type { ServiceReleases } from './ui/model/releases.ts';

/** So many runs back a commit is looked for. */
const RUNS_LOOKED_AT = 50;

/** What serves now, as the releases of the default environment say; else the newest run of it that ended well. */
export async function lastDeployed(services: Services, pipeline: string): Promise<LastDeploy | undefined> {
  const settings = await services.settings();
  const released = settings.ok
    ? await releasesIn(await releaseStore(services), settings.value.environment)
    : [];
  const current = released.flatMap(({ history }) => (history.current ? [history.current] : []));
  // The oldest of them: what came after it is not everywhere yet.
  const oldest = current.toSorted((a, b) => a.deployed_at.localeCompare(b.deployed_at))[0];
  if (oldest) return { id: oldest.commit, isRelease: true };
  const store = await services.store();
  for await (const run of store.history({ pipeline, limit: RUNS_LOOKED_AT })) {
    if (run.status !== 'success' && run.status !== 'warning') continue;
    const state = await services.state(run.pipeline_id);
    const commit = state.ok ? state.value.created?.commits.at(-1) : undefined;
    if (commit !== undefined) return { id: commit, isRelease: false };
  }
  return undefined;
}

/** Releases of every service in every environment that the project has. */
export async function allReleases(services: Services): Promise<readonly ServiceReleases[]> {
  const settings = await services.settings();
  if (!settings.ok) return [];
  const { environment, environments } = settings.value;
  const store = await releaseStore(services);
  const names = new Set([environment, ...Object.keys(environments)]);
  return (await Promise.all([...names].map((name) => releasesIn(store, name)))).flat();
}

async function releaseStore({ project }: Services): Promise<ReleaseStore> {
  const { createReleaseStore } = await import('./persistence/release-store.ts');
  return createReleaseStore({ stateDir: project.stateDir });
}

async function releasesIn(store: ReleaseStore, environment: string): Promise<readonly ServiceReleases[]> {
  const names = await store.services(environment);
  const found = await Promise.all(
    (names.ok ? names.value : []).map(async (service) => ({
      service,
      read: await store.read(environment, service),
    })),
  );
  return found.flatMap(({ service, read }) =>
    read.ok ? [{ environment, service, history: read.value }] : [],
  );
}
