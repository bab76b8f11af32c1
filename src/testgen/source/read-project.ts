import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SourceFile } from './imports.ts';
import { languageOf } from './language.ts';

const MAX_FILES = 5000;
const MAX_BYTES = 512 * 1024;
/** Made by tools, or of others. */
const SKIPPED = new Set([
  'node_modules',
  'vendor',
  'dist',
  'build',
  'out',
  'target',
  'coverage',
  'venv',
  '__pycache__',
  'site-packages',
]);

export interface ProjectSources {
  readonly files: readonly SourceFile[];
  /** There are more than are read. */
  readonly isCut: boolean;
}

/** The source files below a folder; hidden folders, those of tools, links and very long files are left out. */
export async function readProject(folder: string, skip: readonly string[]): Promise<ProjectSources> {
  const files: SourceFile[] = [];
  const queue = [''];
  for (let at = 0; at < queue.length; at += 1) {
    const relative = queue[at] ?? '';
    const here = path.join(folder, relative);
    const entries = await readdir(here, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = path.posix.join(relative, entry.name);
      const isOther = entry.name.startsWith('.') || SKIPPED.has(entry.name);
      if (entry.isDirectory() && !isOther && !skip.includes(path.join(folder, name))) queue.push(name);
      else if (entry.isFile() && languageOf(name)) {
        if (files.length === MAX_FILES) return { files, isCut: true };
        const text = await readSource(path.join(folder, name));
        if (text !== undefined) files.push({ path: name, text });
      }
    }
  }
  return { files, isCut: false };
}

/** Undefined for what is too long or cannot be read. */
export async function readSource(file: string): Promise<string | undefined> {
  try {
    const facts = await stat(file);
    return facts.isFile() && facts.size <= MAX_BYTES ? await readFile(file, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}
