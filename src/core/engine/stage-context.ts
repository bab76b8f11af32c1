import type { StepDefinition } from '../definition.ts';
import type { Evidence } from '../events.ts';
import { failed, ok, type Result } from '../failure.ts';
import type { JsonObject } from '../json.ts';
import type { StageContext, StepResult } from '../stage-kind.ts';
import type { StageProgress } from './progress.ts';
import { type StageRun, variablesFor } from './run-context.ts';
import { confirmStage } from './confirm.ts';
import { hostFor } from './place-stage.ts';
import { slug } from './slug.ts';
import type { WaitMeter } from './wait-meter.ts';
import { runStep, type StageTry } from './step-runner.ts';
import { runTask } from './task-runner.ts';

interface AttemptOptions {
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly warnings: string[];
  readonly meter: WaitMeter;
  readonly progress: StageProgress;
  /** Before the names of tasks and steps: those of an undo are recorded beside those of the stage. */
  readonly prefix?: string;
}

/** What one attempt of a stage hands to its kind. */
export function stageContext(target: StageRun, options: AttemptOptions): StageContext {
  const { run, scope, id, stage } = target;
  const { created, deps, executors, facts } = run;
  const { prefix = '' } = options;
  const attempt: StageTry = { run, scope, id, stage, ...options, variables: () => variablesFor(target) };
  const step = (definition: StepDefinition, place = { index: 1, total: 1 }): Promise<StepResult> =>
    runStep(attempt, { ...definition, name: prefix + definition.name }, place);
  return {
    clock: deps.clock,
    signal: options.signal,
    id,
    stage,
    attempt: options.attempt,
    project: created.project,
    get variables() {
      return variablesFor(target);
    },
    step,
    steps: (steps) => runSteps(stage.parallel ? stage.max_workers : 1, steps, step),
    runPipeline: (definition, params) =>
      run.nested({ ...run, signal: options.signal }, { definition, params, prefix: `${id}/` }, id),
    task: (task, place = { index: 1, total: 1 }) =>
      runTask(attempt, { ...task, name: prefix + task.name }, place),
    get recorded() {
      return recordedOf(target);
    },
    get begun() {
      return Object.keys(run.log.state.stages[id]?.steps ?? {});
    },
    ports: {
      ids: deps.ids,
      files: deps.files,
      secrets: deps.secrets,
      http: deps.http,
      vcs: deps.vcs,
      releases: deps.releases,
      hosts: executors.hosts,
      engines: executors.engines,
      model: run.model,
    },
    hostOf: (context) => hostFor(target, context),
    settings: run.settings,
    runId: facts.run_id,
    by: created.by,
    environment: facts.environment,
    commits: facts.commits,
    confirm: (message) =>
      prefix === '' ? confirmInside(target, options, message) : confirmNow(target, options, message),
    writeArtifact: (name, text) => run.handle.writeArtifact(`${slug(id)}/${name}`, text),
    progress: (steps) => options.progress.show(steps),
    log: (line) => run.handle.appendLog(`${slug(id)}.log`, `${line}\n`),
    warn: (message) => void options.warnings.push(message),
    explain: (evidence) => explain(target, evidence),
  };
}

function recordedOf({ run, id }: StageRun): StageContext['recorded'] {
  const steps = Object.values(run.log.state.stages[id]?.steps ?? {});
  return Object.fromEntries(
    steps.flatMap(({ started, finished }) => (finished ? [[started.step, finished]] : [])),
  );
}

/** A question of the kind itself; afterwards the attempt goes on. */
async function confirmInside(
  { run, id, stage, kind }: StageRun,
  { attempt, meter }: AttemptOptions,
  message: string,
): Promise<Result<void>> {
  const result = await meter.wait(() => confirmStage(run, id, stage, message));
  if (result.go === 'fail') return failed(result.failure);
  if (result.go === 'skip') return failed({ reason: 'rejected', by: result.by });
  const state = run.log.state.stages[id];
  if (state?.status !== 'running') {
    run.log.record({
      type: 'stage.started',
      stage: id,
      kind: stage.uses,
      attempt,
      max_attempts: state?.max_attempts ?? attempt,
      ...(kind.undo && { undoable: true as const }),
    });
  }
  return ok(undefined);
}

/** Where nobody may wait: whoever sits here answers, `--yes` does not. */
async function confirmNow(
  { run, id }: StageRun,
  { signal }: AttemptOptions,
  message: string,
): Promise<Result<void>> {
  const { prompter } = run.deps;
  const { answer, comment } = await run.questions.use(() =>
    prompter.confirm({ stage: id, message, details: () => [message] }, signal),
  );
  if (answer === 'approved') return ok(undefined);
  const by = answer === 'nobody' ? 'nobody here' : run.created.by;
  return failed({ reason: 'rejected', by, ...(comment !== undefined && { comment }) });
}

function explain({ run, id }: StageRun, evidence: Evidence): void {
  const decision = run.log.state.stages[id]?.decision;
  if (!decision) return;
  run.log.record({
    type: 'stage.decided',
    stage: id,
    decision: { ...decision, evidence: [...decision.evidence, evidence] },
  });
}

/** At most `workers` at a time, started in order; after a failure nothing new starts and the rest ends by itself. */
async function runSteps(
  workers: number,
  steps: readonly StepDefinition[],
  run: (
    step: StepDefinition,
    place: { readonly index: number; readonly total: number },
  ) => Promise<StepResult>,
): Promise<Result<JsonObject>> {
  const results: StepResult[] = [];
  const outputs: Record<string, string> = {};
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next; index < steps.length; index = next) {
      if (results.some(({ failure }) => failure)) return;
      next = index + 1;
      const step = steps[index];
      if (!step) return;
      const result = await run(step, { index: index + 1, total: steps.length });
      results.push(result);
      const { variable } = result.finished;
      if (variable) outputs[variable.name] = variable.value;
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: Math.min(workers, steps.length) }, work));
  // Rethrown only when all have ended: a thrown one must not leave commands running unwatched.
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
  const failure = results.find((result) => result.failure)?.failure;
  return failure ? failed(failure) : ok(outputs);
}
