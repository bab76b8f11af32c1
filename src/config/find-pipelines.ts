import path from 'node:path';
import type { ParameterDefinition } from '../core/definition.ts';
import { failed, type Result } from '../core/failure.ts';
import { suggestion } from './issues.ts';
import { type LoadDeps, loadPipeline } from './load-pipeline.ts';
import { claimOf, isFileReference, type NamedFile, pipelineFilesIn } from './pipeline-files.ts';

/** A pipeline that can be run by name. */
export interface FoundPipeline {
  /** The file's name without its ending: what `run` takes. */
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  readonly origin: 'project' | 'shipped';
  readonly description?: string;
  /** Absent when the file has errors. */
  readonly params?: Readonly<Record<string, ParameterDefinition>>;
  /** Number of errors in it. */
  readonly problems: number;
}

interface Found extends NamedFile {
  readonly origin: 'project' | 'shipped';
  /** All files of this name: more than one is a problem. */
  readonly files: readonly NamedFile[];
}

/** The pipelines of the project, then those shipped that the project has no namesake of; by name. */
export async function findPipelines(deps: LoadDeps): Promise<readonly FoundPipeline[]> {
  const found: FoundPipeline[] = [];
  for (const { files, ...named } of await listFiles(deps)) {
    if (claimOf(files)) {
      found.push({ ...named, problems: 1 });
      continue;
    }
    const loaded = await loadPipeline(named.file, deps);
    if (!loaded.ok) {
      found.push({
        ...named,
        problems: loaded.failure.filter(({ severity }) => severity === 'error').length,
      });
      continue;
    }
    const { description, params } = loaded.value;
    found.push({ ...named, ...(description !== undefined && { description }), params, problems: 0 });
  }
  return found;
}

/**
 * The file of a pipeline. A name is looked for in `pipelines/` of the project, then among the shipped ones;
 * with a `/` or a YAML ending it is a file relative to `cwd`. `invalid` with a suggestion when no name fits, and when several files have it.
 */
export async function resolvePipeline(
  nameOrFile: string,
  deps: Pick<LoadDeps, 'project' | 'shippedFolder'>,
  cwd: string,
): Promise<Result<string>> {
  if (isFileReference(nameOrFile)) return { ok: true, value: path.resolve(cwd, nameOrFile) };
  const files = await listFiles(deps);
  const found = files.find(({ name }) => name === nameOrFile);
  const claim = claimOf(found?.files ?? []);
  if (claim) return failed({ reason: 'invalid', ...claim });
  if (found) return { ok: true, value: found.file };
  const hint = suggestion(
    nameOrFile,
    files.map(({ name }) => name),
  );
  return failed({
    reason: 'invalid',
    message: `there is no pipeline "${nameOrFile}"`,
    hint: hint ?? 'Put one into pipelines/, or give the path of a YAML file.',
  });
}

async function listFiles(deps: Pick<LoadDeps, 'project' | 'shippedFolder'>): Promise<readonly Found[]> {
  const own = await filesIn(path.join(deps.project.folder, 'pipelines'), 'project');
  const shipped = deps.shippedFolder === undefined ? [] : await filesIn(deps.shippedFolder, 'shipped');
  const taken = new Set(own.map(({ name }) => name));
  return [...own, ...shipped.filter(({ name }) => !taken.has(name))];
}

async function filesIn(folder: string, origin: Found['origin']): Promise<readonly Found[]> {
  const byName = await pipelineFilesIn(folder);
  return [...byName.values()].flatMap((files) =>
    files.slice(0, 1).map((first) => ({ ...first, origin, files })),
  );
}
