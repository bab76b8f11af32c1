import type { PipelineDefinition, StageDefinition } from '../definition.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import type { Conditions } from '../ports.ts';
import type { RunState } from '../run-state.ts';
import type { StageState } from '../stage-state.ts';

/** One pipeline inside a run: the outermost has the prefix `''`, one that stage `a` runs has `a/`. */
export interface Scope {
  readonly definition: PipelineDefinition;
  readonly prefix: string;
  readonly params: JsonObject;
}

/** Facts about a run that templates and conditions may read. */
export interface RunFacts {
  readonly run_id: string;
  readonly environment: string;
  readonly trigger: string;
  readonly project: string;
  readonly commits: readonly string[];
  /** Folder for a run's products, absolute; empty while only planning. */
  readonly artifacts: string;
}

/**
 * What templates and conditions see. Outputs of stages and captured step variables stand at the top
 * too, later ones over earlier ones; parameters come before them and the built-in names before all.
 */
export function variablesOf(scope: Scope, facts: RunFacts, state: RunState): JsonObject {
  const promoted: Record<string, JsonValue> = {};
  const stages: Record<string, JsonValue> = {};
  for (const definition of allStages(scope.definition)) {
    const stage = state.stages[scope.prefix + definition.name];
    if (!stage) continue;
    const outputs = outputsOf(stage);
    stages[definition.name] = { kind: definition.uses, status: stage.status, outputs };
    Object.assign(promoted, outputs);
  }
  return {
    ...promoted,
    ...scope.params,
    params: scope.params,
    stages,
    pipeline: scope.definition.name,
    environment: facts.environment,
    project: facts.project,
    artifacts: facts.artifacts,
    commits: facts.commits,
    run_id: facts.run_id,
    run: { id: facts.run_id, trigger: facts.trigger, commits: facts.commits },
  };
}

/** A running stage's captured variables count before it ends, so that its later steps can use them. */
function outputsOf(stage: StageState): JsonObject {
  const captured = Object.values(stage.steps).flatMap(({ finished }) =>
    finished?.variable ? [[finished.variable.name, finished.variable.value] as const] : [],
  );
  return { ...Object.fromEntries(captured), ...stage.outputs };
}

/** Those of the pipeline itself, `finally` last; not those of pipelines in it. */
export function allStages(definition: PipelineDefinition): readonly StageDefinition[] {
  return [...definition.stages, ...definition.finally];
}

/** The definition behind a stage id such as `outer/inner`, or undefined. */
export function findStage(definition: PipelineDefinition, id: string): StageDefinition | undefined {
  const [head = '', ...rest] = id.split('/');
  const stage = allStages(definition).find(({ name }) => name === head);
  if (rest.length === 0) return stage;
  return stage?.pipeline && findStage(stage.pipeline, rest.join('/'));
}

/** Names of the stages that need one of `names`, directly or through others, in pipeline order. */
export function downstreamOf(definition: PipelineDefinition, names: ReadonlySet<string>): readonly string[] {
  const stages = needsOf(definition, '');
  const reached = new Set(names);
  // Who needs the stage around a nested one needs that one too.
  const touched = new Set([...names].flatMap(withOuter));
  for (let before = -1; before !== reached.size;) {
    before = reached.size;
    for (const { id, needs } of stages) {
      if (reached.has(id) || !needs.some((need) => touched.has(need))) continue;
      reached.add(id);
      for (const outer of withOuter(id)) touched.add(outer);
    }
  }
  return stages.map(({ id }) => id).filter((id) => reached.has(id) && !names.has(id));
}

/** `a/b/c`, `a/b` and `a`. */
function withOuter(id: string): readonly string[] {
  const parts = id.split('/');
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
}

/** Every stage, nested ones after theirs, with the ids of what it needs. */
function needsOf(
  { stages }: PipelineDefinition,
  prefix: string,
): readonly { readonly id: string; readonly needs: readonly string[] }[] {
  return stages.flatMap(({ name, needs, pipeline }) => [
    { id: prefix + name, needs: Object.keys(needs).map((need) => prefix + need) },
    ...(pipeline ? needsOf(pipeline, `${prefix}${name}/`) : []),
  ]);
}

/** Before the first `if:` of a pipeline is looked at. */
export async function loadConditions(
  { conditions }: { readonly conditions: Conditions },
  { definition }: Pick<Scope, 'definition'>,
): Promise<void> {
  const stages = [...definition.stages, ...definition.finally];
  if (stages.some((stage) => stage.if !== undefined)) await conditions.load?.();
}

/** A nested stage's templates read its own pipeline; its parameters are those of the run by then. */
export function scopeOf(scope: Scope, id: string): Scope {
  const [head = '', ...rest] = id.split('/');
  const stage = scope.definition.stages.find(({ name }) => name === head);
  if (rest.length === 0 || !stage?.pipeline) return scope;
  const inner = { definition: stage.pipeline, prefix: `${scope.prefix}${head}/`, params: scope.params };
  return scopeOf(inner, rest.join('/'));
}
