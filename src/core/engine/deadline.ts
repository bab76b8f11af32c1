import type { Failure } from '../failure.ts';
import type { Clock } from '../ports.ts';

/**
 * Runs `work` with a signal that aborts with `signal`'s reason, or with `failure` after `limitMs` (milliseconds).
 * Without a limit the signal is passed on.
 */
export async function withDeadline<T>(
  clock: Clock,
  signal: AbortSignal,
  limit: { readonly limitMs: number | undefined; readonly failure: Failure },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (limit.limitMs === undefined) return work(signal);
  const timer = new AbortController();
  const done = new AbortController();
  void clock.sleep(limit.limitMs, done.signal).then((elapsed) => elapsed && timer.abort(limit.failure));
  try {
    return await work(AbortSignal.any([signal, timer.signal]));
  } finally {
    done.abort();
  }
}
