import { ok, type Result } from '../../core/failure.ts';
import { cutAtLine, joined } from '../cut-at-line.ts';
import { untrackedDiff } from '../untracked-files.ts';
import { changesBetween, RENAMES, untrackedNames } from './changes.ts';
import { answered } from './problem.ts';
import type { Git } from './run-git.ts';
import type { Trees } from './trees.ts';

export interface DiffOptions {
  readonly path?: string;
  readonly maxBytes: number;
}

/** A unified diff, cut at a line after `maxBytes`. */
export async function diffBetween(
  git: Git,
  trees: Trees,
  { path, maxBytes }: DiffOptions,
): Promise<Result<{ readonly text: string; readonly truncated: boolean }>> {
  const paths = await pathsOf(git, trees, path);
  if (!paths.ok) return paths;
  const read = answered(
    await git([...trees.command, '-p', '--full-index', ...RENAMES, ...trees.args, ...paths.value], {
      config: trees.config,
      maxBytes,
    }),
    'the difference',
  );
  if (!read.ok) return read;
  const tracked = cutAtLine(read.value.stdout, read.value.isCut);
  if (read.value.isCut || !trees.withUntracked) return ok({ text: tracked, truncated: read.value.isCut });
  const names = await untrackedNames(git);
  if (!names.ok) return names;
  const room = maxBytes - read.value.stdout.length;
  const untracked = await untrackedDiff(trees.root, names.value, { only: path, maxBytes: room });
  return ok(joined(tracked, untracked, room));
}

/** A renamed file is asked for by both names: by the new one alone it looks like an added one. */
async function pathsOf(git: Git, trees: Trees, path: string | undefined): Promise<Result<readonly string[]>> {
  if (path === undefined || path === '') return ok([]);
  const changes = await changesBetween(git, { ...trees, withUntracked: false }, { lines: false });
  if (!changes.ok) return changes;
  const renamed = changes.value.find((change) => change.path === path && change.status === 'renamed');
  return ok(renamed?.from_path === undefined ? [path] : [renamed.from_path, path]);
}
