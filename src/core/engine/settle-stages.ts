import { flattenStages } from '../run-state.ts';
import { stageProgress } from './progress.ts';
import type { RunContext } from './run-context.ts';
import { findStage, type Scope, scopeOf } from './scope.ts';
import { stageContext } from './stage-context.ts';
import { WaitMeter } from './wait-meter.ts';

/** Lets every kind that has begun let go of what outlived its stage; what goes wrong there is only logged. */
export async function settleStages(run: RunContext, scope: Scope): Promise<void> {
  for (const { id } of flattenStages(scope.definition)) {
    const stage = findStage(scope.definition, id);
    const kind = stage && run.deps.kinds[stage.uses];
    const state = run.log.state.stages[id];
    if (!stage || !kind?.settle || !state || state.attempt === 0 || state.cached) continue;
    const progress = stageProgress({ run, id });
    const context = stageContext(
      { run, scope: scopeOf(scope, id), id, stage, kind },
      {
        attempt: state.attempt,
        signal: run.signal,
        warnings: [],
        meter: new WaitMeter(run.deps.clock.monotonicMs),
        progress,
      },
    );
    await kind
      .settle(stage.config, context)
      .catch((error: unknown) => context.log(`settling: ${String(error)}`));
    await progress.close();
  }
}
