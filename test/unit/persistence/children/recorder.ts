// Records the start and end of many runs: node recorder.ts <state> <name> <count>
import { clock, identity } from './child-support.ts';
import { createRunStore } from '../../../../src/persistence/run-store.ts';

const [, , stateDir = '', name = '', count = ''] = process.argv;
const store = createRunStore({ stateDir, identity, clock });
for (let index = 0; index < Number(count); index += 1) {
  const runId = `${name}-${index}`;
  const at = clock.now();
  const run = { pipeline: 'release', environment: 'prod', trigger: 'manual' };
  const start = await store.record({ type: 'run.started', run_id: runId, ...run, at, stages: ['unit'] });
  const summary = {
    pipeline_id: runId,
    ...run,
    status: 'success',
    started_at: at,
    stages: [],
    decisions: [],
  } as const;
  const end = await store.record({
    type: 'run.ended',
    run_id: runId,
    at,
    summary,
    max_consecutive_failures: 3,
  });
  if (start.ok && end.ok) process.send?.(runId);
}
process.disconnect();
