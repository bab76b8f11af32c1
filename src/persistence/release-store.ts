import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../core/error-code.ts';
import { failed, ok, type Result } from '../core/failure.ts';
import { isObject } from '../core/json.ts';
import type { ReleaseStore, ServiceHistory, ServiceRelease } from '../core/releases.ts';
import { createLowdbFile } from './lowdb-file.ts';
import { ensureState, stateLayout } from './state-layout.ts';
import { unwritable } from './write-failure.ts';

/** As core/releases.ts says. */
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
    read: (environment, service) =>
      look(file, ({ environments }) => environments[environment]?.[service] ?? NOTHING),
    services: (environment) => look(file, ({ environments }) => Object.keys(environments[environment] ?? {})),
    record: (release) =>
      change(release.environment, release.service, (history) => withRelease(history, release)),
    markBad: (environment, service, commit) =>
      change(environment, service, (history) => ({
        ...history,
        bad_commits: [commit, ...history.bad_commits.filter((other) => other !== commit)].slice(0, KEPT_BAD),
      })),
  };
}

async function look<T>(file: string, read: (registry: Registry) => T): Promise<Result<T>> {
  try {
    const database = await load(file);
    return ok(read(database.data));
  } catch (error) {
    return failed(unwritable(error, file));
  }
}

function load(file: string) {
  return createLowdbFile<Registry>(file, isRegistry, { v: 1, environments: {} });
}

function isRegistry(value: unknown): value is Registry {
  return isObject(value) && isObject(value['environments']) && every(value['environments'], isServices);
}

function isServices(value: unknown): boolean {
  return isObject(value) && every(value, isHistory);
}

function isHistory(value: unknown): boolean {
  return isObject(value) && Array.isArray(value['releases']) && Array.isArray(value['bad_commits']);
}

function every(record: Readonly<Record<string, unknown>>, holds: (value: unknown) => boolean): boolean {
  return Object.values(record).every(holds);
}

/** The same run and service again replaces its record; the three named ones follow from the list. */
function withRelease(history: ServiceHistory, release: ServiceRelease): ServiceHistory {
  const known = history.releases.findIndex(({ run_id: id }) => id === release.run_id);
  const releases = newest(known < 0 ? [release, ...history.releases] : history.releases.with(known, release));
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

/** However many deploys have failed since: what serves, and what it could go back to, are kept. */
function newest(releases: readonly ServiceRelease[]): readonly ServiceRelease[] {
  const needed = releases.filter(({ verdict }) => verdict === 'healthy').slice(0, 2);
  const kept = new Set(needed);
  for (const release of releases) if (kept.size < KEPT) kept.add(release);
  return releases.filter((release) => kept.has(release));
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
