import type { RetryPolicy } from '../definition.ts';
import { type Failure, FAILURE_TRAITS } from '../failure.ts';

/** Whether another attempt may follow; what cannot heal (bad config, authentication, exit 126/127) is never tried again. */
export function mayRetry(failure: Failure, policy: RetryPolicy, attemptsMade: number): boolean {
  if (attemptsMade >= policy.max_attempts) return false;
  const cause = rootOf(failure);
  if (cause.reason === 'reported' && !cause.retryable) return false;
  const { retryable, retryClass } = FAILURE_TRAITS[cause.reason];
  return retryable && retryClass !== undefined && policy.on.includes(retryClass);
}

/** What went wrong in the innermost of the pipelines that it ended. */
function rootOf(failure: Failure): Failure {
  return failure.reason === 'stage-failed' && failure.cause ? rootOf(failure.cause) : failure;
}

/** Milliseconds before attempt `attempt + 1`; `random` (0 to 1) spreads it by the policy's jitter, downwards. */
export function backoffMs(policy: RetryPolicy, attempt: number, random: number): number {
  const factor = { fixed: 1, linear: attempt, exponential: 2 ** (attempt - 1) }[policy.backoff];
  const full = Math.min(policy.delay_ms * factor, policy.max_delay_ms);
  return Math.round(full * (1 - policy.jitter * random));
}
