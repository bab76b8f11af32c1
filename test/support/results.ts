import type { Failure, Result } from '../../src/core/failure.ts';

export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

export function failureOf(result: Result<unknown>): Failure {
  if (result.ok) throw new Error('it should have failed');
  return result.failure;
}
