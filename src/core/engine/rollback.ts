import type { StageDefinition } from '../definition.ts';
import type { Failure } from '../failure.ts';
import type { StageState } from '../stage-state.ts';
import { stageProgress } from './progress.ts';
import type { RunContext } from './run-context.ts';
import { findStage, type Scope, scopeOf, variablesOf } from './scope.ts';
import { stageContext } from './stage-context.ts';
import { failureOfThrow } from './stage-runner.ts';
import { runStep } from './step-runner.ts';
import { stagesToUndo } from './undo.ts';
import { WaitMeter } from './wait-meter.ts';

/** Steps of an undo are recorded under their stage with this before their name; later tries are counted. */
function prefixOf(tries: number): string {
  return tries > 1 ? `rollback ${tries}: ` : 'rollback: ';
}

/**
 * Undoes what the run has done: the stage that failed first, then the ended ones in reverse order of
 * completion, each by its `rollback:` steps and then as its kind knows how. Goes on after a failure, so that as much as possible is undone.
 * Taken up where it stands after a crash. `by` is who asked for it, if anybody did.
 */
export async function rollBack(
  run: RunContext,
  scope: Scope,
  { cause, by }: { readonly cause: string; readonly by?: string },
): Promise<Failure | undefined> {
  const known = run.log.state.rollback;
  const stages = known?.stages ?? stagesToUndo(run.log.state, scope.definition);
  if (!known)
    await run.log.append({ type: 'rollback.started', stages, cause, ...(by !== undefined && { by }) });
  let failure: Failure | undefined;
  for (const id of stages) {
    if (run.signal.aborted) return failure;
    const done = run.log.state.stages[id]?.rollback;
    const stageFailure = done ? done.failure : await undoStage(run, scope, id);
    if (stageFailure) failure ??= { reason: 'rollback-failed', stage: id, cause: stageFailure };
  }
  return failure;
}

async function undoStage(run: RunContext, scope: Scope, id: string): Promise<Failure | undefined> {
  const stage = findStage(scope.definition, id);
  if (!stage) return undefined;
  const { clock } = run.deps;
  const began = clock.monotonicMs();
  const failure = (await undoSteps(run, scope, id, stage)) ?? (await undoKind(run, scope, id, stage));
  // Interrupted in the middle: not undone, and not failed either.
  if (failure && run.signal.aborted) return failure;
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
  const before = run.log.state.stages[id];
  const attempt = before?.attempt ?? 1;
  const tries = before?.undo_tries ?? 1;
  const inner = scopeOf(scope, id);
  const total = stage.rollback.length;
  for (const [index, step] of stage.rollback.entries()) {
    if (wasUndone(before, step.name, tries)) continue;
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
      { ...step, name: prefixOf(tries) + step.name },
      { index: index + 1, total },
    );
    if (result.failure) return result.failure;
  }
  return undefined;
}

/** What the kind itself knows to undo; a later try does anew what the earlier one recorded. */
async function undoKind(
  run: RunContext,
  scope: Scope,
  id: string,
  stage: StageDefinition,
): Promise<Failure | undefined> {
  const kind = run.deps.kinds[stage.uses];
  if (!kind?.undo) return undefined;
  const before = run.log.state.stages[id];
  const progress = stageProgress({ run, id });
  const context = stageContext(
    { run, scope: scopeOf(scope, id), id, stage, kind },
    {
      progress,
      attempt: before?.attempt ?? 1,
      signal: run.signal,
      warnings: [],
      meter: new WaitMeter(run.deps.clock.monotonicMs),
      prefix: prefixOf(before?.undo_tries ?? 1),
    },
  );
  try {
    const result = await kind.undo(stage.config, context).catch((error: unknown) => failureOfThrow(error));
    return result.ok ? undefined : result.failure;
  } finally {
    await progress.close();
  }
}

/** An earlier try of the undo got past this step: doing it twice could undo too much. */
function wasUndone(stage: StageState | undefined, step: string, tries: number): boolean {
  return Array.from({ length: tries - 1 }, (_, at) => stage?.steps[prefixOf(at + 1) + step]).some(
    (known) => known?.finished !== undefined && !known.finished.failure,
  );
}
