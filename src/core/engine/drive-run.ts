import { EventLog } from '../event-log.ts';
import { pairKey } from '../fold-index.ts';
import { type Failure, failed, ok, type Result } from '../failure.ts';
import { JournalError, type RunHandle } from '../ports.ts';
import type { RunState } from '../run-state.ts';
import { summarize } from '../summary.ts';
import { analysisReport } from './analysis.ts';
import type { Drive, EngineDeps } from './api.ts';
import { finishRun } from './finish-run.ts';
import { type GraphResult, runGraph } from './graph.ts';
import { lockReason } from './lock-reason.ts';
import { OpenExecutors } from './open-executors.ts';
import type { RunContext } from './run-context.ts';
import { type AskedUndo, openSession, type Session } from './run-session.ts';
import { tellEnd } from './tell-end.ts';

/** The events that open this process's part of a run: `run.created`, or `run.resumed` and resets. */
export type Opening = (log: EventLog) => Promise<void>;

/** Where a run stands when this process takes it. */
export interface RunStart {
  readonly state: RunState;
  readonly open: Opening;
  readonly undo?: AskedUndo;
}

/**
 * Drives a run that this process owns until it ends, waits or is stopped; then records how, and lets go of it.
 * Fails only when the state cannot be written.
 */
export async function driveRun(
  deps: EngineDeps,
  handle: RunHandle,
  start: RunStart,
  drive: Drive,
): Promise<Result<RunState>> {
  const result = await driveOwned(deps, handle, start, drive);
  if (result.ok) await tellEnd(deps, { before: start.state, after: result.value }, drive.signal);
  return result;
}

async function driveOwned(
  deps: EngineDeps,
  handle: RunHandle,
  start: RunStart,
  drive: Drive,
): Promise<Result<RunState>> {
  const log = new EventLog({
    runId: handle.runId,
    journal: handle.journal,
    clock: deps.clock,
    state: start.state,
    observers: drive.observers,
  });
  const began = deps.clock.monotonicMs();
  const opened = new OpenExecutors();
  try {
    await start.open(log);
    const session = openSession({ deps, drive, log, handle, opened, undo: start.undo });
    try {
      await finishRun(session, await work(session), began);
    } finally {
      session.close();
    }
    // Nothing runs any more, and all that happened is recorded.
    await Promise.all([settle(session.run), opened.close()]);
    return ok(log.state);
  } catch (error) {
    if (error instanceof JournalError) return failed(error.failure);
    throw error;
  } finally {
    await opened.close();
    await handle.release();
  }
}

/** The stages; a rollback that was asked for, or that a crash cut short, comes instead of them. */
async function work({ run, scope, undo }: Session): Promise<GraphResult> {
  const { rollback, stages } = run.log.state;
  const asked = undo ?? rollback;
  const cause = asked && (stages[asked.cause]?.failure ?? cancelledBy(asked.by));
  return cause ? { suspended: [], failure: { stage: asked.cause, cause } } : runGraph(run, scope);
}

/** Where a run was cancelled between two stages, none of them carries a failure. */
function cancelledBy(by: string | undefined): Failure | undefined {
  return by === undefined ? undefined : { reason: 'cancelled', by };
}

/** The index, the snapshot, and the report of a second failure in a row. */
async function settle(run: RunContext): Promise<void> {
  const { deps, log, drive, handle, created } = run;
  const recording = deps.store.record({
    type: 'run.ended',
    run_id: created.run_id,
    at: deps.clock.now(),
    summary: summarize(log.state),
    max_consecutive_failures: drive.maxConsecutiveFailures,
    ...lockReason(log.state),
    // Its failure was counted when it failed.
    ...(log.state.rollback?.by !== undefined && { is_undo: true }),
  });
  const [recorded] = await Promise.all([recording, handle.snapshot(log.state)]);
  if (!recorded.ok) throw new JournalError(recorded.failure);
  if (!hasFailed(log.state)) return;
  const index = await deps.store.index();
  if (!index.ok) return;
  const consecutive = index.value.consecutive[pairKey(created.pipeline, created.environment)] ?? 0;
  if (consecutive < 2) return;
  const earlier = index.value.runs.filter(
    (other) =>
      other.pipeline === created.pipeline &&
      other.environment === created.environment &&
      other.pipeline_id !== created.run_id,
  );
  await handle.writeArtifact('analysis.md', analysisReport(log.state, earlier, consecutive));
}

function hasFailed({ status }: RunState): boolean {
  return status === 'failed' || status === 'rolled_back';
}
