import path from 'node:path';
import { ok, type Result } from '../../core/failure.ts';
import type { Change, TreeRange, Vcs } from '../../core/vcs.ts';
import type { Unknown } from './decide.ts';

/** Commits that are looked at one by one; more of them, and everything runs. */
const MAX_SINGLE_COMMITS = 100;

/** Files, or why they are not known. */
export interface Gathered {
  readonly files: readonly Change[];
  readonly unknown?: Unknown;
}

/** What differs between a deployed commit and the tree that is built: the files in the folder. */
export async function sinceBase(vcs: Vcs, base: string, head: string): Promise<Gathered> {
  const known = await vcs.isAncestor(base, head);
  const short = shortId(base);
  if (!known.ok) {
    const reason = `commit ${short}, which is deployed, is not in this repository`;
    return { files: [], unknown: { rule: 'base-missing', reason } };
  }
  if (!known.value) {
    const reason = `commit ${short}, which is deployed, is no ancestor of what is built`;
    return { files: [], unknown: { rule: 'base-not-ancestor', reason } };
  }
  return gathered(await changesToFolder(vcs, base));
}

/** From `base` (default: what is checked out) to the folder; to the head where there is no folder. */
export async function changesToFolder(vcs: Vcs, base?: string): Promise<Result<readonly Change[]>> {
  const range = base === undefined ? {} : { from: base };
  const files = await vcs.changes({ ...range, to: 'worktree' }, { lines: false });
  if (files.ok || base === undefined) return files;
  const head = await vcs.head();
  return head.ok ? vcs.changes({ from: base, to: head.value }, { lines: false }) : head;
}

/** What the chosen commits changed themselves, whatever came before and after them. */
export async function ofCommits(vcs: Vcs, commits: readonly string[]): Promise<Gathered> {
  if (commits.length === 0) return { files: [] };
  const ranges = await rangesOf(vcs, commits);
  if (!ranges.ok) return gathered(ranges);
  if (ranges.value === 'too many') {
    const reason = tooMany(commits);
    return { files: [], unknown: { rule: 'too-many-commits', reason } };
  }
  const files: Change[] = [];
  for (const range of ranges.value) {
    const changes = await vcs.changes(range, { lines: false });
    if (!changes.ok) return gathered(changes);
    files.push(...changes.value);
  }
  return { files };
}

/** Why `rangesOf` gave none. */
export function tooMany(commits: readonly string[]): string {
  return `${commits.length} single commits were chosen; more than ${MAX_SINGLE_COMMITS} are not looked at one by one`;
}

/** The trees to compare: one range where the commits follow each other, otherwise one for each. */
export async function rangesOf(
  vcs: Vcs,
  commits: readonly string[],
): Promise<Result<readonly TreeRange[] | 'too many'>> {
  const [oldest] = commits;
  const newest = commits.at(-1);
  if (oldest === undefined || newest === undefined) return ok([]);
  const before = await parentOf(vcs, oldest);
  if (!before.ok) return before;
  if (commits.length === 1 || (before.value !== undefined && (await isRange(vcs, before.value, commits)))) {
    return ok([rangeTo(newest, before.value)]);
  }
  if (commits.length > MAX_SINGLE_COMMITS) return ok('too many');
  const ranges: TreeRange[] = [];
  for (const commit of commits) {
    const parent = await parentOf(vcs, commit);
    if (!parent.ok) return parent;
    ranges.push(rangeTo(commit, parent.value));
  }
  return ok(ranges);
}

function rangeTo(to: string, from: string | undefined): TreeRange {
  return from === undefined ? { to } : { from, to };
}

/** Undefined for the first commit of a history. */
async function parentOf(vcs: Vcs, commit: string): Promise<Result<string | undefined>> {
  const log = await vcs.log({ from: commit, skip: 0, limit: 1 });
  return log.ok ? ok(log.value[0]?.parents[0]) : log;
}

/** Whether they are all the commits after `before` up to the last of them. */
async function isRange(vcs: Vcs, before: string, commits: readonly string[]): Promise<boolean> {
  const all = await vcs.resolve(`${before}..${commits.at(-1) ?? ''}`);
  if (!all.ok || all.value.length !== commits.length) return false;
  const chosen = new Set(commits);
  return all.value.every((id) => chosen.has(id));
}

function gathered(result: Result<readonly Change[]> | Result<never> | Result<string | undefined>): Gathered {
  if (result.ok) return { files: Array.isArray(result.value) ? result.value : [] };
  const { failure } = result;
  const reason = failure.reason === 'invalid' ? failure.message : failure.reason;
  return { files: [], unknown: { rule: 'changes-unreadable', reason } };
}

/** Of a commit, for people. */
export function shortId(commit: string): string {
  return commit.slice(0, 7);
}

/** Paths of changes as seen from the project: a moved file counts where it was and where it is. */
export function pathsFrom(project: string, root: string, files: readonly Change[]): readonly string[] {
  const prefix = path.relative(root, project).split(path.sep).join('/');
  const paths = new Set<string>();
  for (const file of files) {
    paths.add(seenFrom(prefix, file.path));
    if (file.status === 'renamed' && file.from_path !== undefined)
      paths.add(seenFrom(prefix, file.from_path));
  }
  return [...paths].toSorted();
}

function seenFrom(prefix: string, file: string): string {
  if (prefix === '') return file;
  return file.startsWith(`${prefix}/`) ? file.slice(prefix.length + 1) : path.posix.relative(prefix, file);
}
