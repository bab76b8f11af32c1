import { expect, test } from 'vitest';
import { exitCodeOf } from '../../../src/cli/exit-code.ts';
import type { Failure } from '../../../src/core/failure.ts';
import { idleRun, type RunState } from '../../../src/core/run-state.ts';

function ended(status: RunState['status'], failure?: Failure): RunState {
  return { ...idleRun('x'), status, ...(failure && { failure }) };
}

test.each([
  ['success', 0],
  ['warning', 0],
  ['failed', 1],
  ['waiting', 3],
  ['rolled_back', 5],
  ['cancelled', 130],
  ['interrupted', 1],
] as const)('%s exits with %i', (status, code) => {
  expect(exitCodeOf(ended(status), false)).toBe(code);
});

test('a warning exits with 1 when the caller is strict', () => {
  expect(exitCodeOf(ended('warning'), true)).toBe(1);
});

test.each([
  ['cancelled', 'SIGINT', 130],
  ['cancelled', 'SIGTERM', 143],
  ['interrupted', 'SIGHUP', 129],
  ['interrupted', 'stdout closed', 141],
  ['success', 'SIGINT', 0],
] as const)('%s by %s exits with %i', (status, cause, code) => {
  expect(exitCodeOf(ended(status), false, cause)).toBe(code);
});

test('a run that failed because its pipeline cannot be right exits with 2', () => {
  const cause = { reason: 'condition-invalid', expression: 'x', detail: 'unknown' } as const;
  expect(exitCodeOf(ended('failed', { reason: 'stage-failed', stage: 'a', cause }), false)).toBe(2);
});
