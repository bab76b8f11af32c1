import type { PipelineDefinition } from '../definition.ts';
import type { RunCreated } from '../events.ts';
import type { RunHandle } from '../ports.ts';
import type { RunPlace } from './api.ts';
import { secretReferences, storedSettings } from '../settings/index.ts';
import { allStages } from './scope.ts';

/** Where a run's executors work, and what its commands must not see. */
export function runPlace({ runId, folder }: RunHandle, created: RunCreated | undefined): RunPlace {
  const settings = storedSettings(created?.settings);
  const ofSettings = variablesIn(secretReferences(settings));
  return {
    runId,
    folder,
    project: created?.project ?? '',
    settings,
    hiddenVariables: created ? [...new Set([...secretVariables(created.definition), ...ofSettings])] : [],
  };
}

/** Names behind `env:NAME` references: a stage receives such a value only where it lists the secret. */
function secretVariables(definition: PipelineDefinition): ReadonlySet<string> {
  const own = variablesIn(Object.values(definition.secrets));
  const inner = allStages(definition).flatMap(({ pipeline }) =>
    pipeline ? [...secretVariables(pipeline)] : [],
  );
  return new Set([...own, ...inner]);
}

function variablesIn(references: readonly string[]): readonly string[] {
  return references.flatMap((reference) =>
    reference.startsWith('env:') ? [reference.slice('env:'.length)] : [],
  );
}
