import process from 'node:process';
import type { StopReason } from '../core/engine/stop.ts';

/** What asks this process to stop driving its run. */
export interface StopSignals {
  /** Aborted with a `StopReason`. */
  readonly signal: AbortSignal;
  /** As if a signal had come, without asking what it means. */
  readonly stop: (reason: StopReason) => void;
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

/** What a signal means at this moment; undefined: not now, somebody is being asked. */
export type Interpret = (reason: StopReason) => StopReason | undefined;

/**
 * SIGINT and SIGTERM cancel; SIGHUP and a closed stdout interrupt, so that the run can be continued.
 * A second SIGINT or SIGTERM calls `onImpatient`.
 */
export function watchStopSignals(
  closed: AbortSignal,
  onImpatient: () => void,
  interpret: Interpret = (reason) => reason,
): StopSignals {
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
  const hear = (given: StopReason): void => {
    const reason = controller.signal.aborted ? given : interpret(given);
    if (reason) stop(reason);
  };
  const handlers = Object.entries(REASONS).map(([name, reason]) => ({ name, handle: () => hear(reason) }));
  for (const { name, handle } of handlers) process.on(name, handle);
  const onClosed = (): void => stop({ kind: 'interrupt', cause: 'stdout closed' });
  closed.addEventListener('abort', onClosed, { once: true });
  if (closed.aborted) onClosed();
  return {
    signal: controller.signal,
    stop,
    cause: () => cause,
    dispose: () => {
      for (const { name, handle } of handlers) process.off(name, handle);
      closed.removeEventListener('abort', onClosed);
    },
  };
}
