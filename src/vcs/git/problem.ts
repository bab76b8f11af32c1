import { failed, type Failure, type Result } from '../../core/failure.ts';
import type { GitProblem } from './run-git.ts';

/** A problem of git as a failure of whoever asked. */
export function refused(
  problem: GitProblem,
  what: string,
): { readonly ok: false; readonly failure: Failure } {
  if (problem.kind === 'stopped') return failed({ reason: 'cancelled', by: 'caller' });
  if (problem.kind === 'no-program') {
    return failed({ reason: 'invalid', message: 'git is needed, and it is not on PATH' });
  }
  return failed({ reason: 'invalid', message: `git cannot read ${what}: ${problem.message}` });
}

/** The value, or the failure in our words. */
export function answered<T>(result: Result<T, GitProblem>, what: string): Result<T> {
  return result.ok ? result : refused(result.failure, what);
}
