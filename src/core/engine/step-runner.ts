import type { StageDefinition, StepDefinition } from '../definition.ts';
import type { StepFinished } from '../events.ts';
import type { Failure } from '../failure.ts';
import type { JsonObject } from '../json.ts';
import type { CommandOutcome, CommandOutput } from '../ports.ts';
import type { StepState } from '../stage-state.ts';
import type { StepResult } from '../stage-kind.ts';
import { stepOf } from '../step-changes.ts';
import { withDeadline } from './deadline.ts';
import { resolveInterruption } from './interruption.ts';
import { type Prepared, prepareStep } from './prepare-step.ts';
import type { RunContext } from './run-context.ts';
import type { Scope } from './scope.ts';
import { failureOfAbort } from './stop.ts';
import type { WaitMeter } from './wait-meter.ts';

/** The stage try that a step belongs to. */
export interface StageTry {
  readonly run: RunContext;
  readonly scope: Scope;
  /** Stage id, `outer/inner` when nested. */
  readonly id: string;
  readonly stage: StageDefinition;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly variables: () => JsonObject;
  readonly meter: WaitMeter;
}

interface Place {
  readonly index: number;
  readonly total: number;
}

/** Lines of a failing step's output that its failure carries. */
const TAIL_LINES = 20;
/** Runs a step once in the life of its attempt: a recorded result is returned, an unfinished one recovered. */
export async function runStep(attempt: StageTry, step: StepDefinition, place: Place): Promise<StepResult> {
  const { run, id } = attempt;
  const known = stepOf(run.log.state.stages[id], step.name);
  const recorded = known?.started.attempt === attempt.attempt ? known : undefined;
  if (recorded?.finished && !wasInterrupted(recorded.finished)) return resultOf(recorded.finished);

  await attempt.meter.wait(() => run.slots.acquire());
  try {
    return await attempt.meter.work(() => prepareAndRun(attempt, step, place, recorded));
  } finally {
    run.slots.release();
  }
}

async function prepareAndRun(
  attempt: StageTry,
  step: StepDefinition,
  place: Place,
  recorded: StepState | undefined,
): Promise<StepResult> {
  const prepared = await prepareStep(attempt, step, recorded);
  if (!prepared.ok) {
    const { signal } = attempt;
    return refused(attempt, step, signal.aborted ? failureOfAbort(signal) : prepared.failure);
  }
  return recorded && !recorded.finished
    ? recoverStep(attempt, step, place, prepared.value)
    : startStep(attempt, step, place, prepared.value);
}

async function startStep(
  attempt: StageTry,
  step: StepDefinition,
  place: Place,
  prepared: Prepared,
): Promise<StepResult> {
  if (attempt.signal.aborted) return refused(attempt, step, failureOfAbort(attempt.signal));
  await recordStart(attempt, step, place, prepared);
  return execute(
    attempt,
    step,
    async (signal) => {
      const outcome = await prepared.executor.run(prepared.command, prepared.output, signal);
      return outcome.lost ? afterLoss({ attempt, step, place }, outcome, signal) : outcome;
    },
    prepared,
  );
}

/** Whoever ran it is gone, and we are not: as after a crash of ours. Twice the same, and it is not tried a third time. */
async function afterLoss(
  {
    attempt,
    step,
    place,
  }: { readonly attempt: StageTry; readonly step: StepDefinition; readonly place: Place },
  lost: CommandOutcome,
  signal: AbortSignal,
): Promise<CommandOutcome> {
  if (signal.aborted || lost.failure?.reason !== 'interrupted') return lost;
  const answer = await resolveInterruption(attempt, step.name, lost.failure.detail);
  if (answer !== 'retry') return answer === 'fail' ? lost : {};
  const again = await prepareStep(attempt, step, stepOf(attempt.run.log.state.stages[attempt.id], step.name));
  if (!again.ok) return { failure: again.failure };
  await recordStart(attempt, step, place, again.value);
  return again.value.executor.run(again.value.command, again.value.output, signal);
}

async function recordStart(
  { run, id, attempt }: StageTry,
  step: StepDefinition,
  place: Place,
  prepared: Prepared,
): Promise<void> {
  await run.log.append({
    type: 'step.started',
    stage: id,
    step: step.name,
    attempt,
    ...place,
    command: step.command.text,
    context: prepared.executor.name,
    log: prepared.log,
    token: prepared.command.token,
  });
}

/** The step was begun by a process that is gone: find out what became of it before anything else. */
async function recoverStep(
  attempt: StageTry,
  step: StepDefinition,
  place: Place,
  prepared: Prepared,
): Promise<StepResult> {
  const before = stepOf(attempt.run.log.state.stages[attempt.id], step.name);
  const token = before?.started.token ?? prepared.command.token;
  const old = { ...prepared.command, token };
  const recovered = await prepared.executor.recover(old, prepared.output, attempt.signal);
  if (recovered.state === 'finished') {
    return execute(attempt, step, () => Promise.resolve(recovered.outcome), { ...prepared, adopted: true });
  }
  if (recovered.state === 'lost') {
    if (attempt.signal.aborted) return refused(attempt, step, failureOfAbort(attempt.signal));
    const answer = await resolveInterruption(attempt, step.name, recovered.detail);
    if (answer !== 'retry') {
      const failure: Failure = { reason: 'interrupted', step: step.name, detail: recovered.detail };
      const outcome = answer === 'fail' ? { failure } : {};
      return execute(attempt, step, () => Promise.resolve(outcome), { ...prepared, adopted: true });
    }
  }
  return startStep(attempt, step, place, prepared);
}

async function execute(
  attempt: StageTry,
  step: StepDefinition,
  work: (signal: AbortSignal) => Promise<CommandOutcome>,
  { output, adopted = false }: { readonly output: CommandOutput; readonly adopted?: boolean },
): Promise<StepResult> {
  const { run, id } = attempt;
  const { clock, files } = run.deps;
  const began = clock.monotonicMs();
  const limit = { limitMs: step.timeout_ms, failure: timeoutOf(step) };
  const outcome = await withDeadline(clock, attempt.signal, limit, async (signal) => {
    const result = await work(signal);
    return result.failure && signal.aborted && !adopted
      ? { ...result, failure: failureOfAbort(signal) }
      : result;
  });
  const failure = outcome.failure && (await explainFailure(outcome.failure, step, run, output.logFile));
  const finished: StepResult['finished'] = {
    stage: id,
    step: step.name,
    attempt: attempt.attempt,
    duration_ms: Math.round(clock.monotonicMs() - began),
    log_bytes: await files.size(output.logFile),
    adopted,
    ...(outcome.exitCode !== undefined && { exit_code: outcome.exitCode }),
    ...(failure && { failure }),
    ...(outcome.usage && { usage: outcome.usage }),
    ...(step.variable &&
      !failure && { variable: { name: step.variable, value: trimNewline(outcome.captured ?? '') } }),
  };
  // The next awaited event (or the stage's end) makes it durable; until then the exit record speaks for it.
  run.log.record({ type: 'step.finished', ...finished });
  return { finished, ...(failure && { failure }) };
}

function timeoutOf(step: StepDefinition): Failure {
  return { reason: 'timed-out', limit_ms: step.timeout_ms ?? 0, scope: 'step', step: step.name };
}

async function explainFailure(
  failure: Failure,
  step: StepDefinition,
  run: RunContext,
  logFile: string,
): Promise<Failure> {
  switch (failure.reason) {
    case 'exit-non-zero':
    case 'command-not-found':
    case 'command-not-executable':
    case 'signal':
      return { ...failure, step: step.name, tail: await run.deps.files.tail(logFile, TAIL_LINES) };
    case 'timed-out':
    case 'memory-limit':
      return { ...failure, step: step.name };
    default:
      return failure;
  }
}

/** A step that never started: nothing of it is in the log but the stage's own failure. */
function refused(attempt: StageTry, step: StepDefinition, failure: Failure): StepResult {
  const finished = {
    stage: attempt.id,
    step: step.name,
    attempt: attempt.attempt,
    duration_ms: 0,
    log_bytes: 0,
    adopted: false,
    failure,
  };
  return { finished, failure };
}

function resultOf(finished: StepFinished): StepResult {
  return { finished, ...(finished.failure && { failure: finished.failure }) };
}

/** It did not come to an end of its own: it runs again when its attempt is taken up. */
export function wasInterrupted({ failure }: StepFinished): boolean {
  return failure !== undefined && OUTSIDE.has(failure.reason);
}

const OUTSIDE: ReadonlySet<Failure['reason']> = new Set(['interrupted', 'cancelled', 'state-unwritable']);

function trimNewline(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}
