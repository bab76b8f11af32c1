import type { EventLog } from '../event-log.ts';
import type { Failure } from '../failure.ts';
import type { RunState } from '../run-state.ts';
import { endedStage } from './ended-stage.ts';
import { type EndFacts, endingOf } from './ending.ts';
import { type GraphResult, runFinally } from './graph.ts';
import { rollBack } from './rollback.ts';
import type { RunContext } from './run-context.ts';
import type { Session } from './run-session.ts';
import { findStage, type Scope } from './scope.ts';
import { settleStages } from './settle-stages.ts';
import { interruptionsOf, stopReason, type StopReason } from './stop.ts';
import { causeOf, stagesToUndo } from './undo.ts';

/** Rollback, `finally`, leftovers, and the last event. */
export async function finishRun(session: Session, result: GraphResult, began: number): Promise<void> {
  const { run, scope } = session;
  const { log, deps } = run;
  const stop = stopReason(run.signal);
  const part = (): { readonly duration_ms: number } => ({
    duration_ms: Math.round(deps.clock.monotonicMs() - began),
  });
  if (log.failure !== undefined) throw log.failure;
  if (stop?.kind === 'interrupt') {
    await session.opened.stopLeftovers(log);
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
    await session.opened.stopLeftovers(log);
    return log.append({ type: 'run.interrupted', status: 'interrupted', cause: later.cause, ...part() });
  }
  await settleStages(closing, scope);
  await runFinally(closing, scope);
  await session.opened.stopLeftovers(log);
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
