import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { glob, lstat, open, readlink } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errorCode } from '../core/error-code.ts';
import type { Files } from '../core/ports.ts';
import { sanitizeText } from '../core/terminal-text.ts';

/** What is read from the end of a file for its last lines, in bytes. */
const TAIL_BYTES = 64 * 1024;
/** Longest line of a tail, in UTF-16 units: a tail is stored with the failure it explains. */
const TAIL_LINE_LENGTH = 1_000;

/** Never part of a key unless a glob names them: large, and not the user's own work. */
const LEFT_OUT = ['node_modules', '.git'];

/** The user's files, on this machine; the state folder is left out of keys as well: each run changes it. */
export function createFiles({ stateDir }: { readonly stateDir?: string } = {}): Files {
  return { fingerprint: (root, globs) => fingerprint(root, globs, stateDir), tail, size };
}

async function fingerprint(
  root: string,
  globs: readonly string[],
  stateDir: string | undefined,
): Promise<{ readonly hash: string; readonly count: number }> {
  const names = new Set<string>();
  const state = stateDir === undefined ? '' : path.relative(root, stateDir);
  for (const pattern of globs) {
    const isNamed = state !== '' && pattern.startsWith(state);
    const excluded = new Set(LEFT_OUT.filter((name) => !pattern.includes(name)));
    const matches = glob(pattern, {
      cwd: root,
      withFileTypes: true,
      exclude: ({ name, parentPath }) =>
        excluded.has(name) || (!isNamed && path.join(parentPath, name) === stateDir),
    });
    for await (const { name, parentPath } of matches) {
      names.add(path.relative(root, path.join(parentPath, name)));
    }
  }
  const whole = createHash('sha256');
  let count = 0;
  for (const name of [...names].toSorted()) {
    const content = await contentHash(path.join(root, name));
    if (content === undefined) continue;
    count += 1;
    // A length before each part: no name can look like another file's hash.
    whole.update(`${name.length}:${name}${content.length}:${content}`);
  }
  return { hash: whole.digest('hex'), count };
}

/** Undefined for folders and for what is neither file nor link. */
async function contentHash(file: string): Promise<string | undefined> {
  try {
    const facts = await lstat(file);
    if (facts.isSymbolicLink()) return `link ${await readlink(file)}`;
    if (!facts.isFile()) return undefined;
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    return `${facts.mode & 0o100 ? 'x' : '-'} ${hash.digest('hex')}`;
  } catch (error) {
    // Gone or closed to us since it was listed: that is a difference too.
    return `unreadable ${errorCode(error) ?? ''}`;
  }
}

async function tail(file: string, maxLines: number): Promise<readonly string[]> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size: total } = await handle.stat();
      const start = Math.max(0, total - TAIL_BYTES);
      const buffer = Buffer.alloc(Math.min(total, TAIL_BYTES));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
      return lastLines(buffer.toString('utf8', 0, bytesRead), maxLines, start > 0);
    } finally {
      await handle.close();
    }
  } catch {
    // Without a log there are no last lines; the failure is told without them.
    return [];
  }
}

function lastLines(text: string, maxLines: number, isTorn: boolean): readonly string[] {
  const lines = text.replace(/\n$/, '').split('\n');
  const whole = isTorn && lines.length > 1 ? lines.slice(1) : lines;
  const shown = whole.slice(-maxLines).map((line) => {
    const clean = sanitizeText(line);
    return clean.length > TAIL_LINE_LENGTH ? `${clean.slice(0, TAIL_LINE_LENGTH)}…` : clean;
  });
  return shown.length === 1 && shown[0] === '' ? [] : shown;
}

/** 0 for a file that is not there. Asked once per step: a look takes less than the way to another thread. */
async function size(file: string): Promise<number> {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
