import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { readBytesBounded } from '../source-text.ts';
import { type ComposeFile, type Image, surveyCompose, surveyImages } from './survey-docker.ts';
import { type Tooling, surveyTooling } from './survey-languages.ts';
import { type NodePackage, surveyPackages } from './survey-node.ts';
import { surveyWorkflows, type Workflows } from './survey-workflows.ts';

/** What a repository shows of itself, without running anything of it. */
export interface Survey {
  readonly name: string;
  /** Where the name stands. */
  readonly nameFrom: string;
  /** Packages that stand for themselves; members of a workspace are not listed. */
  readonly packages: readonly NodePackage[];
  readonly tooling: readonly Tooling[];
  readonly images: readonly Image[];
  readonly compose: ComposeFile | undefined;
  readonly workflows: Workflows;
}

/** One folder with the names of its files. */
export interface Folder {
  /** Relative to the repository, `.` for itself. */
  readonly name: string;
  readonly files: ReadonlySet<string>;
}

/** Reads small text files of the repository; an absent or odd one is empty. */
export type ReadText = (file: string) => Promise<string>;

/** Folders that hold what others made. */
const FOREIGN = new Set([
  'node_modules',
  'vendor',
  'dist',
  'build',
  'out',
  'target',
  'coverage',
  'state',
  'venv',
]);
/** A repository with more shows enough in these. */
const MOST_FOLDERS = 400;
const DEEPEST = 2;

/** Looks at a repository's folders, two levels deep. */
export async function surveyRepository(root: string): Promise<Survey> {
  const folders = await foldersOf(root);
  const read: ReadText = async (file) => {
    const bytes = await readBytesBounded(path.join(root, file)).catch(() => undefined);
    return bytes === undefined ? '' : Buffer.from(bytes).toString();
  };
  const packages = await surveyPackages(folders, read);
  const packageName = packages.find(({ folder }) => folder === '.')?.name?.replace(/^@[^/]*\//, '');
  const name = packageName ?? (path.basename(path.resolve(root)) || 'project');
  return {
    name,
    nameFrom: packageName === undefined ? 'the name of this folder' : 'package.json',
    packages,
    tooling: await surveyTooling(folders, read),
    images: await surveyImages(folders, read),
    compose: await surveyCompose(folders, read),
    workflows: await surveyWorkflows(root, read),
  };
}

async function foldersOf(root: string): Promise<readonly Folder[]> {
  const found: Folder[] = [];
  const waiting = [{ name: '.', depth: 0 }];
  for (let next = waiting.shift(); next && found.length < MOST_FOLDERS; next = waiting.shift()) {
    const { name, depth } = next;
    const entries = await readdir(path.join(root, name), { withFileTypes: true }).catch(() => []);
    const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    found.push({ name, files: new Set(files) });
    if (depth >= DEEPEST) continue;
    const inner = entries
      .filter((entry) => entry.isDirectory() && isOwn(entry.name))
      .map((entry) => entry.name);
    for (const folder of inner.toSorted())
      waiting.push({ name: path.posix.join(name, folder), depth: depth + 1 });
  }
  return found;
}

function isOwn(folder: string): boolean {
  return !folder.startsWith('.') && !FOREIGN.has(folder);
}
