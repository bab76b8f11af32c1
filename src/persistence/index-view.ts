import type { IndexFold } from '../core/fold-index.ts';
import { foldIndex, toStateIndex } from '../core/fold-index.ts';
import type { RunRecord, RunSummary, StateIndex } from '../core/run-index.ts';
import type { RunState } from '../core/run-state.ts';
import { foldRun } from '../core/run-state.ts';
import { summarize, withExpiredStages } from '../core/summary.ts';
import { readOwner } from './owner-claim.ts';
import { replay } from './replay.ts';
import { listFolder } from './safe-files.ts';
import { isSafeName, runExists, runLayout } from './state-layout.ts';
import type { StateLayout } from './state-layout.ts';

/** A run that some process holds, or held when it died. */
export interface HeldRun {
  readonly runId: string;
  readonly alive: boolean;
  /** Folded journal; only of a run whose process is gone. */
  readonly state?: RunState;
}

/** Looks at the markers of `active/`: the cost grows with runs under way, not with history. */
export function readHeldRuns(layout: StateLayout): readonly HeldRun[] {
  return listFolder(layout.active)
    .filter(isSafeName)
    .filter((runId) => runExists(layout, runId))
    .map((runId) => {
      const run = runLayout(layout, runId);
      if (readOwner(run.folder)?.alive) return { runId, alive: true };
      return { runId, alive: false, state: foldRun(runId, replay(run.journal).events) };
    });
}

/** Ids that the index shows as running though no process holds or held them; they may just have ended. */
export function orphansOf(fold: IndexFold, held: readonly HeldRun[]): readonly string[] {
  const known = new Set(held.map(({ runId }) => runId));
  return fold.open.filter((runId) => !known.has(runId));
}

/**
 * The index with what the processes tell: who lives is `running`, whose process died is what its
 * journal says, and `interrupted` when that says nothing final.
 */
export function viewIndex(fold: IndexFold, held: readonly HeldRun[], nowMs: number): StateIndex {
  const counted = withoutUnborn(foldIndex(fold, unrecordedEnds(fold, held)), held);
  const index = toStateIndex(counted);
  const heldById = new Map(held.map((run) => [run.runId, run]));
  const runs = index.runs.map((summary) => viewSummary(summary, heldById.get(summary.pipeline_id), nowMs));
  const { current: _, ...rest } = index;
  const current = runs.find(({ status }) => status === 'running')?.pipeline_id ?? counted.open.at(-1);
  return { ...rest, runs, ...(current !== undefined && { current }) };
}

/**
 * The process died after the index heard of the run and before its journal did: nothing of it happened,
 * nothing of it can be continued.
 */
export function isUnborn({ alive, state }: HeldRun): boolean {
  return !alive && state !== undefined && state.last_seq < 0;
}

function withoutUnborn(fold: IndexFold, held: readonly HeldRun[]): IndexFold {
  const unborn = new Set(held.filter(isUnborn).map(({ runId }) => runId));
  const open = fold.open.filter((runId) => !unborn.has(runId));
  return {
    ...fold,
    open,
    summaries: fold.summaries.filter(({ pipeline_id: id }) => !unborn.has(id)),
    totals: { ...fold.totals, runs: fold.totals.runs - (fold.open.length - open.length) },
  };
}

/** Runs that reached their end in the journal and died before the index knew. */
export function unrecordedEnds(fold: IndexFold, held: readonly HeldRun[]): readonly RunRecord[] {
  return held.flatMap(({ runId, state }) => {
    if (state?.finished_at === undefined) return [];
    const known = fold.summaries.find(({ pipeline_id: id }) => id === runId);
    const isRecorded = known?.status === state.status && !fold.open.includes(runId);
    return isRecorded ? [] : [endRecord(state)];
  });
}

/** The end record of a run as its journal tells it. How many failures lock is not in the journal: none. */
export function endRecord(state: RunState, maxConsecutiveFailures = 0): RunRecord {
  return {
    type: 'run.ended',
    run_id: state.run_id,
    at: state.finished_at ?? state.started_at ?? '',
    summary: summarize(state),
    max_consecutive_failures: maxConsecutiveFailures,
  };
}

/** One run, with what its process and the clock tell. */
export function viewSummary(summary: RunSummary, held: HeldRun | undefined, nowMs: number): RunSummary {
  return withExpiredStages(withProcess(summary, held), nowMs);
}

function withProcess(summary: RunSummary, held: HeldRun | undefined): RunSummary {
  if (held?.alive) return summary.status === 'running' ? summary : { ...summary, status: 'running' };
  if (held?.state && held.state.status !== 'running' && held.state.created) return summarize(held.state);
  if (held?.state?.created) return interrupted(summarize(held.state));
  return summary.status === 'running' ? interrupted(summary) : summary;
}

function interrupted(summary: RunSummary): RunSummary {
  return {
    ...summary,
    status: 'interrupted',
    stages: summary.stages.map((stage) =>
      stage.status === 'running' ? { ...stage, status: 'interrupted' } : stage,
    ),
  };
}
