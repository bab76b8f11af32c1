import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Subject } from './measure.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
export const BIN = path.join(ROOT, 'bin', 'pipewright.js');
export const WIREIT = path.join(ROOT, 'node_modules', 'wireit', 'bin', 'wireit.js');

const folders: string[] = [];

/** A folder that `removeAll` removes; file name to text. */
export function makeFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-bench-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

export function removeAll(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Pipewright in a project with one pipeline called `it`. */
export function makeProject(pipeline: string): string {
  return makeFolder({ 'pipewright.yaml': 'project: bench\n', 'pipelines/it.yaml': pipeline });
}

/**
 * `keepState: false` starts each round without history. The old state is moved aside and not deleted: ext4
 * looks at every inode that was deleted in the last minutes before it gives out a new one, and a file
 * that costs 15 µs would cost 700.
 */
export function pipewright(
  name: string,
  cwd: string,
  args: readonly string[],
  { keepState = false }: { readonly keepState?: boolean } = {},
): Subject {
  return {
    name,
    command: [process.execPath, BIN, ...args],
    cwd,
    ...(!keepState && { before: () => moveAside(path.join(cwd, 'state')) }),
  };
}

function moveAside(folder: string): void {
  if (existsSync(folder)) renameSync(folder, `${folder}.${process.hrtime.bigint()}`);
}

export const nodeNothing: Subject = {
  name: 'node -e 0',
  command: [process.execPath, '-e', '0'],
  cwd: os.tmpdir(),
};
