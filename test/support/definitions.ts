import type { PipelineDefinition, StageDefinition } from '../../src/core/definition.ts';
import type { Draft } from '../../src/core/events.ts';
import { plainStage } from '../../src/core/plain-stage.ts';

/** A shell stage without steps; `change` says what is of interest. */
export function plainShell(name: string, change: Partial<StageDefinition> = {}): StageDefinition {
  return { ...plainStage(name, 'shell'), line: 1, ...change };
}

/** A pipeline of a file in `/project/pipelines`. */
export function plainPipeline(
  name: string,
  stages: readonly StageDefinition[],
  change: Partial<PipelineDefinition> = {},
): PipelineDefinition {
  return {
    name,
    source: { file: `/project/pipelines/${name}.yaml`, sha256: '0'.repeat(64) },
    params: {},
    env: {},
    secrets: {},
    max_workers: 1,
    stages,
    finally: [],
    ...change,
  };
}

type RunCreatedDraft = Extract<Draft, { readonly type: 'run.created' }>;

/** The first event of a run of `definition`. */
export function runCreated(
  definition: PipelineDefinition,
  change: Partial<RunCreatedDraft> = {},
): RunCreatedDraft {
  return {
    type: 'run.created',
    format: 1,
    pipeline: definition.name,
    definition,
    params: {},
    environment: 'default',
    trigger: 'manual',
    by: 'ada@box',
    commits: [],
    selection: { skip: [], only: [] },
    plan_hash: 'abcdef0123456789'.repeat(4),
    project: '/project',
    context: 'local',
    assume_yes: false,
    ...change,
  };
}
