import type { Draft } from '../events.ts';

/** The end of a stage that a cancel found open. */
export function cancelledStage(stage: string, attempt: number, by: string): Draft {
  return {
    type: 'stage.finished',
    stage,
    status: 'cancelled',
    attempt,
    duration_ms: 0,
    wait_ms: 0,
    failure: { reason: 'cancelled', by },
    warnings: [],
    outputs: {},
    cached: false,
  };
}
