import path from 'node:path';
import type { PipelineDefinition } from '../core/definition.ts';
import type { StageKind } from '../core/stage-kind.ts';
import { type Diagnostic, sortDiagnostics } from './diagnostic.ts';
import { InnerPipelines } from './inner-pipelines.ts';
import type { Project } from './project.ts';
import { readPipeline } from './read-pipeline.ts';
import { type ReadBytes, readBytesBounded, readSource } from './source-text.ts';
import { YamlFile } from './yaml-file.ts';

export interface LoadDeps {
  readonly kinds: Readonly<Record<string, StageKind>>;
  readonly project: Project;
  /** Folder of the pipelines that we ship, for stages that run one by name. */
  readonly shippedFolder?: string;
  /** Contexts that stages and steps may name; without it names are not checked. */
  readonly contexts?: readonly string[];
  /** Default: from disk, regular files only. */
  readonly readBytes?: ReadBytes;
}

export type LoadedPipeline =
  | { readonly ok: true; readonly value: PipelineDefinition; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly failure: readonly Diagnostic[] };

/**
 * Reads a pipeline and the pipelines that its stages run. Fails with every problem found (and the warnings),
 * by file and position; never throws for what stands in a file, and takes at most 2 s per file.
 */
export async function loadPipeline(file: string, deps: LoadDeps): Promise<LoadedPipeline> {
  const inner = new InnerPipelines(deps);
  const { definition, diagnostics } = await loadOne(file, deps, inner, [path.resolve(file)]);
  const sorted = sortDiagnostics([...diagnostics, ...inner.diagnostics]);
  const isBroken = sorted.some(({ severity }) => severity === 'error');
  return definition && !isBroken
    ? { ok: true, value: definition, warnings: sorted }
    : { ok: false, failure: sorted };
}

interface LoadedFile {
  readonly definition: PipelineDefinition | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** One file; `chain` holds the absolute paths from the outermost pipeline to this one. */
async function loadOne(
  file: string,
  deps: LoadDeps,
  inner: InnerPipelines,
  chain: readonly string[],
): Promise<LoadedFile> {
  const source = await readSource(file, deps.readBytes ?? readBytesBounded);
  if (!source.ok) return { definition: undefined, diagnostics: [source.failure.diagnostic] };
  const yaml = new YamlFile(source.value);
  const definition = await readPipeline(yaml, deps, (reference, at) =>
    inner.resolve({ yaml, reference, at, chain }, (found, nextChain) =>
      loadOne(found, deps, inner, nextChain),
    ),
  );
  return { definition, diagnostics: yaml.diagnostics };
}
