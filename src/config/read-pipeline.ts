import path from 'node:path';
import type { ParameterDefinition, PipelineDefinition, StageDefinition } from '../core/definition.ts';
import { checkContexts } from './check-contexts.ts';
import { checkInnerParams } from './check-inner-params.ts';
import { type Needs, settleNeeds } from './check-needs.ts';
import { settleParams } from './check-params.ts';
import { checkStage, checkStageNames, warnEarlyReads, warnEmptyRollback } from './check-stages.ts';
import type { LoadDeps } from './load-pipeline.ts';
import { type LoadedStage, loadStage, type StageSetting } from './load-stage.ts';
import { nodeAt } from './located.ts';
import { parseReporting, rightKeys } from './issues.ts';
import { type Body, openBody } from './pipeline-body.ts';
import { type PipelineBody, pipelineBodySchema } from './pipeline-schema.ts';
import { checkTemplateNames, type Names, placesIn, stepVariables, templateTest } from './template-names.ts';
import type { YamlFile } from './yaml-file.ts';

/** The pipeline in a file, or undefined after reporting everything that is wrong with it. */
export async function readPipeline(
  file: YamlFile,
  deps: LoadDeps,
  loadInner: StageSetting['loadInner'],
): Promise<PipelineDefinition | undefined> {
  const body = file.root && openBody(file, deps.kinds);
  if (!body) return undefined;
  const parsed = parseReporting(pipelineBodySchema, body.checked, { file, base: body.path });
  const setting: StageSetting = {
    file,
    kinds: deps.kinds,
    confirmationExpiresMs: deps.project.config.safety.confirmation_expires_ms,
    loadInner,
  };
  const stages = await loadAll(setting, body.stages);
  const last = await loadAll(setting, body.finally);
  const needs = settleNeeds(file, stages, last);
  const all = [...stages, ...last];
  checkStageNames(file, all);
  const { params } = parsed ?? rightKeys(pipelineBodySchema, body.checked) ?? {};
  const declared = params && settleParams(file, params, [...body.path, 'params']);
  const names = namesOf(file, body, all);
  for (const stage of all) {
    await checkStage(file, stage, names);
    checkInnerParams(file, stage);
    if (deps.contexts)
      checkContexts(file, stage, { contexts: deps.contexts, params: names.params ?? new Set() });
  }
  warnEmptyRollback(file, all);
  warnEarlyReads(file, stages, needs);
  const implicit = checkTemplateNames(file, names, usesOf(file, body, all));
  if (!parsed || file.hasErrors) return undefined;
  return assemble(
    { file, deps, body, parsed },
    { stages, last, needs, params: { ...declared, ...asText(implicit) } },
  );
}

async function loadAll(setting: StageSetting, entries: Body['stages']): Promise<readonly LoadedStage[]> {
  const loaded: LoadedStage[] = [];
  for (const { value, path: at } of entries) loaded.push(await loadStage(setting, value, at));
  return loaded;
}

/** Names from the text as written: a parameter that is wrong in itself is still declared. */
function namesOf(file: YamlFile, body: Body, stages: readonly LoadedStage[]): Names {
  const keys = (key: string) => nodeAt(file.root, [...body.path, key])?.children;
  const params = keys('params');
  return {
    params: params && new Set(params.keys()),
    secrets: new Set(keys('secrets')?.keys()),
    variables: file.root ? stepVariables(file.root) : new Set(),
    stages: new Set(stages.flatMap(({ name }) => name ?? [])),
  };
}

function* usesOf(file: YamlFile, body: Body, stages: readonly LoadedStage[]): Generator<Use> {
  yield* placesIn(file, [...body.path, 'env'], () => true);
  for (const stage of stages) yield* placesIn(file, stage.path, templateTest(stage));
}

type Use = ReturnType<typeof placesIn> extends Generator<infer T> ? T : never;

/** Spec 5 prints pipelines that declare no parameters and use some. */
function asText(names: readonly string[]): Readonly<Record<string, ParameterDefinition>> {
  return Object.fromEntries(names.map((name) => [name, { type: 'string', required: true }]));
}

interface Parts {
  readonly stages: readonly LoadedStage[];
  readonly last: readonly LoadedStage[];
  readonly needs: readonly Needs[];
  readonly params: PipelineDefinition['params'];
}

function assemble(
  { file, deps, body, parsed }: { file: YamlFile; deps: LoadDeps; body: Body; parsed: PipelineBody },
  { stages, last, needs, params }: Parts,
): PipelineDefinition | undefined {
  const withNeeds = stages.flatMap(({ definition }, index): StageDefinition[] =>
    definition ? [{ ...definition, needs: needs[index] ?? {} }] : [],
  );
  const ending = last.flatMap(({ definition }): StageDefinition[] =>
    definition ? [{ ...definition, needs: {} }] : [],
  );
  if (withNeeds.length < stages.length || ending.length < last.length) return undefined;
  const version = nodeAt(file.root, [...body.path, 'version'])?.scalar;
  return {
    name: body.name,
    ...(version && { version: typeof version.value === 'string' ? version.value : (version.source ?? '') }),
    ...(parsed.description !== undefined && { description: parsed.description }),
    source: { file: path.resolve(file.source.file), sha256: file.source.sha256 },
    params,
    env: parsed.env ?? {},
    secrets: parsed.secrets ?? {},
    max_workers: parsed.max_workers ?? deps.project.config.max_workers,
    stages: withNeeds,
    finally: ending,
  };
}
