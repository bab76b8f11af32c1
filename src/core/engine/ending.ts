import type { Draft, RunFinished } from '../events.ts';
import type { Failure } from '../failure.ts';
import type { RunState } from '../run-state.ts';
import type { GraphResult } from './graph.ts';
import type { StopReason } from './stop.ts';

type Ending = Omit<Extract<Draft, { readonly type: 'run.finished' }>, 'type' | 'duration_ms'>;

/** What a run came to, as far as its stages do not say it. */
export interface EndFacts {
  readonly stop: StopReason | undefined;
  readonly result: GraphResult;
  readonly rollbackFailure: Failure | undefined;
}

/** Status and exit code of a run that is over. */
export function endingOf(state: RunState, { stop, result, rollbackFailure }: EndFacts): Ending {
  if (stop?.undo === true && state.rollback && !rollbackFailure) {
    return { status: 'rolled_back', exit_code: 5, failure: { reason: 'cancelled', by: stop.cause } };
  }
  if (stop && !rollbackFailure) {
    const status: RunFinished['status'] = 'cancelled';
    return {
      status,
      exit_code: stop.cause === 'SIGTERM' ? 143 : 130,
      failure: { reason: 'cancelled', by: stop.cause },
    };
  }
  if (rollbackFailure) return { status: 'failed', exit_code: 1, failure: rollbackFailure };
  if (result.failure) {
    const failure: Failure = { reason: 'stage-failed', ...result.failure };
    return state.rollback
      ? { status: 'rolled_back', exit_code: 5, failure }
      : { status: 'failed', exit_code: 1, failure };
  }
  const ended = Object.values(state.stages);
  const clean = ended.every(({ status }) => status !== 'warning' && status !== 'failed');
  return { status: clean ? 'success' : 'warning', exit_code: 0 };
}
