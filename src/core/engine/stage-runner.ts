import type { Decision, StageFinished } from '../events.ts';
import { type Failure, failed, type Result, toFailure } from '../failure.ts';
import type { JsonObject } from '../json.ts';
import { JournalError } from '../ports.ts';
import type { IdleView } from '../stage-kind.ts';
import type { StageState } from '../stage-state.ts';
import { reusable, storeResult } from './cache.ts';
import { confirmStage } from './confirm.ts';
import { withDeadline } from './deadline.ts';
import { endedStage } from './ended-stage.ts';
import { idleDecision } from './idle.ts';
import { backoffMs, mayRetry } from './retry.ts';
import { WAIVED_RULE } from './rules.ts';
import { type RunContext, type StageRun, Suspended, variablesFor } from './run-context.ts';
import { placeStage } from './place-stage.ts';
import { type StageProgress, stageProgress } from './progress.ts';
import { stageContext } from './stage-context.ts';
import { failureOfAbort, isInterrupted, stopReason } from './stop.ts';
import { WaitMeter } from './wait-meter.ts';

/** How long it took, told apart; milliseconds. */
interface Timing {
  readonly began: number;
  readonly meter: WaitMeter;
  /** Waited for an answer while an earlier process, or none, drove the run. */
  readonly waitedBeforeMs: number;
}

/**
 * Takes one stage from its decision to its end: confirmation, cache, attempts, result.
 * Throws `Suspended` when a person must answer who is not here.
 */
export async function runStage(target: StageRun, decision: Decision): Promise<void> {
  const { run, id } = target;
  const takenUp = isTakenUp(run.log.state.stages[id]);
  const idle = takenUp ? undefined : idleNow(target, decision);
  if (idle) return skipStage(target, idle);
  if (!takenUp) run.log.record({ type: 'stage.decided', stage: id, decision });

  const { monotonicMs } = run.deps.clock;
  const timing: Timing = {
    began: monotonicMs(),
    meter: new WaitMeter(monotonicMs),
    waitedBeforeMs: waitedBefore(target),
  };
  if (!takenUp && !(await isConfirmed(target, timing))) return;
  const cache = takenUp ? undefined : await reusable(target);
  if (cache?.hit)
    return finish(target, timing, { status: 'passed', outputs: cache.hit.outputs, cached: true });
  await attempts(target, timing);
  const after = run.log.state.stages[id];
  if (cache && after?.status === 'passed') await storeResult(target, cache.key, after.outputs);
}

function idleNow(target: StageRun, decision: Decision): Decision | undefined {
  const { kind, stage, run } = target;
  const view = (): IdleView => ({
    settings: run.settings,
    variables: variablesFor(target),
    isForetold: false,
  });
  return idleDecision(kind, stage, view, decision);
}

/** By the clock on the wall: only the journal knows when it was asked. */
function waitedBefore({ run, id }: StageRun): number {
  const { requested, answered } = run.log.state.stages[id]?.confirmation ?? {};
  if (!requested) return 0;
  const until = answered ? Date.parse(answered.at) : run.deps.clock.nowMs();
  return Math.max(0, until - Date.parse(requested.at));
}

/** It had begun in an earlier process: decided and confirmed already. */
function isTakenUp(state: StageState | undefined): boolean {
  if (!state) return false;
  return state.status === 'running' || state.status === 'interrupted' || state.attempt > state.attempt_base;
}

async function isConfirmed(target: StageRun, timing: Timing): Promise<boolean> {
  const { run, id, stage, kind } = target;
  if (!stage.confirmation && !kind.alwaysConfirms) return true;
  const result = await timing.meter.wait(() => confirmStage(run, id, stage));
  if (result.go === 'on') return true;
  if (result.go === 'fail') {
    await finish(target, timing, failureResult(target, result.failure));
    return false;
  }
  run.log.record({ type: 'stage.decided', stage: id, decision: skippedBy(result.by) });
  await finish(target, timing, { status: 'skipped', outputs: {} });
  return false;
}

function skippedBy(by: string): Decision {
  return {
    action: 'skip',
    rule: WAIVED_RULE,
    reason: `${by} skipped it at its confirmation`,
    evidence: [{ name: 'by', value: by }],
    would_flip: 'answering yes',
  };
}

async function attempts(target: StageRun, timing: Timing): Promise<void> {
  const { run, stage } = target;
  const limit: Failure = { reason: 'timed-out', limit_ms: stage.total_timeout_ms ?? 0, scope: 'total' };
  await withDeadline(
    run.deps.clock,
    run.signal,
    { limitMs: stage.total_timeout_ms, failure: limit },
    async (signal) => {
      for (
        let result = await tryOnce(target, timing, signal);
        result;
        result = await tryOnce(target, timing, signal)
      ) {
        await resetChildren(target);
      }
    },
  );
}

/** One attempt; true when another one is due. */
async function tryOnce(target: StageRun, timing: Timing, signal: AbortSignal): Promise<boolean> {
  const { run, id, stage } = target;
  const { clock, ids } = run.deps;
  const attempt = nextAttempt(target);
  const base = run.log.state.stages[id]?.attempt_base ?? 0;
  const maxAttempts = base + stage.retry.max_attempts;
  // Not awaited: the first step's start is awaited and makes it durable, or the stage's end does.
  run.log.record({
    type: 'stage.started',
    stage: id,
    kind: stage.uses,
    attempt,
    max_attempts: maxAttempts,
    ...(target.kind.undo && { undoable: true as const }),
  });
  const began = clock.monotonicMs();
  const warnings: string[] = [];
  const result = await perform(target, { attempt, signal, warnings, meter: timing.meter });
  if (result.ok) {
    const status = warnings.length > 0 ? 'warning' : 'passed';
    await finish(target, timing, { status, outputs: result.value, warnings });
    return false;
  }
  const failure = signal.aborted ? failureOfAbort(signal) : result.failure;
  // Not the stage's fault, and nothing that follows could be written either: the run stops and can be continued.
  if (failure.reason === 'state-unwritable') throw new JournalError(failure);
  if (signal.aborted || !mayRetry(failure, stage.retry, attempt - base)) {
    await finish(target, timing, failureResult(target, failure, warnings));
    return false;
  }
  const delayMs = backoffMs(stage.retry, attempt - base, ids.random());
  await run.log.append({
    type: 'stage.retried',
    stage: id,
    attempt,
    max_attempts: maxAttempts,
    failure,
    delay_ms: delayMs,
    duration_ms: Math.round(clock.monotonicMs() - began),
  });
  if (await timing.meter.wait(() => clock.sleep(delayMs, signal))) return true;
  await finish(target, timing, failureResult(target, failureOfAbort(signal), warnings));
  return false;
}

/** The same number again when an attempt is taken up in the middle, otherwise one more. */
function nextAttempt({ run, id }: StageRun): number {
  const state = run.log.state.stages[id];
  if (!state) return 1;
  // Without a failure it did not end: it had a question of its own, and waits or has its answer.
  const asked = (state.status === 'waiting' || state.status === 'pending') && state.failure === undefined;
  const inTheMiddle = state.status === 'running' || state.status === 'interrupted' || asked;
  return inTheMiddle && state.attempt > state.attempt_base ? state.attempt : state.attempt + 1;
}

async function perform(
  target: StageRun,
  options: {
    readonly attempt: number;
    readonly signal: AbortSignal;
    readonly warnings: string[];
    readonly meter: WaitMeter;
  },
): Promise<Result<JsonObject>> {
  const progress = stageProgress(target);
  try {
    const placed = await placeStage(target, { ...options, progress });
    if (!placed.ok) return placed;
    try {
      return await performThere(target, { ...options, progress });
    } finally {
      await placed.value();
    }
  } finally {
    await progress.close();
  }
}

async function performThere(
  { run, stage, kind, ...target }: StageRun,
  options: Parameters<typeof perform>[1] & { readonly progress: StageProgress },
): Promise<Result<JsonObject>> {
  const limit: Failure = { reason: 'timed-out', limit_ms: stage.timeout_ms ?? 0, scope: 'attempt' };
  return withDeadline(
    run.deps.clock,
    options.signal,
    { limitMs: stage.timeout_ms, failure: limit },
    async (signal) => {
      const context = stageContext({ ...target, run, stage, kind }, { ...options, signal });
      const result = await kind.run(stage.config, context).catch((error: unknown) => failureOfThrow(error));
      return !result.ok && signal.aborted ? failed(failureOfAbort(signal)) : result;
    },
  );
}

/** A bug in a kind becomes data here; what the engine itself throws passes through. */
export function failureOfThrow(error: unknown): Result<JsonObject> {
  if (error instanceof Suspended || error instanceof JournalError) throw error;
  return failed(toFailure(error));
}

interface StageEnd {
  readonly status: StageFinished['status'];
  readonly outputs: JsonObject;
  readonly failure?: Failure;
  readonly warnings?: readonly string[];
  readonly cached?: boolean;
}

/** `on_failure: continue` makes a failure a warning; a stop from outside is neither. */
function failureResult(
  { run, stage }: StageRun,
  failure: Failure,
  warnings: readonly string[] = [],
): StageEnd {
  const outputs = {};
  if (failure.reason === 'cancelled') return { status: 'cancelled', outputs, failure, warnings };
  if (isInterrupted(run.signal)) return { status: 'interrupted', outputs, failure, warnings };
  const status = stage.on_failure === 'continue' ? 'warning' : 'failed';
  return { status, outputs, failure, warnings };
}

async function finish({ run, id }: StageRun, timing: Timing, end: StageEnd): Promise<void> {
  const total = run.deps.clock.monotonicMs() - timing.began;
  await run.log.append(
    endedStage(id, attemptOf(run, id), {
      duration_ms: Math.max(0, Math.round(total - timing.meter.totalMs)),
      wait_ms: Math.round(timing.waitedBeforeMs + timing.meter.totalMs),
      ...end,
    }),
  );
}

/** A stage that was decided against ends without an attempt. */
export async function skipStage(
  { run, id }: Pick<StageRun, 'run' | 'id'>,
  decision: Decision,
): Promise<void> {
  run.log.record({ type: 'stage.decided', stage: id, decision });
  await run.log.append(endedStage(id, attemptOf(run, id), { status: 'skipped' }));
}

/** A stage that could not even begin. */
export async function failStage({ run, id }: Pick<StageRun, 'run' | 'id'>, failure: Failure): Promise<void> {
  await run.log.append(endedStage(id, attemptOf(run, id), { status: 'failed', failure }));
}

function attemptOf(run: RunContext, id: string): number {
  return run.log.state.stages[id]?.attempt ?? 0;
}

/** A new attempt of a nested pipeline begins from its beginning. */
async function resetChildren({ run, id, stage }: StageRun): Promise<void> {
  if (!stage.pipeline || stopReason(run.signal)) return;
  for (const name of Object.keys(run.log.state.stages)) {
    if (name.startsWith(`${id}/`)) {
      run.log.record({ type: 'stage.reset', stage: name, by: 'retry', reason: `${id} is tried again` });
    }
  }
}
