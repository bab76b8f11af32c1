import process from 'node:process';
import type { StopReason } from '../core/engine/stop.ts';

/** What asks this process to stop driving its run. */
export interface StopSignals {
  /** Aborted with a `StopReason`. */
  readonly signal: AbortSignal;
  /** Why, once it is aborted. */
  readonly cause: () => string | undefined;
  readonly dispose: () => void;
}

const REASONS: Readonly<Record<'SIGINT' | 'SIGTERM' | 'SIGHUP', StopReason>> = {
  SIGINT: { kind: 'cancel', cause: 'SIGINT' },
  SIGTERM: { kind: 'cancel', cause: 'SIGTERM' },
  SIGHUP: { kind: 'interrupt', cause: 'SIGHUP' },
};

/** A terminal signals the launcher and us, and the launcher passes it on: so near, two are one. */
const SAME_PRESS_MS = 300;

/**
 * SIGINT and SIGTERM cancel; SIGHUP and a closed stdout interrupt, so that the run can be continued.
 * A second SIGINT or SIGTERM calls `onImpatient`.
 */
export function watchStopSignals(closed: AbortSignal, onImpatient: () => void): StopSignals {
  const controller = new AbortController();
  let stoppedAtMs = 0;
  let cause: string | undefined;
  const stop = (reason: StopReason): void => {
    if (!controller.signal.aborted) {
      stoppedAtMs = performance.now();
      cause = reason.cause;
      controller.abort(reason);
    } else if (reason.kind === 'cancel' && performance.now() - stoppedAtMs > SAME_PRESS_MS) {
      onImpatient();
    }
  };
  const handlers = Object.entries(REASONS).map(([name, reason]) => ({ name, handle: () => stop(reason) }));
  for (const { name, handle } of handlers) process.on(name, handle);
  const onClosed = (): void => stop({ kind: 'interrupt', cause: 'stdout closed' });
  closed.addEventListener('abort', onClosed, { once: true });
  if (closed.aborted) onClosed();
  return {
    signal: controller.signal,
    cause: () => cause,
    dispose: () => {
      for (const { name, handle } of handlers) process.off(name, handle);
      closed.removeEventListener('abort', onClosed);
    },
  };
}
