import { expect, test } from 'vitest';
import {
  failureOfAbort,
  interruptionsOf,
  isInterrupted,
  stopReason,
  type StopReason,
} from '../../../../src/core/engine/stop.ts';

const CANCEL: StopReason = { kind: 'cancel', cause: 'SIGINT' };
const INTERRUPT: StopReason = { kind: 'interrupt', cause: 'SIGHUP' };
const DEADLINE = { reason: 'timed-out', limit_ms: 5, scope: 'attempt' } as const;

test('a signal that was not aborted stops nothing', () => {
  const { signal } = new AbortController();
  expect(stopReason(signal)).toBe(undefined);
  expect(isInterrupted(signal)).toBe(false);
});

test.each([
  { reason: CANCEL, stop: CANCEL, interrupted: false, failure: { reason: 'cancelled', by: 'SIGINT' } },
  {
    reason: INTERRUPT,
    stop: INTERRUPT,
    interrupted: true,
    failure: { reason: 'interrupted', detail: 'SIGHUP' },
  },
  {
    reason: DEADLINE,
    stop: { kind: 'interrupt', cause: 'stopped' },
    interrupted: false,
    failure: DEADLINE,
  },
  {
    reason: 'anything',
    stop: { kind: 'interrupt', cause: 'stopped' },
    interrupted: false,
    failure: { reason: 'interrupted', detail: 'anything' },
  },
  {
    reason: null,
    stop: { kind: 'interrupt', cause: 'stopped' },
    interrupted: false,
    failure: { reason: 'interrupted', detail: 'null' },
  },
  {
    reason: { kind: 'cancel' },
    stop: { kind: 'interrupt', cause: 'stopped' },
    interrupted: false,
    failure: { reason: 'interrupted', detail: '[object Object]' },
  },
  {
    reason: { reason: 7 },
    stop: { kind: 'interrupt', cause: 'stopped' },
    interrupted: false,
    failure: { reason: 'interrupted', detail: '[object Object]' },
  },
])('what $reason means as a stop and as a failure', ({ reason, stop, interrupted, failure }) => {
  const signal = AbortSignal.abort(reason);
  expect(stopReason(signal)).toEqual(stop);
  expect(isInterrupted(signal)).toBe(interrupted);
  expect(failureOfAbort(signal)).toEqual(failure);
});

test('an interruption passes, before or after; a cancel does not', () => {
  const interrupted = interruptionsOf(AbortSignal.abort(INTERRUPT));
  expect(interrupted.reason).toEqual(INTERRUPT);
  expect(interruptionsOf(AbortSignal.abort(CANCEL)).aborted).toBe(false);
  for (const [reason, passes] of [
    [INTERRUPT, true],
    [CANCEL, false],
  ] as const) {
    const source = new AbortController();
    const later = interruptionsOf(source.signal);
    expect(later.aborted).toBe(false);
    source.abort(reason);
    expect(later.aborted).toBe(passes);
    expect(later.reason).toEqual(passes ? INTERRUPT : undefined);
  }
});
