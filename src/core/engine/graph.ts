import type { StageDefinition, StageStatus } from '../definition.ts';
import type { Decision } from '../events.ts';
import { type Failure, failed, ok, type Result } from '../failure.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { decide, exclusionsOf, type StageFacts } from './decide.ts';
import { WAIVED_RULE } from './rules.ts';
import { type RunContext, type StageRun, Suspended } from './run-context.ts';
import { loadConditions, type Scope, variablesOf } from './scope.ts';
import { failureOfAbort, isInterrupted } from './stop.ts';
import { failStage, runStage, skipStage } from './stage-runner.ts';

/** Statuses in which a stage is over. */
const ENDED: ReadonlySet<StageStatus> = new Set([
  'passed',
  'warning',
  'failed',
  'skipped',
  'cancelled',
  'rolled_back',
]);

/** How a pipeline's stages came out. */
export interface GraphResult {
  /** Stages that wait for an answer nobody here can give. */
  readonly suspended: readonly string[];
  /** The first failure that stops the pipeline, and its stage. */
  readonly failure?: { readonly stage: string; readonly cause: Failure };
}

/**
 * Runs the open stages of one pipeline, independent ones side by side, until all have ended, one failure
 * stops it, the run is stopped, or only waiting ones are left.
 */
export async function runGraph(run: RunContext, scope: Scope): Promise<GraphResult> {
  await loadConditions(run.deps, scope);
  const graph = new Graph(run, scope);
  const wake = run.onRequest(() => graph.resumeAnswered());
  try {
    await graph.drive();
  } finally {
    wake();
  }
  return graph.result();
}

class Graph {
  readonly #run: RunContext;
  readonly #scope: Scope;
  readonly #facts: StageFacts;
  readonly #running = new Map<string, Promise<void>>();
  readonly #suspended = new Set<string>();
  #thrown: unknown;
  #wake = Promise.withResolvers<void>();

  constructor(run: RunContext, scope: Scope) {
    this.#run = run;
    this.#scope = scope;
    this.#facts = this.#createFacts();
  }

  async drive(): Promise<void> {
    for (;;) {
      await this.#startReady();
      if (this.#running.size === 0) break;
      await Promise.race([...this.#running.values(), this.#wake.promise]);
      this.#wake = Promise.withResolvers<void>();
    }
    if (this.#thrown !== undefined) throw this.#thrown;
  }

  /** A stage that waited for an answer goes on when another process has given it. */
  resumeAnswered(): void {
    for (const id of this.#suspended) {
      const inside = Object.values(this.#run.log.state.stages).filter(
        ({ name }) => name === id || name.startsWith(`${id}/`),
      );
      if (inside.some(({ status, confirmation }) => status === 'pending' && confirmation?.answered)) {
        this.#suspended.delete(id);
      }
    }
    this.#wake.resolve();
  }

  result(): GraphResult {
    const stopping = this.#stopping();
    return { suspended: [...this.#suspended], ...(stopping && { failure: stopping }) };
  }

  /** Starts all that can start; a skip may make others ready, so it looks again after each. */
  async #startReady(): Promise<void> {
    for (let progressed = true; progressed;) {
      progressed = false;
      for (const stage of this.#scope.definition.stages) {
        if (this.#isStopped()) return;
        if (this.#stopping() && !this.#handlesFailure(stage)) continue;
        progressed = (await this.#consider(stage)) || progressed;
      }
    }
  }

  /** True when the stage ended at once, so that stages above it may have become ready. */
  async #consider(stage: StageDefinition): Promise<boolean> {
    const id = this.#scope.prefix + stage.name;
    if (this.#running.has(id) || this.#suspended.has(id) || this.#hasEnded(stage.name)) return false;
    const verdict = decide(stage, this.#scope.definition, this.#facts);
    if (verdict.state === 'open') return false;
    if (verdict.state === 'invalid') {
      await failStage({ run: this.#run, id }, verdict.failure);
      return true;
    }
    if (verdict.decision.action === 'skip') {
      await skipStage({ run: this.#run, id }, verdict.decision);
      return true;
    }
    this.#start(id, stage, verdict.decision);
    return false;
  }

  #start(id: string, stage: StageDefinition, decision: Decision): void {
    const work = runKnownStage(this.#run, this.#scope, id, { stage, decision })
      .catch((error: unknown) => {
        if (error instanceof Suspended) this.#suspended.add(id);
        else this.#thrown ??= error;
      })
      .finally(() => this.#running.delete(id));
    this.#running.set(id, work);
  }

  #isStopped(): boolean {
    return this.#run.signal.aborted || this.#thrown !== undefined;
  }

  /** A failure stops the pipeline but for stages that were written to follow it: `needs: {build: failed}`. */
  #handlesFailure({ needs }: StageDefinition): boolean {
    return Object.entries(needs).some(
      ([name, accepted]) => accepted.includes('failed') && this.#facts.statusOf(name) === 'failed',
    );
  }

  #stopping(): GraphResult['failure'] {
    for (const { name } of this.#scope.definition.stages) {
      const state = this.#run.log.state.stages[this.#scope.prefix + name];
      if (state?.status === 'failed' && state.failure) return { stage: state.name, cause: state.failure };
    }
    return undefined;
  }

  #hasEnded(name: string): boolean {
    return this.#facts.statusOf(name) !== undefined;
  }

  #createFacts(): StageFacts {
    const { deps, log, created, facts } = this.#run;
    const { definition, prefix } = this.#scope;
    const stateOf = (name: string) => log.state.stages[prefix + name];
    // `--skip` and its like name stages of the outermost pipeline.
    const selection = prefix === '' ? created.selection : { skip: [], only: [] };
    return {
      excluded: exclusionsOf(definition, selection),
      waived: (name) => stateOf(name)?.decision?.rule === WAIVED_RULE,
      statusOf: (name) => endOf(this.#run, prefix + name),
      evaluate: (expression) =>
        deps.conditions.evaluate(expression, variablesOf(this.#scope, facts, log.state)),
    };
  }
}

/** How a stage has ended; undefined while it is open. */
function endOf({ log }: RunContext, id: string): StageStatus | undefined {
  const status = log.state.stages[id]?.status;
  return status !== undefined && ENDED.has(status) ? status : undefined;
}

async function runKnownStage(
  run: RunContext,
  scope: Scope,
  id: string,
  { stage, decision }: { readonly stage: StageDefinition; readonly decision: Decision },
): Promise<void> {
  const kind = run.deps.kinds[stage.uses];
  if (!kind) {
    const known = Object.keys(run.deps.kinds).join(', ');
    const message = `this Pipewright has no stage kind "${stage.uses}"; known: ${known}`;
    return failStage({ run, id }, { reason: 'invalid', message });
  }
  const target: StageRun = { run, scope, id, stage, kind };
  return runStage(target, decision);
}

/**
 * `finally` stages, one after another, each whatever the one before it did: a cancel ends the one that runs, and
 * an interruption leaves the others for later.
 */
export async function runFinally(given: RunContext, scope: Scope): Promise<void> {
  await loadConditions(given.deps, scope);
  for (const stage of scope.definition.finally) {
    if (isInterrupted(given.signal)) return;
    const run = given.signal.aborted ? { ...given, signal: given.log.broken } : given;
    const id = scope.prefix + stage.name;
    // Ended before a crash: what is to run again at another end was opened again.
    if (endOf(run, id) !== undefined || !stage.enabled) continue;
    const decision: Decision = {
      action: 'run',
      rule: 'finally',
      reason: 'it runs at the end, whatever the outcome was',
      evidence: [],
    };
    const verdict = stage.if === undefined ? undefined : evaluateAlone(run, scope, stage.if);
    if (verdict && !verdict.ok) await failStage({ run, id }, verdict.failure);
    else if (verdict?.value === false)
      await skipStage(
        { run, id },
        { ...decision, action: 'skip', rule: 'condition-false', reason: `if: ${stage.if} is false` },
      );
    else await runKnownStage(run, scope, id, { stage, decision });
  }
}

function evaluateAlone(run: RunContext, scope: Scope, expression: string): Result<boolean> {
  const result = run.deps.conditions.evaluate(expression, variablesOf(scope, run.facts, run.log.state));
  return result.ok ? ok(result.value.value) : result;
}

/** `RunContext.nested`. */
export async function runNested(run: RunContext, scope: Scope, parent: string): Promise<Result<JsonObject>> {
  const { suspended, failure } = await runGraph(run, scope);
  if (suspended.length > 0) throw new Suspended(parent);
  // A spent signal (cancel, timeout) must not keep the clean-up from running.
  const closing = run.signal.aborted ? { ...run, signal: run.log.broken } : run;
  if (!isInterrupted(run.signal)) await runFinally(closing, scope);
  if (failure) return failed({ reason: 'stage-failed', stage: failure.stage, cause: failure.cause });
  // What was stopped in the middle has not passed.
  if (run.signal.aborted) return failed(failureOfAbort(run.signal));
  const outputs: Record<string, JsonValue> = {};
  for (const { name } of scope.definition.stages) {
    outputs[name] = run.log.state.stages[scope.prefix + name]?.outputs ?? {};
  }
  return ok(outputs);
}
