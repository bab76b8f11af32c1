import type { StageDefinition } from './definition.ts';
import { USUAL_RETRY_CLASSES } from './failure.ts';

/** A stage with every common key at its default; `config` is empty. The one place where these defaults stand. */
export function plainStage(name: string, uses: string): Omit<StageDefinition, 'line'> {
  return {
    name,
    uses,
    enabled: true,
    needs: {},
    retry: {
      max_attempts: 1,
      delay_ms: 1000,
      backoff: 'exponential',
      max_delay_ms: 60_000,
      jitter: 0.2,
      on: USUAL_RETRY_CLASSES,
    },
    parallel: false,
    max_workers: 1,
    on_failure: 'stop',
    on_interrupt: 'retry',
    env: {},
    secrets: [],
    context: 'local',
    rollback: [],
    config: {},
  };
}
