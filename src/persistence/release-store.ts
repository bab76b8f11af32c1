import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../core/error-code.ts';
import { failed, ok, type Result } from '../core/failure.ts';
import type { ReleaseStore, ServiceHistory, ServiceRelease } from '../core/releases.ts';
import { createLowdbFile } from './lowdb-file.ts';
import { ensureState, stateLayout } from './state-layout.ts';
import { unwritable } from './write-failure.ts';

const KEPT = 20;
const KEPT_BAD = 100;
const LOCK_POLL_MS = 20;
/** Nobody holds the lock for so long: it is one read and one write of a small file. */
const LOCK_STALE_MS = 10_000;

interface Registry {
  readonly v: 1;
  readonly environments: Record<string, Record<string, ServiceHistory>>;
}

const NOTHING: ServiceHistory = { releases: [], bad_commits: [] };

/** `state/rollback-registry.json`; every change reads it anew under a lock, so that no writer loses another's. */
export function createReleaseStore({ stateDir }: { readonly stateDir: string }): ReleaseStore {
  const layout = stateLayout(stateDir);
  const file = path.join(layout.root, 'rollback-registry.json');
  const change = async (
    environment: string,
    service: string,
    edit: (history: ServiceHistory) => ServiceHistory,
  ): Promise<Result<void>> => {
    try {
      ensureState(layout);
      await underLock(`${file}.lock`, async () => {
        const database = await load(file);
        const services = (database.data.environments[environment] ??= {});
        services[service] = edit(services[service] ?? NOTHING);
        await database.write();
      });
      return ok(undefined);
    } catch (error) {
      return failed(unwritable(error, file));
    }
  };
  return {
    read: async (environment, service) => ok(await historyIn(file, environment, service)),
    services: async (environment) => ok(Object.keys((await load(file)).data.environments[environment] ?? {})),
    record: (release) =>
      change(release.environment, release.service, (history) => withRelease(history, release)),
    markBad: (environment, service, commit) =>
      change(environment, service, (history) => ({
        ...history,
        bad_commits: [commit, ...history.bad_commits.filter((other) => other !== commit)].slice(0, KEPT_BAD),
      })),
  };
}

async function historyIn(file: string, environment: string, service: string): Promise<ServiceHistory> {
  return (await load(file)).data.environments[environment]?.[service] ?? NOTHING;
}

function load(file: string) {
  return createLowdbFile<Registry>(file, isRegistry, { v: 1, environments: {} });
}

function isRegistry(value: unknown): value is Registry {
  return typeof value === 'object' && value !== null && 'environments' in value;
}

/** The same run and service again replaces its record; the three named ones follow from the list. */
function withRelease(history: ServiceHistory, release: ServiceRelease): ServiceHistory {
  const known = history.releases.findIndex(({ run_id: id }) => id === release.run_id);
  const releases = (known < 0 ? [release, ...history.releases] : history.releases.with(known, release)).slice(
    0,
    KEPT,
  );
  const serving = releases.filter(({ verdict }) => verdict === 'deployed' || verdict === 'healthy');
  const [current, previous] = serving;
  const lastHealthy = releases.find(({ verdict }) => verdict === 'healthy');
  return {
    ...(current && { current }),
    ...(previous && { previous }),
    ...(lastHealthy && { last_healthy: lastHealthy }),
    releases,
    bad_commits: history.bad_commits,
  };
}

async function underLock(file: string, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      fs.closeSync(fs.openSync(file, 'wx', 0o600));
      break;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    const ageMs = Date.now() - (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (ageMs > LOCK_STALE_MS) fs.rmSync(file, { force: true });
    await delay(LOCK_POLL_MS);
  }
  try {
    await work();
  } finally {
    fs.rmSync(file, { force: true });
  }
}
