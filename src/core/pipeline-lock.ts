import type { Failure } from './failure.ts';
import type { PipelineLock, StateIndex } from './run-index.ts';

export function findLock(
  { locked }: StateIndex,
  pipeline: string,
  environment: string,
): PipelineLock | undefined {
  return locked.find((lock) => lock.pipeline === pipeline && lock.environment === environment);
}

/** Nothing is begun while there is one. */
export function lockFailure(lock: PipelineLock): Failure {
  const { pipeline, environment, consecutive_failures, since, reason } = lock;
  return {
    reason: 'locked',
    pipeline,
    environment,
    consecutive_failures,
    since,
    ...(reason !== undefined && { cause: reason }),
  };
}
