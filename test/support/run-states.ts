import type { PipelineDefinition } from '../../src/core/definition.ts';
import type { RunState } from '../../src/core/run-state.ts';
import { foldRun } from '../../src/core/run-state.ts';
import type { StageState } from '../../src/core/stage-state.ts';
import { runCreated } from './definitions.ts';

/** A run of the pipeline that has ended as failed, its stages as `changes` say; the others are pending. */
export function failedRun(
  definition: PipelineDefinition,
  changes: Readonly<Record<string, Partial<StageState>>>,
): RunState {
  const created = { ...runCreated(definition), seq: 0, at: '2026-01-01T00:00:00.000Z', run_id: 'r' };
  const state = foldRun('r', [created]);
  const stages = Object.entries(state.stages).map(([name, stage]) => [name, { ...stage, ...changes[name] }]);
  return {
    ...state,
    status: 'failed',
    finished_at: '2026-01-01T00:01:00.000Z',
    stages: Object.fromEntries(stages),
  };
}
