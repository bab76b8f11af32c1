import path from 'node:path';
import type { TreeRange, Vcs } from '../../core/vcs.ts';
import { readSource } from '../source/read-project.ts';
import { addedText, textBefore, type Hunk, parseDiff } from './diff.ts';

const MAX_BYTES = 1024 * 1024;

/** Both sides of a changed file; undefined where it is not there, or cannot be read. */
export interface Sides {
  readonly old: string | undefined;
  readonly text: string | undefined;
}

/** The file before and after the change. What lies in the folder is taken where the diff fits it, which saves asking for it. */
export async function sidesOf(
  vcs: Vcs,
  { to }: TreeRange,
  file: { readonly path: string; readonly status: string; readonly hunks: readonly Hunk[] },
): Promise<Sides> {
  if (file.status === 'deleted') return { old: textBefore('', file.hunks), text: undefined };
  const inFolder = await readSource(path.join(vcs.root, file.path));
  const fits = inFolder === undefined ? undefined : textBefore(inFolder, file.hunks);
  const isSure = file.hunks.some(({ rows }) => rows.some((row) => !row.startsWith('-')));
  const text =
    fits !== undefined && (isSure || to === 'worktree') ? inFolder : await textIn(vcs, to, file.path);
  if (text === undefined || file.status === 'added') return { old: undefined, text };
  return { old: textBefore(text, file.hunks), text };
}

/** Against the empty tree a diff holds the whole file. */
async function textIn(vcs: Vcs, to: string, file: string): Promise<string | undefined> {
  if (to === 'worktree') return undefined;
  const diff = await vcs.diff({ to }, { path: file, maxBytes: MAX_BYTES });
  if (!diff.ok || diff.value.truncated) return undefined;
  const hunks = parseDiff(diff.value.text, [file]).get(file);
  return hunks && addedText(hunks);
}
