import type { PipelineDefinition } from '../definition.ts';

/** Contexts that a pipeline names, those of its inner pipelines too. */
export function contextsOf(definition: PipelineDefinition): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { context, config, rollback, pipeline } of [...definition.stages, ...definition.finally]) {
    found.add(context);
    collect([config, rollback], found);
    if (pipeline) for (const inner of contextsOf(pipeline)) found.add(inner);
  }
  return found;
}

/** Of steps: mappings with a command. */
function collect(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  if ('command' in value && 'context' in value && typeof value.context === 'string') found.add(value.context);
  for (const inner of Object.values(value)) collect(inner, found);
}
