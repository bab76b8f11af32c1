import { ok, type Result } from '../../core/failure.ts';
import type { TreeRange } from '../../core/vcs.ts';
import { invalid, records } from '../records.ts';
import { commitId, headId } from './commit-ids.ts';
import { answered } from './problem.ts';
import type { Git } from './run-git.ts';

/** How git is asked for the difference of two trees. */
export interface Trees {
  readonly command: readonly string[];
  /** After the options: ids, behind `--end-of-options`. */
  readonly args: readonly string[];
  readonly config: readonly string[];
  readonly withUntracked: boolean;
  readonly root: string;
}

export interface Place {
  readonly root: string;
  readonly isBare: boolean;
}

/** Ids of the tree without a file; git knows them without an object. */
const EMPTY_TREE: Readonly<Record<string, string>> = {
  sha1: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  sha256: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
};

/** Nothing of the user's settings changes what is compared, and no program of the repository is run. */
const PLAIN = [
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--no-relative',
  '--src-prefix=a/',
  '--dst-prefix=b/',
  '--submodule=short',
  '--ignore-submodules=dirty',
  '-O/dev/null',
];

/** The trees of a range; fails with `invalid` for what is no commit, and for the files of a bare repository. */
export async function treesOf(git: Git, place: Place, range: TreeRange): Promise<Result<Trees>> {
  const { root } = place;
  const isFiles = range.to === 'staged' || range.to === 'worktree';
  if (isFiles && place.isBare) return invalid('a bare repository has no working tree');
  const from = await fromTree(git, range.from, isFiles);
  if (!from.ok) return from;
  if (isFiles) {
    const filters = await withoutFilters(git);
    if (!filters.ok) return filters;
    const cached = range.to === 'staged' ? ['--cached'] : [];
    return ok({
      command: ['diff', ...PLAIN, ...cached],
      args: ['--end-of-options', from.value, '--'],
      config: filters.value,
      withUntracked: range.to === 'worktree',
      root,
    });
  }
  const to = await commitId(git, range.to);
  if (!to.ok) return to;
  return ok({
    command: ['diff-tree', '-r', ...PLAIN],
    args: ['--end-of-options', from.value, to.value, '--'],
    config: [],
    withUntracked: false,
    root,
  });
}

async function fromTree(git: Git, from: string | undefined, isFiles: boolean): Promise<Result<string>> {
  if (from !== undefined) return commitId(git, from);
  const head = isFiles ? await headId(git) : ok(undefined);
  if (!head.ok) return head;
  return head.value === undefined ? emptyTree(git) : ok(head.value);
}

async function emptyTree(git: Git): Promise<Result<string>> {
  const format = answered(await git(['rev-parse', '--show-object-format']), 'its format');
  if (!format.ok) return format;
  const name = format.value.stdout.toString('utf8').trim();
  const id = EMPTY_TREE[name];
  return id === undefined ? invalid(`the repository has an unknown object format: ${name}`) : ok(id);
}

/**
 * Settings that switch off every filter: `git diff` would run them over files of the working tree.
 * What a filter keeps elsewhere (large files) is then compared as it lies in the folder.
 */
export async function withoutFilters(git: Git): Promise<Result<readonly string[]>> {
  const names = answered(await git(['config', '--null', '--name-only', '--list']), 'its settings');
  if (!names.ok) return names;
  const keys = new Set(records(names.value.stdout).filter((key) => key.startsWith('filter.')));
  const odd = [...keys].find((key) => key.includes('='));
  // `-c` cannot name it, so it could not be switched off.
  if (odd !== undefined)
    return invalid(`the repository has a filter with an odd name: ${JSON.stringify(odd)}`);
  return ok([...keys].map((key) => (key.endsWith('.required') ? `${key}=false` : `${key}=`)));
}
