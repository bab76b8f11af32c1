import { EventLog } from '../event-log.ts';
import { pairKey } from '../fold-index.ts';
import { type Failure, failed, ok, type Result } from '../failure.ts';
import { JournalError, type RunHandle, type RunRequest } from '../ports.ts';
import type { RunState } from '../run-state.ts';
import { summarize } from '../summary.ts';
import { analysisReport } from './analysis.ts';
import type { Drive, EngineDeps } from './api.ts';
import { endedStage } from './ended-stage.ts';
import { type EndFacts, endingOf } from './ending.ts';
import { recordRequest } from './confirm.ts';
import { type GraphResult, runFinally, runGraph, runNested } from './graph.ts';
import { lockReason } from './lock-reason.ts';
import { OpenExecutors } from './open-executors.ts';
import { rollBack } from './rollback.ts';
import { settleStages } from './settle-stages.ts';
import { runPlace } from './run-place.ts';
import type { RunContext } from './run-context.ts';
import { findStage, type Scope } from './scope.ts';
import { Slots } from './slots.ts';
import { interruptionsOf, stopReason, type StopReason } from './stop.ts';
import { tellEnd } from './tell-end.ts';
import { causeOf, stagesToUndo } from './undo.ts';
import { isUnitOpen } from './unit.ts';

/** The events that open this process's part of a run: `run.created`, or `run.resumed` and resets. */
export type Opening = (log: EventLog) => Promise<void>;

/** Where a run stands when this process takes it. */
export interface RunStart {
  readonly state: RunState;
  readonly open: Opening;
  /** Instead of running stages: undo what ran. */
  readonly undo?: { readonly cause: string; readonly by: string };
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

interface Session {
  readonly run: RunContext;
  readonly scope: Scope;
  readonly opened: OpenExecutors;
  readonly undo: RunStart['undo'];
  readonly close: () => void;
}

function openSession(parts: {
  readonly deps: EngineDeps;
  readonly drive: Drive;
  readonly log: EventLog;
  readonly handle: RunHandle;
  readonly opened: OpenExecutors;
  readonly undo: RunStart['undo'];
}): Session {
  const { deps, drive, log, handle, opened, undo } = parts;
  const { created } = log.state;
  if (!created) throw new Error(`run ${handle.runId} has no run.created event`);
  const place = runPlace(handle, created);
  const stop = new AbortController();
  const listeners = new Set<() => void>();
  const unsubscribe = handle.onRequest((request) => void hear(request));
  const hear = async (request: RunRequest): Promise<void> => {
    if (request.type === 'cancel') {
      // Nobody can be asked: what is in the middle of a deploy goes back.
      stop.abort({
        kind: 'cancel',
        cause: request.by,
        undo: isUnitOpen(log.state),
      } satisfies StopReason);
    } else if (await recordRequest({ log, created }, request)) for (const listen of listeners) listen();
  };
  const run: RunContext = {
    deps,
    drive,
    log,
    handle,
    created,
    facts: {
      run_id: handle.runId,
      environment: created.environment,
      trigger: created.trigger,
      project: created.project,
      commits: created.commits,
      artifacts: `${handle.folder}/artifacts`,
    },
    executors: opened.track(deps.executors(place)),
    model: deps.models(place),
    settings: place.settings,
    slots: new Slots(created.definition.max_workers),
    questions: new Slots(1),
    signal: AbortSignal.any([drive.signal, stop.signal, log.broken]),
    onRequest: (listen) => {
      listeners.add(listen);
      return () => listeners.delete(listen);
    },
    nested: runNested,
  };
  return {
    run,
    opened,
    undo,
    scope: { definition: created.definition, prefix: '', params: created.params },
    close: unsubscribe,
  };
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

/** Rollback, `finally`, leftovers, and the last event. */
async function finishRun(session: Session, result: GraphResult, began: number): Promise<void> {
  const { run, scope } = session;
  const { log, deps } = run;
  const stop = stopReason(run.signal);
  const part = (): { readonly duration_ms: number } => ({
    duration_ms: Math.round(deps.clock.monotonicMs() - began),
  });
  if (log.failure !== undefined) throw log.failure;
  if (stop?.kind === 'interrupt') {
    await stopLeftovers(session);
    return log.append({ type: 'run.interrupted', status: 'interrupted', cause: stop.cause, ...part() });
  }
  if (!stop && result.suspended.length > 0 && !result.failure) {
    return log.append({
      type: 'run.waiting',
      status: 'waiting',
      stages: waitingStages(log.state),
      ...part(),
    });
  }
  // A cancelled run's own signal is spent; what cleans up after it gets one that only a broken journal aborts.
  const closing: RunContext = stop ? { ...run, signal: log.broken } : run;
  if (stop) await recordCancel(log, stop);
  const undoing = { ...closing, signal: AbortSignal.any([log.broken, interruptionsOf(run.signal)]) };
  const rollbackFailure = stop
    ? await rollBackCancelled(undoing, scope, stop)
    : await rollBackIfAsked(undoing, session, result);
  const later = stopReason(undoing.signal);
  if (log.failure === undefined && later) {
    await stopLeftovers(session);
    return log.append({ type: 'run.interrupted', status: 'interrupted', cause: later.cause, ...part() });
  }
  await settleStages(closing, scope);
  await runFinally(closing, scope);
  await stopLeftovers(session);
  await close(run, { stop, result, rollbackFailure }, part);
}

/** The last event, unless the run was stopped in the meantime so that it can go on. */
async function close(
  run: RunContext,
  facts: EndFacts,
  part: () => { readonly duration_ms: number },
): Promise<void> {
  const { log } = run;
  const last = facts.stop ?? (log.failure === undefined ? stopReason(run.signal) : undefined);
  if (last?.kind === 'interrupt') {
    return log.append({ type: 'run.interrupted', status: 'interrupted', cause: last.cause, ...part() });
  }
  // Stopped at its very end: a failure before that stays what the run came to.
  const stop = facts.result.failure ? facts.stop : last;
  if (stop && !facts.stop) await log.append({ type: 'cancel.requested', by: stop.cause });
  const ending = endingOf(log.state, { ...facts, stop });
  await log.append({
    type: 'run.finished',
    duration_ms: log.state.spent_ms + part().duration_ms,
    ...ending,
  });
}

async function rollBackIfAsked(
  run: RunContext,
  { scope, undo }: Session,
  { failure }: GraphResult,
): Promise<Failure | undefined> {
  const by = undo?.by ?? run.log.state.rollback?.by;
  const isAsked =
    by !== undefined || asksForRollback(scope, failure && { reason: 'stage-failed', ...failure });
  if (!failure || !isAsked) return undefined;
  const { rollback } = run.log.state;
  // A stage that failed before it changed anything is a failure, not a rollback.
  if (!rollback && stagesToUndo(run.log.state, scope.definition).length === 0) return undefined;
  return rollBack(run, scope, { cause: failure.stage, ...(by !== undefined && { by }) });
}

/** A person wants to stop and have it undone. */
async function rollBackCancelled(
  run: RunContext,
  scope: Scope,
  { undo, cause: by }: StopReason,
): Promise<Failure | undefined> {
  if (undo !== true) return undefined;
  const cause = causeOf(run.log.state);
  if (cause === undefined || stagesToUndo(run.log.state, scope.definition).length === 0) return undefined;
  return rollBack(run, scope, { cause, by });
}

/** The stage that failed asks for it, or one inside it whose failure this is. */
function asksForRollback(scope: Scope, failure: Failure | undefined): boolean {
  if (failure?.reason !== 'stage-failed') return false;
  const stage = findStage(scope.definition, failure.stage);
  return stage?.on_failure === 'rollback' || asksForRollback(scope, failure.cause);
}

async function recordCancel(log: EventLog, { cause }: StopReason): Promise<void> {
  await log.append({ type: 'cancel.requested', by: cause });
  for (const { name, status, attempt } of Object.values(log.state.stages)) {
    if (status === 'waiting' || status === 'running' || status === 'interrupted') {
      log.record(
        endedStage(name, attempt, { status: 'cancelled', failure: { reason: 'cancelled', by: cause } }),
      );
    }
  }
}

function waitingStages(state: RunState): readonly string[] {
  const waiting = Object.values(state.stages).filter(
    ({ status, confirmation }) => status === 'waiting' && confirmation && !confirmation.answered,
  );
  const stuck = Object.values(state.stages).filter(({ status }) => status === 'running');
  return (waiting.length > 0 ? waiting : stuck).map(({ name }) => name);
}

async function stopLeftovers({ run, opened }: Session): Promise<void> {
  const commands = await opened.stopLeftovers();
  if (commands.length > 0)
    await run.log.append({ type: 'leftovers.stopped', count: commands.length, commands });
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
