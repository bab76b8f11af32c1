import { FAILURE_TRAITS } from '../core/failure.ts';
import type { RunState } from '../core/run-state.ts';

/** 128 and the signal's number, as shells count; a closed stdout is what SIGPIPE would have been. */
const EXIT_OF_CAUSE: Readonly<Record<string, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
  'stdout closed': 141,
};

/** DESIGN section 3. `cause` is why this process stopped driving the run, if it did. */
export function exitCodeOf(state: RunState, strict: boolean, cause?: string): number {
  switch (state.status) {
    case 'success':
      return 0;
    case 'warning':
      return strict ? 1 : 0;
    case 'failed':
      return failedCode(state);
    case 'waiting':
      return 3;
    case 'rolled_back':
      return 5;
    case 'cancelled':
      return codeOfCause(cause) ?? 130;
    case 'interrupted':
      return codeOfCause(cause) ?? 1;
    case 'running':
      return 1;
    default:
      return state.status satisfies never;
  }
}

/** A value or condition that nothing could have healed is an invalid pipeline, not a failed one. */
function failedCode({ failure }: RunState): number {
  const first = failure?.reason === 'stage-failed' ? (failure.cause ?? failure) : failure;
  return first && FAILURE_TRAITS[first.reason].exitCode === 2 ? 2 : 1;
}

function codeOfCause(cause: string | undefined): number | undefined {
  return cause === undefined ? undefined : EXIT_OF_CAUSE[cause];
}
