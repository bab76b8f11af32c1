import type { Failure } from '../failure.ts';

/** Why a process stops driving a run: `cancel` is final, `interrupt` can be continued. */
export interface StopReason {
  readonly kind: 'cancel' | 'interrupt';
  /** `SIGINT`, `SIGHUP`, `stdout closed`, … */
  readonly cause: string;
  /** Of a cancel: what has run is undone. */
  readonly undo?: boolean;
}

/** Reads the reason of an aborted signal; anything that is no `StopReason` counts as an interruption. */
export function stopReason(signal: AbortSignal): StopReason | undefined {
  if (!signal.aborted) return undefined;
  const reason: unknown = signal.reason;
  return isStopReason(reason) ? reason : { kind: 'interrupt', cause: 'stopped' };
}

/** Stopped so that it can be continued: nothing that belongs to an end may run. */
export function isInterrupted(signal: AbortSignal): boolean {
  const reason: unknown = signal.reason;
  return signal.aborted && isStopReason(reason) && reason.kind === 'interrupt';
}

function isStopReason(value: unknown): value is StopReason {
  return typeof value === 'object' && value !== null && 'kind' in value && 'cause' in value;
}

/** Aborted by an interruption of `signal` alone: for work that a cancel must not cut. */
export function interruptionsOf(signal: AbortSignal): AbortSignal {
  const interrupted = new AbortController();
  const pass = (): void => {
    if (isInterrupted(signal)) interrupted.abort(signal.reason);
  };
  if (signal.aborted) pass();
  else signal.addEventListener('abort', pass, { once: true });
  return interrupted.signal;
}

/** The failure that an aborted signal stands for: a deadline carries its own. */
export function failureOfAbort(signal: AbortSignal): Failure {
  const reason: unknown = signal.reason;
  if (isStopReason(reason)) {
    return reason.kind === 'cancel'
      ? { reason: 'cancelled', by: reason.cause }
      : { reason: 'interrupted', detail: reason.cause };
  }
  return isFailure(reason) ? reason : { reason: 'interrupted', detail: String(reason) };
}

function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && 'reason' in value && typeof value.reason === 'string';
}
