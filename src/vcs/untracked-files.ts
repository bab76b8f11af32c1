import { lstat, open, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { Change } from '../core/vcs.ts';

/** Of a larger file only the beginning is looked at, and its lines are not counted. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Git's own rule: a NUL byte so early makes a file binary. */
const BINARY_PROBE_BYTES = 8000;
/** Files read at the same time. */
const READERS = 16;

interface Content {
  readonly mode: '100644' | '100755' | '120000';
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

/** Files that a repository does not track yet, as added ones. */
export async function untrackedChanges(
  root: string,
  names: readonly string[],
  { lines }: { readonly lines: boolean },
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (let at = 0; at < names.length; at += READERS) {
    const some = names.slice(at, at + READERS);
    changes.push(...(await Promise.all(some.map((name) => changeOf(root, name, lines)))));
  }
  return changes;
}

/** Their unified diffs, one after another, until `maxBytes` is passed. `only`: a file, or all in a folder. */
export async function untrackedDiff(
  root: string,
  names: readonly string[],
  { only, maxBytes }: { readonly only?: string | undefined; readonly maxBytes: number },
): Promise<string> {
  const isAll = only === undefined || only === '';
  const wanted = names.filter((name) => isAll || name === only || name.startsWith(`${only}/`));
  let text = '';
  for (const name of wanted) {
    if (text.length > maxBytes) break;
    const content = await readContent(path.join(root, name));
    if (content) text += diffOf(name, content);
  }
  return text;
}

async function changeOf(root: string, name: string, withLines: boolean): Promise<Change> {
  const added = { path: name, status: 'added', is_binary: false, is_submodule: false } as const;
  // A repository inside this one is named by its folder.
  if (name.endsWith('/')) return { ...added, path: name.slice(0, -1), is_submodule: true };
  const content = withLines ? await readContent(path.join(root, name)) : undefined;
  if (!content) return added;
  if (isBinary(content.bytes)) return { ...added, is_binary: true };
  return content.isWhole ? { ...added, added: linesOf(content.bytes).length, deleted: 0 } : added;
}

/** Undefined for what is neither file nor link, and for what is gone or may not be read. */
async function readContent(file: string): Promise<Content | undefined> {
  try {
    const stats = await lstat(file);
    if (stats.isSymbolicLink())
      return { mode: '120000', bytes: Buffer.from(await readlink(file)), isWhole: true };
    if (!stats.isFile()) return undefined;
    const mode = stats.mode & 0o100 ? '100755' : '100644';
    const handle = await open(file, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(stats.size, MAX_FILE_BYTES)));
      return { mode, bytes: buffer.subarray(0, bytesRead), isWhole: stats.size <= MAX_FILE_BYTES };
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}

function diffOf(name: string, { mode, bytes, isWhole }: Content): string {
  const to = quoted(`b/${name}`);
  const head = `diff --git ${quoted(`a/${name}`)} ${to}\nnew file mode ${mode}\n`;
  if (bytes.length === 0) return head;
  if (isBinary(bytes)) return `${head}Binary files /dev/null and ${to} differ\n`;
  const lines = linesOf(bytes);
  const end = isWhole && bytes.at(-1) === 0x0a ? '' : '\\ No newline at end of file\n';
  const text = lines.map((line) => `+${line}\n`).join('');
  return `${head}--- /dev/null\n+++ ${to}\n@@ -0,0 +1,${lines.length} @@\n${text}${end}`;
}

function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, BINARY_PROBE_BYTES).includes(0);
}

function linesOf(bytes: Buffer): string[] {
  const lines = bytes.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** As git writes a name with control characters in it. */
function quoted(name: string): string {
  // oxlint-disable-next-line no-control-regex
  return /[\u0000-\u001f"\\\u007f]/.test(name) ? JSON.stringify(name) : name;
}
