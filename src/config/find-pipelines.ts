import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { ParameterDefinition } from '../core/definition.ts';
import { failed, type Result } from '../core/failure.ts';
import { isFileReference } from './inner-pipelines.ts';
import { suggestion } from './issues.ts';
import { type LoadDeps, loadPipeline } from './load-pipeline.ts';

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

interface NamedFile {
  readonly name: string;
  readonly file: string;
  readonly origin: 'project' | 'shipped';
}

/** The pipelines of the project, then those shipped that the project has no namesake of; by name. */
export async function findPipelines(deps: LoadDeps): Promise<readonly FoundPipeline[]> {
  const found: FoundPipeline[] = [];
  for (const named of await listFiles(deps)) {
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
 * with a `/` or a YAML ending it is a file relative to `cwd`. `invalid` with a suggestion when no name fits.
 */
export async function resolvePipeline(
  nameOrFile: string,
  deps: Pick<LoadDeps, 'project' | 'shippedFolder'>,
  cwd: string,
): Promise<Result<string>> {
  if (isFileReference(nameOrFile)) return { ok: true, value: path.resolve(cwd, nameOrFile) };
  const files = await listFiles(deps);
  const found = files.find(({ name }) => name === nameOrFile);
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

async function listFiles(deps: Pick<LoadDeps, 'project' | 'shippedFolder'>): Promise<readonly NamedFile[]> {
  const own = await filesIn(path.join(deps.project.folder, 'pipelines'), 'project');
  const shipped = deps.shippedFolder === undefined ? [] : await filesIn(deps.shippedFolder, 'shipped');
  const taken = new Set(own.map(({ name }) => name));
  return [...own, ...shipped.filter(({ name }) => !taken.has(name))];
}

/** `NAME.yaml` before `NAME.yml`; a folder that is not there has none. */
async function filesIn(folder: string, origin: NamedFile['origin']): Promise<readonly NamedFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => !entry.isDirectory() && /^[^.].*\.ya?ml$/.test(entry.name))
    .map((entry) => ({
      name: entry.name.replace(/\.ya?ml$/, ''),
      file: path.join(path.resolve(folder), entry.name),
      origin,
    }))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1));
  return files.filter(({ name }, index) => files[index - 1]?.name !== name);
}
