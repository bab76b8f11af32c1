import type { RunStatus } from '../definition.ts';
import type { ConfirmationAnswered, Draft } from '../events.ts';
import { EventLog } from '../event-log.ts';
import { type Failure, failed, ok, type Result } from '../failure.ts';
import { JournalError, type RunHandle, type StoredRun } from '../ports.ts';
import { foldRun, reduce, type RunState } from '../run-state.ts';
import type { StageState } from '../stage-state.ts';
import { summarize } from '../summary.ts';
import type { EngineDeps } from './api.ts';
import { ANSWERS } from './confirm.ts';
import { driveRun } from './drive-run.ts';
import { OpenExecutors } from './open-executors.ts';
import { isOver } from './over.ts';
import { runPlace } from './run-place.ts';
import type { StopReason } from './stop.ts';
import { isUnitOpen } from './unit.ts';

interface GivenAnswer {
  readonly type: 'approve' | 'reject' | 'skip';
  readonly comment?: string;
}

/** Longest wait for the process that owns a run to act on a request, milliseconds. */
const OWNER_WAIT_MS = 15_000;
/** Another command may hold the run for a moment, only to write something down: so often it is tried again. */
const MOST_TRIES = 50;
const TRY_AGAIN_MS = 100;

/** Records an answer for a waiting stage: through the run's owner if one lives, otherwise here. */
export function answerRun(
  deps: EngineDeps,
  runId: string,
  stageId: string,
  given: GivenAnswer,
): Promise<Result<RunStatus>> {
  return whenFree(deps, () => answerOnce(deps, runId, stageId, given));
}

/** Acts again while the run is in the hands of a process that lets go of it without having heard us. */
async function whenFree<T>(deps: EngineDeps, act: () => Promise<Result<T>>): Promise<Result<T>> {
  const never = new AbortController().signal;
  for (let tries = 1; ; tries += 1) {
    const result = await act();
    if (result.ok || result.failure.reason !== 'run-owned' || tries === MOST_TRIES) return result;
    await deps.clock.sleep(TRY_AGAIN_MS, never);
  }
}

async function answerOnce(
  deps: EngineDeps,
  runId: string,
  stageId: string,
  given: GivenAnswer,
): Promise<Result<RunStatus>> {
  const stored = await deps.store.read(runId);
  if (!stored.ok) return stored;
  const state = foldRun(runId, stored.value.events);
  const problem = notAnswerable(deps, state, stageId);
  if (problem) return failed(problem);
  const { owner } = stored.value;
  if (owner) return askOwner(deps, { state, owner }, stageId, given);
  return asOwner(deps, runId, async (handle, log) => {
    const late = notAnswerable(deps, log.state, stageId);
    if (late) return failed(late);
    await log.append(answerEvent(deps, log.state, stageId, given));
    await handle.snapshot(log.state);
    return ok(log.state.status);
  });
}

function notAnswerable(deps: EngineDeps, state: RunState, stageId: string): Failure | undefined {
  const stage = state.stages[stageId];
  if (!stage) {
    const hint = `its stages: ${Object.keys(state.stages).join(', ')}`;
    return { reason: 'invalid', message: `no stage "${stageId}" in run ${state.run_id}`, hint };
  }
  if (isOver(state)) {
    return { reason: 'invalid', message: `run ${state.run_id} has already ended: ${state.status}` };
  }
  if (isStuck(state, stage)) return undefined;
  const { confirmation } = stage;
  if (!confirmation) return { reason: 'invalid', message: `stage ${stageId} does not wait for an answer` };
  if (confirmation.answered) return alreadyAnswered(stageId, confirmation.answered);
  const { expires_at, plan_hash } = confirmation.requested;
  if (Date.parse(expires_at) <= deps.clock.nowMs())
    return { reason: 'confirmation-expired', expired_at: expires_at };
  if (plan_hash !== state.created?.plan_hash) {
    return { reason: 'invalid', message: `the plan of run ${state.run_id} is not the one that was shown` };
  }
  return undefined;
}

function alreadyAnswered(
  stageId: string,
  { answer, by }: Pick<ConfirmationAnswered, 'answer' | 'by'>,
): Failure {
  return { reason: 'invalid', message: `stage ${stageId} was already ${answer} by ${by}` };
}

/** A crash left one of its steps in the middle, and somebody must say what that means. */
function isStuck(state: RunState, stage: StageState): boolean {
  const isCut = Object.values(stage.steps).some(({ finished }) => !finished);
  return state.status === 'waiting' && stage.status === 'running' && isCut && !stage.interruption_answer;
}

function answerEvent(deps: EngineDeps, state: RunState, stageId: string, given: GivenAnswer): Draft {
  const by = `${deps.identity.user}@${deps.identity.host}`;
  const stage = state.stages[stageId];
  if (stage && isStuck(state, stage)) {
    const answers = { approve: 'retry', reject: 'fail', skip: 'skip' } as const;
    return { type: 'interruption.answered', stage: stageId, answer: answers[given.type], by };
  }
  return {
    type: 'confirmation.answered',
    stage: stageId,
    answer: ANSWERS[given.type],
    by,
    via: 'command',
    plan_hash: state.created?.plan_hash ?? '',
    ...(given.comment && { comment: given.comment }),
  };
}

/** A run and the process that has it. */
interface OwnedRun {
  readonly state: RunState;
  readonly owner: NonNullable<StoredRun['owner']>;
}

async function askOwner(
  deps: EngineDeps,
  owned: OwnedRun,
  stage: string,
  given: GivenAnswer,
): Promise<Result<RunStatus>> {
  const { state } = owned;
  const by = `${deps.identity.user}@${deps.identity.host}`;
  const sent = await deps.store.request(state.run_id, {
    ...given,
    stage,
    by,
    plan_hash: state.created?.plan_hash ?? '',
  });
  if (!sent.ok) return sent;
  const answered = (now: RunState) => now.stages[stage]?.confirmation?.answered;
  const later = await waitFor(deps, owned, (now) => answered(now) !== undefined);
  if (!later.ok) return later;
  const counted = answered(later.value);
  // Somebody was faster, and said the opposite.
  if (counted && counted.answer !== ANSWERS[given.type]) return failed(alreadyAnswered(stage, counted));
  return ok(later.value.status);
}

/**
 * Ends a run for good: through its owner if one lives, otherwise here, together with what it left running. What is
 * in the middle of a deploy goes back, `finally` stages run.
 */
export function cancelRun(deps: EngineDeps, runId: string): Promise<Result<RunStatus>> {
  return whenFree(deps, () => cancelOnce(deps, runId));
}

async function cancelOnce(deps: EngineDeps, runId: string): Promise<Result<RunStatus>> {
  const stored = await deps.store.read(runId);
  if (!stored.ok) return stored;
  const state = foldRun(runId, stored.value.events);
  if (state.finished_at !== undefined) {
    return failed({ reason: 'invalid', message: `run ${runId} has already ended: ${state.status}` });
  }
  const by = `${deps.identity.user}@${deps.identity.host}`;
  const { owner } = stored.value;
  if (owner) {
    const sent = await deps.store.request(runId, { type: 'cancel', by });
    if (!sent.ok) return sent;
    const later = await waitFor(deps, { state, owner }, (now) => now.finished_at !== undefined);
    return later.ok ? ok(later.value.status) : later;
  }
  return asOwner(deps, runId, (handle, log) => cancelAsOwner(deps, handle, log, by));
}

async function cancelAsOwner(
  deps: EngineDeps,
  handle: RunHandle,
  log: EventLog,
  by: string,
): Promise<Result<RunStatus>> {
  if (log.state.created) {
    await endLeftovers(deps, handle, log);
    return endCancelled(deps, handle, log, by);
  }
  await log.append({ type: 'cancel.requested', by });
  await log.append({
    type: 'run.finished',
    status: 'cancelled',
    duration_ms: log.state.spent_ms,
    exit_code: 130,
    failure: { reason: 'cancelled', by },
  });
  await handle.snapshot(log.state);
  const recorded = await deps.store.record({
    type: 'run.ended',
    run_id: handle.runId,
    at: deps.clock.now(),
    summary: summarize(log.state),
    max_consecutive_failures: 0,
  });
  return recorded.ok ? ok(log.state.status) : recorded;
}

/** Nothing of it may run on while it is cleaned up after. */
async function endLeftovers(deps: EngineDeps, handle: RunHandle, log: EventLog): Promise<void> {
  const opened = new OpenExecutors();
  const executors = opened.track(deps.executors(runPlace(handle, log.state.created)));
  for (const context of executors.contexts) await executors.open(context);
  await opened.stopLeftovers(log);
  await opened.close();
}

/**
 * Drives the run as one that is cancelled before anything of it goes on. What is in the middle of a deploy goes
 * back, as it does when its owner hears of the cancel; locks are let go and `finally` stages run.
 */
async function endCancelled(
  deps: EngineDeps,
  handle: RunHandle,
  log: EventLog,
  by: string,
): Promise<Result<RunStatus>> {
  const { pid } = deps.identity;
  const open = (again: EventLog): Promise<void> =>
    again.append({ type: 'run.resumed', by, pid, assume_yes: false });
  const cancelled: StopReason = { kind: 'cancel', cause: by, undo: isUnitOpen(log.state) };
  const ended = await driveRun(
    deps,
    handle,
    { state: log.state, open },
    {
      signal: AbortSignal.abort(cancelled),
      observers: [],
      assumeYes: false,
      maxConsecutiveFailures: 0,
    },
  );
  return ended.ok ? ok(ended.value.status) : ended;
}

/** Takes the run for one change and lets go of it. */
async function asOwner(
  deps: EngineDeps,
  runId: string,
  change: (handle: RunHandle, log: EventLog) => Promise<Result<RunStatus>>,
): Promise<Result<RunStatus>> {
  const handle = await deps.store.open(runId);
  if (!handle.ok) return handle;
  const { journal, events } = handle.value;
  const state = foldRun(runId, events);
  const log = new EventLog({ runId, journal, clock: deps.clock, state, observers: [] });
  try {
    return await change(handle.value, log);
  } catch (error) {
    if (error instanceof JournalError) return failed(error.failure);
    throw error;
  } finally {
    await handle.value.release();
  }
}

async function waitFor(
  deps: EngineDeps,
  { state: from, owner }: OwnedRun,
  done: (state: RunState) => boolean,
): Promise<Result<RunState>> {
  const limit = new AbortController();
  const finished = new AbortController();
  void deps.clock.sleep(OWNER_WAIT_MS, finished.signal).then((elapsed) => elapsed && limit.abort());
  let state = from;
  try {
    for await (const event of deps.store.follow(from.run_id, from.last_seq + 1, limit.signal)) {
      state = reduce(state, event);
      if (done(state)) return ok(state);
    }
  } finally {
    finished.abort();
  }
  if (done(state)) return ok(state);
  if (!limit.signal.aborted) return failed({ reason: 'run-owned', run_id: from.run_id, ...owner });
  const message = `the process that runs ${from.run_id} did not act on it within ${OWNER_WAIT_MS / 1000} s`;
  return failed({ reason: 'invalid', message, hint: 'look at it with: pipewright show' });
}
