import type { Result } from '../failure.ts';
import type { Clock } from '../ports.ts';

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 1000;

interface Patience {
  readonly clock: Pick<Clock, 'sleep' | 'monotonicMs'>;
  readonly signal: AbortSignal;
  /** Longest, milliseconds. Default: until `signal` aborts. */
  readonly limitMs?: number | undefined;
  /** Called once, with what is in the way. */
  readonly onWait?: ((detail: string) => void) | undefined;
}

/** Asks again while the queue cannot be reached; what else goes wrong is no matter of time. */
export async function patiently<T>(
  ask: () => Promise<Result<T>>,
  { clock, signal, limitMs = Number.POSITIVE_INFINITY, onWait }: Patience,
): Promise<Result<T>> {
  const deadline = clock.monotonicMs() + limitMs;
  let waitMs = FIRST_WAIT_MS;
  let result = await ask();
  if (!result.ok && result.failure.reason === 'executor-unreachable') onWait?.(result.failure.detail);
  while (!result.ok && result.failure.reason === 'executor-unreachable') {
    if (signal.aborted || clock.monotonicMs() > deadline) return result;
    await clock.sleep(waitMs, signal);
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    result = await ask();
  }
  return result;
}

/** Calls `look` now and every so many milliseconds until `signal` aborts; one at a time. */
export async function every(
  intervalMs: number,
  { clock, signal }: Pick<Patience, 'clock' | 'signal'>,
  look: () => Promise<void>,
): Promise<void> {
  do await look();
  while (await clock.sleep(intervalMs, signal));
}

/** Since when somebody has not been seen: an outage of the queue, in which nobody is, is no proof of anything. */
export class Absence {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #since = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Milliseconds that `name` has been absent, as far as was seen here. */
  note(name: string, isPresent: boolean): number {
    const nowMs = this.#clock.monotonicMs();
    if (isPresent) this.#since.delete(name);
    else if (!this.#since.has(name)) this.#since.set(name, nowMs);
    return nowMs - (this.#since.get(name) ?? nowMs);
  }

  /** The queue could not be asked: what was not seen then does not count. */
  forget(): void {
    this.#since.clear();
  }
}
