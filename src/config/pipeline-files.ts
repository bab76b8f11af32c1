import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { type Diagnostic, fileDiagnostic } from './diagnostic.ts';

/** The file of a pipeline, and the name that `run` takes for it. */
export interface NamedFile {
  /** Of the file, without its ending. */
  readonly name: string;
  /** Absolute. */
  readonly file: string;
}

/** `.yaml` or `.yml`, in capitals or not. */
const ENDING = /\.ya?ml$/i;

/** Pipelines in a folder, those of one name together; a folder that is not there has none. */
export async function pipelineFilesIn(folder: string): Promise<ReadonlyMap<string, readonly NamedFile[]>> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => !entry.isDirectory() && /^[^.]/.test(entry.name) && ENDING.test(entry.name))
    .map((entry) => ({
      name: entry.name.replace(ENDING, ''),
      file: path.join(path.resolve(folder), entry.name),
    }))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1));
  return Map.groupBy(files, ({ name }) => name);
}

/** Anything with a folder or a YAML ending is a file, everything else a name. */
export function isFileReference(reference: string): boolean {
  return /[/\\\0]/.test(reference) || ENDING.test(reference);
}

/** What to say of a name that several files have; undefined for one file. */
export function claimOf(
  files: readonly NamedFile[],
): { readonly message: string; readonly hint: string } | undefined {
  const [first] = files;
  if (!first || files.length === 1) return undefined;
  const folder = path.basename(path.dirname(first.file));
  const names = files.map(({ file }) => `${folder}/${path.basename(file)}`);
  return {
    message: `${names.slice(0, -1).join(', ')} and ${names.at(-1)} have the same name, "${first.name}"`,
    hint: 'Rename or remove one of them, or give the path of the one that is meant.',
  };
}

/** A problem of a pipeline's file where another one beside it has the same name. */
export async function claimDiagnostics(file: string): Promise<readonly Diagnostic[]> {
  const name = path.basename(file).replace(ENDING, '');
  const files = (await pipelineFilesIn(path.dirname(file))).get(name) ?? [];
  const claim = files.some((known) => known.file === file) ? claimOf(files) : undefined;
  return claim ? [fileDiagnostic(file, 'name-taken', claim.message, claim.hint)] : [];
}
