import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

export function hashOf(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Of a file as it is now; undefined when there is none. */
export function hashAt(file: string): string | undefined {
  return existsSync(file) ? hashOf(readFileSync(file)) : undefined;
}

/** Why nothing may be written there; undefined when it may. Links of the project must not lead out of it. */
export function obstacle(project: string, file: string): string | undefined {
  const target = path.resolve(project, file);
  if (!target.startsWith(`${path.resolve(project)}/`)) return 'it lies outside the project';
  const facts = lstatSync(target, { throwIfNoEntry: false });
  if (facts && !facts.isFile()) return 'something that is no plain file stands there';
  let folder = path.dirname(target);
  while (!existsSync(folder)) folder = path.dirname(folder);
  const isInside = `${realpathSync(folder)}/`.startsWith(`${realpathSync(project)}/`);
  if (!isInside) return 'its folder leads out of the project';
  return lstatSync(folder).isDirectory() || realpathSync(folder) !== folder
    ? undefined
    : 'its folder is a file';
}

/** Under a temporary name first, on disk before it gets its own; says which folders had to be made, outermost first. */
export function writeWhole(file: string, bytes: Uint8Array): readonly string[] {
  const made = missingFolders(path.dirname(file));
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${randomBytes(4).toString('hex')}.new`;
  try {
    const handle = openSync(temporary, 'wx', 0o644);
    try {
      writeFileSync(handle, bytes);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  const folder = openSync(path.dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
  return made;
}

export function missingFolders(folder: string): readonly string[] {
  return existsSync(folder) ? [] : [...missingFolders(path.dirname(folder)), folder];
}

/** Those of them that are empty, innermost first. */
export function removeEmpty(folders: readonly string[]): void {
  for (const folder of folders.toReversed()) {
    if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
  }
}
