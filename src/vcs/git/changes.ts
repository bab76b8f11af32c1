import { ok, type Result } from '../../core/failure.ts';
import type { Change } from '../../core/vcs.ts';
import { records } from '../records.ts';
import { untrackedChanges } from '../untracked-files.ts';
import { answered } from './problem.ts';
import type { Git } from './run-git.ts';
import type { Trees } from './trees.ts';

const SUBMODULE_MODE = '160000';

/** Renames and copies as git finds them, up to so many candidates; beyond that only unchanged ones. */
export const RENAMES = ['-M', '-C', '-l1000'];

/** Files that differ between two trees. */
export async function changesBetween(
  git: Git,
  trees: Trees,
  { lines = true }: { readonly lines?: boolean } = {},
): Promise<Result<readonly Change[]>> {
  const counts = lines ? ['--numstat'] : [];
  const read = answered(
    await git([...trees.command, '-z', '--raw', ...counts, '--no-abbrev', ...RENAMES, ...trees.args], {
      config: trees.config,
    }),
    'what changed',
  );
  if (!read.ok) return read;
  const tracked = changesOf(records(read.value.stdout));
  if (!trees.withUntracked) return ok(tracked);
  const names = await untrackedNames(git);
  if (!names.ok) return names;
  return ok([...tracked, ...(await untrackedChanges(trees.root, names.value, { lines }))]);
}

/**
 * `:100644 100644 <id> <id> R086 NUL old NUL new NUL …`, then `3 TAB 1 TAB path NUL`, or for two names
 * `3 TAB 1 TAB NUL old NUL new NUL`. Source: git-diff-tree(1), RAW OUTPUT FORMAT and --numstat with -z.
 */
function changesOf(parts: readonly string[]): readonly Change[] {
  const changes = new Map<string, Change>();
  const next = parts[Symbol.iterator]();
  const take = (): string => {
    const { value } = next.next();
    return value ?? '';
  };
  for (const part of next) {
    if (part.startsWith(':')) {
      const change = rawChange(part, take);
      // An unmerged file comes twice: as such, and as what is in the working tree.
      changes.set(change.path, change);
      continue;
    }
    const [added = '', deleted = '', name = ''] = splitCounts(part);
    if (name === '') take();
    const path = name === '' ? take() : name;
    const change = changes.get(path);
    if (change) changes.set(path, withLines(change, added, deleted));
  }
  return [...changes.values()];
}

function rawChange(header: string, take: () => string): Change {
  const [oldMode = '', newMode = '', , , status = 'M'] = header.slice(1).split(' ');
  const letter = status.charAt(0);
  const first = take();
  const second = letter === 'R' || letter === 'C' ? take() : undefined;
  return {
    path: second ?? first,
    status: STATUSES[letter] ?? 'modified',
    ...(second !== undefined && { from_path: first }),
    is_binary: false,
    is_submodule: oldMode === SUBMODULE_MODE || newMode === SUBMODULE_MODE,
  };
}

const STATUSES: Readonly<Record<string, Change['status']>> = {
  A: 'added',
  C: 'copied',
  D: 'deleted',
  R: 'renamed',
  T: 'type-changed',
};

/** The name may have tabs in it. */
function splitCounts(part: string): readonly string[] {
  return /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(part)?.slice(1) ?? [];
}

function withLines(change: Change, added: string, deleted: string): Change {
  if (change.is_submodule) return change;
  if (added === '-') return { ...change, is_binary: true };
  return { ...change, added: Number(added), deleted: Number(deleted) };
}

/** Files that git does not track and is not told to ignore. */
export async function untrackedNames(git: Git): Promise<Result<readonly string[]>> {
  const list = answered(await git(['ls-files', '--others', '--exclude-standard', '-z']), 'the working tree');
  return list.ok ? ok(records(list.value.stdout)) : list;
}
