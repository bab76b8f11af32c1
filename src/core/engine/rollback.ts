import type { StageDefinition } from '../definition.ts';
import type { Failure } from '../failure.ts';
import type { RunContext } from './run-context.ts';
import { findStage, type Scope, variablesOf } from './scope.ts';
import { runStep } from './step-runner.ts';
import { WaitMeter } from './wait-meter.ts';

/** Steps of an undo are recorded under their stage with this before their name. */
const PREFIX = 'rollback: ';

/**
 * Undoes what the run has done: the stage that failed first, then the ended ones in reverse order of
 * completion, each by its `rollback:` steps. Goes on after a failure, so that as much as possible is undone.
 * Taken up where it stands after a crash.
 */
export async function rollBack(run: RunContext, scope: Scope, cause: string): Promise<Failure | undefined> {
  const known = run.log.state.rollback;
  const ids = known?.stages ?? stagesToUndo(run, scope, cause);
  if (!known) await run.log.append({ type: 'rollback.started', stages: ids, cause });
  let failure: Failure | undefined;
  for (const id of ids) {
    const done = run.log.state.stages[id]?.rollback;
    const stageFailure = done ? done.failure : await undoStage(run, scope, id);
    if (stageFailure) failure ??= { reason: 'rollback-failed', stage: id, cause: stageFailure };
  }
  return failure;
}

function stagesToUndo(run: RunContext, scope: Scope, cause: string): readonly string[] {
  const undoable = Object.values(run.log.state.stages).filter(({ name, attempt, cached }) => {
    const stage = findStage(scope.definition, name);
    return stage !== undefined && stage.rollback.length > 0 && attempt > 0 && !cached;
  });
  const completed = undoable
    .filter(({ name, status }) => name !== cause && (status === 'passed' || status === 'warning'))
    .toSorted((a, b) => (b.finished_seq ?? 0) - (a.finished_seq ?? 0));
  const failing = undoable.filter(({ status }) => status === 'failed');
  return [...failing, ...completed].map(({ name }) => name);
}

async function undoStage(run: RunContext, scope: Scope, id: string): Promise<Failure | undefined> {
  const stage = findStage(scope.definition, id);
  if (!stage) return undefined;
  const { clock } = run.deps;
  const began = clock.monotonicMs();
  const failure = await undoSteps(run, scope, id, stage);
  await run.log.append({
    type: 'rollback.finished',
    stage: id,
    duration_ms: Math.round(clock.monotonicMs() - began),
    ...(failure && { failure }),
  });
  return failure;
}

async function undoSteps(
  run: RunContext,
  scope: Scope,
  id: string,
  stage: StageDefinition,
): Promise<Failure | undefined> {
  const attempt = run.log.state.stages[id]?.attempt ?? 1;
  const inner = scopeOf(scope, id);
  const total = stage.rollback.length;
  for (const [index, step] of stage.rollback.entries()) {
    const result = await runStep(
      {
        run,
        scope: inner,
        id,
        stage,
        attempt,
        signal: run.signal,
        variables: () => variablesOf(inner, run.facts, run.log.state),
        meter: new WaitMeter(run.deps.clock.monotonicMs),
      },
      { ...step, name: PREFIX + step.name },
      { index: index + 1, total },
    );
    if (result.failure) return result.failure;
  }
  return undefined;
}

/** A nested stage's templates read its own pipeline; its parameters are those of the run by then. */
function scopeOf(scope: Scope, id: string): Scope {
  const [head = '', ...rest] = id.split('/');
  const stage = scope.definition.stages.find(({ name }) => name === head);
  if (rest.length === 0 || !stage?.pipeline) return scope;
  const inner = { definition: stage.pipeline, prefix: `${scope.prefix}${head}/`, params: scope.params };
  return scopeOf(inner, rest.join('/'));
}
