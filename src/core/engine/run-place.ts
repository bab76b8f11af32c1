import type { PipelineDefinition } from '../definition.ts';
import type { RunCreated } from '../events.ts';
import type { RunHandle } from '../ports.ts';
import type { RunPlace } from './api.ts';
import { defaultSettings } from '../settings/index.ts';
import { allStages } from './scope.ts';

/** Where a run's executors work, and what its commands must not see. */
export function runPlace({ runId, folder }: RunHandle, created: RunCreated | undefined): RunPlace {
  return {
    runId,
    folder,
    project: created?.project ?? '',
    settings: created?.settings ?? defaultSettings('project'),
    hiddenVariables: created ? [...secretVariables(created.definition)] : [],
  };
}

/** Names behind `env:NAME` references: a stage receives such a value only where it lists the secret. */
function secretVariables(definition: PipelineDefinition): ReadonlySet<string> {
  const own = Object.values(definition.secrets).flatMap((reference) =>
    reference.startsWith('env:') ? [reference.slice('env:'.length)] : [],
  );
  const inner = allStages(definition).flatMap(({ pipeline }) =>
    pipeline ? [...secretVariables(pipeline)] : [],
  );
  return new Set([...own, ...inner]);
}
