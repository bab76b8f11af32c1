import type { Clock } from '../core/ports.ts';

/** Longest delay that setTimeout keeps; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => isoWithZone(new Date()),
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (delayMs, signal) => {
    const end = performance.now() + delayMs;
    for (;;) {
      if (signal.aborted) return false;
      const leftMs = end - performance.now();
      if (leftMs <= 0) return true;
      if (!(await sleepOnce(Math.min(leftMs, MAX_TIMER_MS), signal))) return false;
    }
  },
};

async function sleepOnce(delayMs: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onAbort = (): void => resolve(false);
  const timer = setTimeout(() => resolve(true), delayMs);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** `2026-02-06T16:00:00.123+09:00`, in the machine's zone. */
export function isoWithZone(date: Date): string {
  const offsetMinutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offsetMinutes * 60_000).toISOString().slice(0, -1);
  const absolute = Math.abs(offsetMinutes);
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${twoDigits(absolute / 60)}:${twoDigits(absolute % 60)}`;
}

function twoDigits(value: number): string {
  return String(Math.trunc(value)).padStart(2, '0');
}
