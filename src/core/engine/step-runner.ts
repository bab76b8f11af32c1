import type { StageDefinition, StepDefinition } from '../definition.ts';
import type { StepFinished } from '../events.ts';
import { type Failure, failed, ok, type Result } from '../failure.ts';
import type { JsonObject } from '../json.ts';
import type { Command, CommandOutcome, CommandOutput, Executor } from '../ports.ts';
import type { StepState } from '../run-state.ts';
import type { StepResult } from '../stage-kind.ts';
import { bindCommand, bindValue } from '../template/bind.ts';
import { withDeadline } from './deadline.ts';
import { resolveInterruption } from './interruption.ts';
import type { RunContext } from './run-context.ts';
import type { Scope } from './scope.ts';
import { slug } from './slug.ts';
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
const CAPTURE_LIMIT_BYTES = 64 * 1024;

/** Runs a step once in the life of its attempt: a recorded result is returned, an unfinished one recovered. */
export async function runStep(attempt: StageTry, step: StepDefinition, place: Place): Promise<StepResult> {
  const { run, id } = attempt;
  const known = run.log.state.stages[id]?.steps[step.name];
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
  const prepared = await prepare(attempt, step, recorded);
  if (!prepared.ok) return refused(attempt, step, prepared.failure);
  return recorded && !recorded.finished
    ? recoverStep(attempt, step, place, prepared.value)
    : startStep(attempt, step, place, prepared.value);
}

interface Prepared {
  readonly executor: Executor;
  readonly command: Command;
  readonly output: CommandOutput;
  /** Relative to the run's folder. */
  readonly log: string;
}

async function startStep(
  attempt: StageTry,
  step: StepDefinition,
  place: Place,
  prepared: Prepared,
): Promise<StepResult> {
  const { run, id } = attempt;
  if (attempt.signal.aborted) return refused(attempt, step, failureOfAbort(attempt.signal));
  await run.log.append({
    type: 'step.started',
    stage: id,
    step: step.name,
    attempt: attempt.attempt,
    ...place,
    command: step.command.text,
    context: prepared.executor.name,
    log: prepared.log,
    token: prepared.command.token,
  });
  return execute(
    attempt,
    step,
    (signal) => prepared.executor.run(prepared.command, prepared.output, signal),
    prepared,
  );
}

/** The step was begun by a process that is gone: find out what became of it before anything else. */
async function recoverStep(
  attempt: StageTry,
  step: StepDefinition,
  place: Place,
  prepared: Prepared,
): Promise<StepResult> {
  const before = attempt.run.log.state.stages[attempt.id]?.steps[step.name];
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

/** Binds values and resolves secrets at the last moment, so that neither is ever recorded. */
async function prepare(
  attempt: StageTry,
  step: StepDefinition,
  recorded: StepState | undefined,
): Promise<Result<Prepared>> {
  const { run, stage } = attempt;
  const executor = await run.executors.open(
    step.context ?? (stage.context === 'local' ? run.created.context : stage.context),
  );
  if (!executor.ok) return executor;
  const variables = attempt.variables();
  const bound = bindCommand(step.command, variables);
  if (!bound.ok) return bound;
  const environment = bindEnvironment(attempt, step, variables);
  if (!environment.ok) return environment;
  const secrets = await resolveSecrets(attempt);
  if (!secrets.ok) return secrets;

  const log = logNameOf(attempt, step);
  const command: Command = {
    script: bound.value.script,
    env: { ...environment.value, ...bound.value.env, ...secrets.value },
    workdir: joinPath(run.created.project, step.workdir ?? stage.workdir ?? ''),
    token: tokenOf(attempt, step, recorded),
    orphan:
      stage.on_interrupt === 'keep' ? { policy: 'keep' } : { policy: 'kill', finish_ms: ORPHAN_FINISH_MS },
    ...(stage.resources && { limits: stage.resources }),
  };
  const output: CommandOutput = {
    logFile: `${run.handle.folder}/${log}`,
    secrets: Object.values(secrets.value),
    ...(step.variable && { capture: { limitBytes: CAPTURE_LIMIT_BYTES } }),
  };
  return ok({ executor: executor.value, command, output, log });
}

/** How long a command may go on after our death before the watchdog ends it; `continue` adopts it meanwhile. */
const ORPHAN_FINISH_MS = 5000;

function bindEnvironment(
  attempt: StageTry,
  step: StepDefinition,
  variables: JsonObject,
): Result<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const [name, template] of Object.entries({
    ...attempt.scope.definition.env,
    ...attempt.stage.env,
    ...step.env,
  })) {
    const value = bindValue(template, variables);
    if (!value.ok) return value;
    env[name] = value.value;
  }
  const { facts } = attempt.run;
  return ok({
    ...env,
    PIPEWRIGHT_STAGE: attempt.id,
    PIPEWRIGHT_ATTEMPT: String(attempt.attempt),
    PIPEWRIGHT_ENVIRONMENT: facts.environment,
    PIPEWRIGHT_ARTIFACTS: facts.artifacts,
    PIPEWRIGHT_PROJECT: facts.project,
  });
}

async function resolveSecrets(attempt: StageTry): Promise<Result<Record<string, string>>> {
  const values: Record<string, string> = {};
  for (const name of attempt.stage.secrets) {
    const reference = attempt.scope.definition.secrets[name];
    if (reference === undefined) {
      return failed({ reason: 'secret-unavailable', name, detail: 'the pipeline declares no such secret' });
    }
    const value = await attempt.run.deps.secrets.resolve(name, reference);
    if (!value.ok) return value;
    values[name] = value.value;
  }
  return ok(values);
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
function wasInterrupted({ failure }: StepFinished): boolean {
  return failure !== undefined && OUTSIDE.has(failure.reason);
}

const OUTSIDE: ReadonlySet<Failure['reason']> = new Set(['interrupted', 'cancelled', 'state-unwritable']);

function logNameOf(attempt: StageTry, step: StepDefinition): string {
  const again = attempt.attempt > 1 ? `@${attempt.attempt}` : '';
  return `logs/${slug(attempt.id)}.${slug(step.name)}${again}.log`;
}

/** Each try of a step has its own token, because a claim is never given back. */
function tokenOf(attempt: StageTry, step: StepDefinition, recorded: StepState | undefined): string {
  const tries = recorded ? Number(/-(\d+)$/.exec(recorded.started.token)?.[1] ?? 0) + 1 : 1;
  return `${slug(attempt.id)}.${slug(step.name)}@${attempt.attempt}-${tries}`;
}

function joinPath(base: string, relative: string): string {
  if (relative === '') return base;
  return relative.startsWith('/') ? relative : `${base}/${relative}`;
}

function trimNewline(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}
