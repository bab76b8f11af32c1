import { contextParameter } from '../context-name.ts';
import type { PipelineDefinition } from '../definition.ts';

/** Contexts that a pipeline names, those of its inner pipelines too. */
export function contextsOf(definition: PipelineDefinition): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { context, config, rollback, pipeline } of [...definition.stages, ...definition.finally]) {
    add(context, found);
    collect([config, rollback], found);
    if (pipeline) for (const inner of contextsOf(pipeline)) found.add(inner);
  }
  return found;
}

/** One that a parameter names is known when the run begins. */
function add(context: string, found: Set<string>): void {
  if (contextParameter(context) === undefined) found.add(context);
}

/** Of steps: mappings with a command. */
function collect(value: unknown, found: Set<string>): void {
  if (typeof value !== 'object' || value === null) return;
  if ('command' in value && 'context' in value && typeof value.context === 'string')
    add(value.context, found);
  for (const inner of Object.values(value)) collect(inner, found);
}
