import fs from 'node:fs';
import path from 'node:path';
import { errorCode } from '../core/error-code.ts';
import type { Result } from '../core/failure.ts';
import { failed, ok } from '../core/failure.ts';
import type { IndexFold } from '../core/fold-index.ts';
import { EMPTY_INDEX, foldIndex } from '../core/fold-index.ts';
import type { Clock, Identity, RunHandle, RunStore, StoredRun } from '../core/ports.ts';
import type { RunSummary, StateIndex } from '../core/run-index.ts';
import { followRun } from './follow.ts';
import type { HistoryFilter } from './history.ts';
import { readHistory } from './history.ts';
import { leaveRequest } from './inbox.ts';
import type { IndexFile } from './index-snapshot.ts';
import { createIndexFile } from './index-snapshot.ts';
import { isUnborn, orphansOf, readHeldRuns, unrecordedEnds, viewIndex, type HeldRun } from './index-view.ts';
import { claimRun, isClaim, readOwner } from './owner-claim.ts';
import { ensureIndex, rebuildIndexFile, recordsFromJournals } from './rebuild-index.ts';
import type { AuditReport } from './replay.ts';
import { auditRun, replay } from './replay.ts';
import { createRunHandle } from './run-handle.ts';
import { listFolder, makeFolder, removeQuietly } from './safe-files.ts';
import { segmentEpoch } from './segment.ts';
import { createOnce, ensureState, isSafeName, runExists, runLayout, stateLayout } from './state-layout.ts';
import type { RunLayout, StateLayout } from './state-layout.ts';
import { unwritable } from './write-failure.ts';

/** Where a store keeps its files and who writes them. */
export interface RunStoreOptions {
  /** Created when first needed, 0700. */
  readonly stateDir: string;
  readonly identity: Identity;
  readonly clock: Clock;
}

/** The port, and what only commands that look after the state need. */
export interface FileRunStore extends RunStore {
  /** Every run ever, the one with the newest record first, read lazily from `index.ndjson`. */
  readonly history: (filter?: HistoryFilter) => AsyncIterable<RunSummary>;
  /** Verifies the hash chain of a run. Fails with `run-not-found`. */
  readonly audit: (runId: string) => Promise<Result<AuditReport>>;
  /** Writes `index.ndjson` anew from the journals; the number of records. Fails with `state-unwritable`. */
  readonly rebuildIndex: () => Promise<Result<number>>;
}

/** Ids that `run-not-found` names, at most. */
const MOST_CANDIDATES = 10;
const RUN_FOLDERS = ['journal', 'inbox', 'logs', 'artifacts', 'steps'];

interface Store extends RunStoreOptions {
  readonly layout: StateLayout;
  readonly index: IndexFile;
}

/** Runs as files below `stateDir`. DESIGN section 6; research: reliability 2.8. */
export function createRunStore(options: RunStoreOptions): FileRunStore {
  const layout = stateLayout(options.stateDir);
  const store: Store = { ...options, layout, index: createIndexFile(layout) };
  return {
    create: (runId) => createRun(store, runId),
    open: (runId) => openRun(store, runId),
    read: (runId) => onRun(layout, runId, (run) => translating(run.folder, async () => readRun(runId, run))),
    find: async (query) => {
      const found = await translating(layout.root, () => findRun(store, query));
      return found.ok ? found.value : found;
    },
    request: (runId, request) =>
      onRun(layout, runId, (run) => translating(run.inbox, () => leaveRequest(run.inbox, request))),
    follow: (runId, fromSeq, signal) =>
      runExists(layout, runId) ? followRun(runLayout(layout, runId), fromSeq, signal) : nothing(),
    index: () => readIndex(store),
    record: (record) =>
      translating(layout.index, async () => {
        ensureState(layout);
        const runId = record.type === 'unlocked' ? undefined : record.run_id;
        await ensureIndex(layout, runId);
        await store.index.append(record);
        if (record.type === 'run.ended') removeQuietly(runLayout(layout, record.run_id).marker);
      }),
    history: (filter = {}) => readHistory(layout, filter, options.clock.nowMs()),
    audit: (runId) => onRun(layout, runId, (run) => Promise.resolve(ok(auditRun(run.folder)))),
    rebuildIndex: () => translating(layout.index, () => rebuildIndexFile(layout)),
  };
}

async function createRun(store: Store, runId: string): Promise<Result<RunHandle>> {
  const { layout } = store;
  if (!isSafeName(runId))
    return failed({ reason: 'invalid', message: `${JSON.stringify(runId)} cannot name a run` });
  const prepared = await translating(layout.root, async () => {
    ensureState(layout);
    await ensureIndex(layout);
  });
  if (!prepared.ok) return prepared;
  const run = runLayout(layout, runId);
  const taken = await translating(run.folder, async () => !makeFolder(run.folder));
  if (!taken.ok) return taken;
  if (taken.value) return failed({ reason: 'invalid', message: `There is already a run ${runId}` });
  const handle = await takeRun(store, runId, run);
  if (!handle.ok) {
    removeQuietly(run.marker);
    fs.rmSync(run.folder, { recursive: true, force: true });
  }
  return handle;
}

function openRun(store: Store, runId: string): Promise<Result<RunHandle>> {
  return onRun(store.layout, runId, async (run) => {
    const prepared = await translating(store.layout.root, async () => ensureState(store.layout));
    return prepared.ok ? takeRun(store, runId, run) : prepared;
  });
}

/** Claims the run, reads what it holds, begins the next segment. */
async function takeRun(store: Store, runId: string, run: RunLayout): Promise<Result<RunHandle>> {
  const { layout, clock, identity } = store;
  const claimed = await translating(run.folder, async () => {
    for (const name of RUN_FOLDERS) makeFolder(path.join(run.folder, name));
    const used = Math.max(0, ...listFolder(run.journal).map((name) => segmentEpoch(name) ?? 0));
    return claimRun(run.folder, { identity, at: clock.now() }, used);
  });
  if (!claimed.ok) return claimed;
  const claim = claimed.value;
  if (!isClaim(claim))
    return failed({ reason: 'run-owned', run_id: runId, pid: claim.pid, host: claim.host });
  const { events, damage, tail } = replay(run.journal);
  const [first] = damage;
  if (first) {
    claim.release();
    return failed({ reason: 'journal-corrupt', file: first.file, byte: first.byte });
  }
  const handle = await translating(run.folder, async () => {
    const isNewMarker = createOnce(run.marker, '');
    return createRunHandle({ runId, layout, run, claim, isNewMarker, events, tail, clock, identity });
  });
  if (!handle.ok) claim.release();
  return handle;
}

function readRun(runId: string, run: RunLayout): StoredRun {
  const owner = readOwner(run.folder);
  const { events, damage, tornBytes } = replay(run.journal);
  return {
    runId,
    folder: run.folder,
    events,
    damage,
    tornBytes,
    ...(owner?.alive && { owner: { pid: owner.pid, host: owner.host } }),
  };
}

async function findRun(store: Store, query: string): Promise<Result<string>> {
  const { layout } = store;
  if (query === 'last') {
    const fold = await translating(layout.index, () => currentFold(store));
    const known = fold.ok ? fold.value.summaries.map(({ pipeline_id: id }) => id) : [];
    // Without a usable index: ids begin with the time.
    const unborn = new Set(readHeldRuns(layout).flatMap((run) => (isUnborn(run) ? [run.runId] : [])));
    const runId = [...known, ...allRuns(layout)].find((id) => runExists(layout, id) && !unborn.has(id));
    return runId === undefined ? notFound(layout, query) : ok(runId);
  }
  if (runExists(layout, query)) return ok(query);
  const matches = query === '' ? [] : allRuns(layout).filter((runId) => runId.startsWith(query));
  const [only, another] = matches;
  if (only !== undefined && another === undefined) return ok(only);
  return only === undefined ? notFound(layout, query) : notFound(layout, query, matches);
}

/** Newest first, as far as the ids tell. */
function allRuns(layout: StateLayout): readonly string[] {
  return listFolder(layout.runs).filter(isSafeName).toSorted().toReversed();
}

function notFound(layout: StateLayout, query: string, matches = allRuns(layout)) {
  return failed({ reason: 'run-not-found', query, candidates: matches.slice(0, MOST_CANDIDATES) } as const);
}

async function readIndex(store: Store): Promise<Result<StateIndex>> {
  const { layout } = store;
  try {
    let held = readHeldRuns(layout);
    let fold = await currentFold(store);
    if (orphansOf(fold, held).length > 0) {
      // One that started or ended between the two looks is no orphan.
      held = readHeldRuns(layout);
      fold = await currentFold(store);
    }
    await recordLostEnds(store, fold, held);
    return ok(viewIndex(fold, held, store.clock.nowMs()));
  } catch (error) {
    return failed(unwritable(error, layout.index));
  }
}

/** The fold of the index; where there is none but there are runs, of their journals. */
async function currentFold(store: Store): Promise<IndexFold> {
  const { layout, index } = store;
  if (fs.existsSync(layout.index)) return index.read();
  if (listFolder(layout.runs).length === 0) return EMPTY_INDEX;
  try {
    await ensureIndex(layout);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    // Read-only: seen all the same.
    return foldIndex(EMPTY_INDEX, recordsFromJournals(layout));
  }
  return index.read();
}

/**
 * Records the end of runs whose process died between its last event and the index. Only the
 * process that gets the claim does it, so it is counted once; where it cannot be written it waits.
 */
async function recordLostEnds(store: Store, fold: IndexFold, held: readonly HeldRun[]): Promise<void> {
  for (const { runId, state } of held) {
    if (state?.finished_at === undefined) continue;
    const run = runLayout(store.layout, runId);
    try {
      const claim = claimRun(run.folder, { identity: store.identity, at: store.clock.now() }, 0);
      if (!isClaim(claim)) continue;
      const [record] = unrecordedEnds(fold, [{ runId, alive: false, state }]);
      if (record && fs.existsSync(run.marker)) await store.index.append(record);
      removeQuietly(run.marker);
      claim.release();
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
    }
  }
}

// oxlint-disable-next-line require-yield -- a run that is not there has no events
async function* nothing(): AsyncGenerator<never> {}

async function onRun<T>(
  layout: StateLayout,
  runId: string,
  act: (run: RunLayout) => Promise<Result<T>>,
): Promise<Result<T>> {
  return runExists(layout, runId) ? act(runLayout(layout, runId)) : notFound(layout, runId);
}

/** Runs `act`; an error of the operating system becomes `state-unwritable` at `place`. */
async function translating<T>(place: string, act: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await act());
  } catch (error) {
    return failed(unwritable(error, place));
  }
}
