import type { Failure } from '../failure.ts';
import type { RunState } from '../run-state.ts';

/** An undo that did not work leaves something that only a person can look at. */
export function lockReason({ failure }: RunState): { readonly lock_reason: string } | undefined {
  if (failure?.reason !== 'rollback-failed') return undefined;
  const { stage, cause } = failure;
  const why = 'message' in cause ? cause.message : whyOf(cause);
  return { lock_reason: `undoing ${stage} failed: ${why}` };
}

function whyOf(cause: Failure): string {
  return cause.reason === 'exit-non-zero' ? `a command exited with code ${cause.exit_code}` : cause.reason;
}
