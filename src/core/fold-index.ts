import type { RunStatus } from './definition.ts';
import type { PipelineLock, RunRecord, RunStats, RunSummary, StateIndex } from './run-index.ts';
import { unreachable } from './unreachable.ts';

/** Summaries that the snapshot keeps. */
export const KEPT_SUMMARIES = 200;

/** Everything the index's records add up to: JSON-safe, of bounded size, continued record by record. */
export interface IndexFold {
  /** The newest runs, newest first. */
  readonly summaries: readonly RunSummary[];
  /** Ids of runs that were started and have no end record, oldest first. */
  readonly open: readonly string[];
  readonly totals: IndexTotals;
  /** Failures in a row by `pairKey`. */
  readonly consecutive: Readonly<Record<string, number>>;
  readonly locked: readonly PipelineLock[];
  /** The pipeline and environment of the newest record. */
  readonly last_pair?: string;
}

/** Sums that the averages of `RunStats` come from. */
interface IndexTotals {
  readonly runs: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly timed: number;
  readonly duration_ms: number;
  readonly per_stage: Readonly<Record<string, StageTotals>>;
}

interface StageTotals {
  readonly runs: number;
  readonly failures: number;
  readonly duration_ms: number;
}

/** Where every fold begins. */
export const EMPTY_INDEX: IndexFold = {
  summaries: [],
  open: [],
  totals: { runs: 0, succeeded: 0, failed: 0, cancelled: 0, timed: 0, duration_ms: 0, per_stage: {} },
  consecutive: {},
  locked: [],
};

/** Key of the maps that count by pipeline and environment. */
export function pairKey(pipeline: string, environment: string): string {
  return `${pipeline}\u0000${environment}`;
}

/** Continue the fold with later records, in the order of the file. Pure. */
export function foldIndex(fold: IndexFold, records: Iterable<RunRecord>): IndexFold {
  const draft = openDraft(fold);
  for (const record of records) applyRecord(draft, record);
  return closeDraft(draft);
}

/** The index as its readers see it. */
export function toStateIndex(fold: IndexFold): StateIndex {
  const current = fold.open.at(-1);
  return {
    runs: fold.summaries,
    ...(current !== undefined && { current }),
    stats: toStats(fold),
    consecutive: fold.consecutive,
    locked: fold.locked,
  };
}

/** What a run looks like that has a start record and no end yet. */
export function startedSummary(record: Extract<RunRecord, { type: 'run.started' }>): RunSummary {
  return {
    pipeline_id: record.run_id,
    pipeline: record.pipeline,
    environment: record.environment,
    status: 'running',
    trigger: record.trigger,
    started_at: record.at,
    stages: record.stages.map((name) => ({ name, status: 'pending' })),
    decisions: [],
  };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Draft {
  readonly summaries: RunSummary[];
  readonly open: Set<string>;
  readonly totals: Mutable<Omit<IndexTotals, 'per_stage'>>;
  readonly stages: Map<string, StageTotals>;
  readonly consecutive: Map<string, number>;
  locked: PipelineLock[];
  lastPair: string | undefined;
}

function openDraft(fold: IndexFold): Draft {
  const { per_stage: stages, ...totals } = fold.totals;
  return {
    summaries: [...fold.summaries],
    open: new Set(fold.open),
    totals: { ...totals },
    stages: new Map(Object.entries(stages)),
    consecutive: new Map(Object.entries(fold.consecutive)),
    locked: [...fold.locked],
    lastPair: fold.last_pair,
  };
}

function closeDraft(draft: Draft): IndexFold {
  return {
    summaries: draft.summaries,
    open: [...draft.open],
    totals: { ...draft.totals, per_stage: Object.fromEntries(draft.stages) },
    consecutive: Object.fromEntries(draft.consecutive),
    locked: draft.locked,
    ...(draft.lastPair !== undefined && { last_pair: draft.lastPair }),
  };
}

function applyRecord(draft: Draft, record: RunRecord): void {
  switch (record.type) {
    case 'run.started':
      return applyStart(draft, record);
    case 'run.ended':
      return applyEnd(draft, record);
    case 'unlocked':
      return applyUnlock(draft, record);
  }
}

function applyStart(draft: Draft, record: Extract<RunRecord, { type: 'run.started' }>): void {
  draft.lastPair = pairKey(record.pipeline, record.environment);
  draft.open.add(record.run_id);
  const known = draft.summaries.findIndex(({ pipeline_id: id }) => id === record.run_id);
  const before = draft.summaries[known];
  if (before) {
    // Taken up again: the same run, so its earlier outcome no longer counts.
    addTotals(draft, before, -1);
    draft.summaries[known] = { ...before, status: 'running' };
    return;
  }
  draft.totals.runs += 1;
  insertSummary(draft, startedSummary(record));
}

function applyEnd(draft: Draft, record: Extract<RunRecord, { type: 'run.ended' }>): void {
  const { summary } = record;
  draft.lastPair = pairKey(summary.pipeline, summary.environment);
  const known = draft.summaries.findIndex(({ pipeline_id: id }) => id === record.run_id);
  const before = draft.summaries[known];
  // A run is counted once, with its last outcome: `rerun` may turn failed into success.
  if (before) {
    addTotals(draft, before, -1);
    draft.summaries[known] = summary;
  } else {
    if (!draft.open.has(record.run_id) && !isBeyondWindow(draft, summary)) draft.totals.runs += 1;
    insertSummary(draft, summary);
  }
  draft.open.delete(record.run_id);
  addTotals(draft, summary, 1);
  countOutcome(draft, record);
}

/** True when the run is older than all summaries kept: its start was seen and dropped. */
function isBeyondWindow(draft: Draft, summary: RunSummary): boolean {
  const oldest = draft.summaries.at(-1);
  return (
    draft.summaries.length >= KEPT_SUMMARIES && oldest !== undefined && startOf(summary) < startOf(oldest)
  );
}

function insertSummary(draft: Draft, summary: RunSummary): void {
  const place = draft.summaries.findIndex((other) => startOf(other) <= startOf(summary));
  draft.summaries.splice(place < 0 ? draft.summaries.length : place, 0, summary);
  if (draft.summaries.length > KEPT_SUMMARIES) draft.summaries.length = KEPT_SUMMARIES;
}

/** Milliseconds: two zones cannot be compared as text. */
function startOf(summary: RunSummary): number {
  const time = Date.parse(summary.started_at);
  return Number.isNaN(time) ? 0 : time;
}

type Outcome = 'succeeded' | 'failed' | 'cancelled' | undefined;

function outcomeOf(status: RunStatus): Outcome {
  switch (status) {
    case 'success':
    case 'warning':
      return 'succeeded';
    case 'failed':
    case 'rolled_back':
      return 'failed';
    case 'cancelled':
      return 'cancelled';
    case 'running':
    case 'waiting':
    case 'interrupted':
      return undefined;
    default:
      return unreachable(status);
  }
}

function addTotals(draft: Draft, summary: RunSummary, sign: 1 | -1): void {
  const outcome = outcomeOf(summary.status);
  if (!outcome) return;
  draft.totals[outcome] += sign;
  if (summary.duration_ms !== undefined) {
    draft.totals.timed += sign;
    draft.totals.duration_ms += sign * summary.duration_ms;
  }
  for (const stage of summary.stages) {
    if (!RAN.has(stage.status)) continue;
    const before = draft.stages.get(stage.name) ?? { runs: 0, failures: 0, duration_ms: 0 };
    draft.stages.set(stage.name, {
      runs: before.runs + sign,
      failures: before.failures + (stage.status === 'failed' || stage.failed === true ? sign : 0),
      duration_ms: before.duration_ms + sign * (stage.duration_ms ?? 0),
    });
  }
}

/** Stage statuses that say something about the stage: it ran to an end. */
const RAN: ReadonlySet<string> = new Set(['passed', 'warning', 'failed', 'rolled_back']);

/** Spec 2: failures in a row lock; a success (of a run that is continued while it is locked) begins anew. */
function countOutcome(draft: Draft, record: Extract<RunRecord, { type: 'run.ended' }>): void {
  const { pipeline, environment, status } = record.summary;
  const key = pairKey(pipeline, environment);
  const outcome = outcomeOf(status);
  if (outcome === 'succeeded') {
    draft.consecutive.delete(key);
    draft.locked = draft.locked.filter((lock) => pairKey(lock.pipeline, lock.environment) !== key);
  }
  if (outcome !== 'failed' || (record.is_undo === true && record.lock_reason === undefined)) return;
  const failures = (draft.consecutive.get(key) ?? 0) + (record.is_undo === true ? 0 : 1);
  draft.consecutive.set(key, failures);
  const limit = record.max_consecutive_failures;
  const known = draft.locked.findIndex((lock) => pairKey(lock.pipeline, lock.environment) === key);
  const lock = draft.locked[known];
  const reason = record.lock_reason;
  if (lock) draft.locked[known] = { ...lock, consecutive_failures: failures };
  else if (reason !== undefined || (limit > 0 && failures >= limit))
    draft.locked.push({
      pipeline,
      environment,
      consecutive_failures: failures,
      since: record.at,
      run_id: record.run_id,
      ...(reason !== undefined && { reason }),
    });
}

function applyUnlock(draft: Draft, record: Extract<RunRecord, { type: 'unlocked' }>): void {
  const isMeant = (pipeline: string | undefined, environment: string | undefined) =>
    (record.pipeline === undefined || record.pipeline === pipeline) &&
    (record.environment === undefined || record.environment === environment);
  draft.locked = draft.locked.filter((lock) => !isMeant(lock.pipeline, lock.environment));
  for (const key of draft.consecutive.keys()) {
    const [pipeline, environment] = key.split('\u0000');
    if (isMeant(pipeline, environment)) draft.consecutive.delete(key);
  }
}

function toStats({ totals, consecutive, last_pair: lastPair }: IndexFold): RunStats {
  const ended = totals.succeeded + totals.failed + totals.cancelled;
  return {
    total_runs: totals.runs,
    success_count: totals.succeeded,
    failure_count: totals.failed,
    consecutive_failures: lastPair === undefined ? 0 : (consecutive[lastPair] ?? 0),
    ...(ended > 0 && { success_rate: totals.succeeded / ended }),
    ...(totals.timed > 0 && { average_duration_ms: Math.round(totals.duration_ms / totals.timed) }),
    per_stage: Object.fromEntries(
      Object.entries(totals.per_stage).flatMap(([name, { runs, failures, duration_ms: sum }]) =>
        runs > 0 ? [[name, { runs, failures, average_duration_ms: Math.round(sum / runs) }]] : [],
      ),
    ),
  };
}
