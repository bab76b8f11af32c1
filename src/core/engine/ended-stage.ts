import type { Draft, StageFinished } from '../events.ts';

type Finished = Extract<Draft, { readonly type: 'stage.finished' }>;

/** The end of a stage; what `end` does not say is nothing: no time, no outputs, no warnings, not cached. */
export function endedStage(
  stage: string,
  attempt: number,
  end: Partial<Finished> & Pick<StageFinished, 'status'>,
): Finished {
  return {
    type: 'stage.finished',
    stage,
    attempt,
    duration_ms: 0,
    wait_ms: 0,
    warnings: [],
    outputs: {},
    cached: false,
    ...end,
  };
}
