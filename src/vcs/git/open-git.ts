import { realpath } from 'node:fs/promises';
import { ok, type Result } from '../../core/failure.ts';
import type { Vcs } from '../../core/vcs.ts';
import { invalid } from '../records.ts';
import { changesBetween } from './changes.ts';
import { commitId, commitIds, headId } from './commit-ids.ts';
import { diffBetween } from './diff.ts';
import { exportTree } from './export-tree.ts';
import { createLog } from './log.ts';
import { answered, refused } from './problem.ts';
import { resolveRequest } from './resolve.ts';
import { type Git, gitIn } from './run-git.ts';
import { type Place, treesOf } from './trees.ts';

/** The git repository whose top is `folder`; a bare one is its own top. */
export async function openGit(folder: string): Promise<Result<Vcs>> {
  const place = await placeOf(folder);
  if (!place.ok) return place;
  const { root } = place.value;
  const git = gitIn(root);
  return ok({
    kind: 'git',
    root,
    resolve: (request) => resolveRequest(git, request),
    head: async () => {
      const id = await headId(git);
      if (!id.ok) return id;
      return id.value === undefined ? invalid('there is no commit yet') : ok(id.value);
    },
    branches: () => branches(git),
    log: createLog(git),
    changes: async (range, options) => {
      const trees = await treesOf(git, place.value, range);
      return trees.ok ? changesBetween(git, trees.value, options) : trees;
    },
    diff: async (range, options) => {
      const trees = await treesOf(git, place.value, range);
      return trees.ok ? diffBetween(git, trees.value, options) : trees;
    },
    isAncestor: (ancestor, commit) => isAncestor(git, ancestor, commit),
    exportTree: (commit, target, signal) => exportTree(root, commit, { folder: target, signal }),
  });
}

/** Checks that a repository's working tree is where its folder is. */
export async function placeOf(folder: string): Promise<Result<Place>> {
  const found = await gitIn(folder)(['rev-parse', '--is-bare-repository', '--is-inside-work-tree']);
  if (!found.ok) return refused(found.failure, folder);
  const [isBare, isInside] = found.value.stdout.toString('utf8').split('\n');
  if (isInside !== 'true') {
    return isBare === 'true'
      ? ok({ root: folder, isBare: true })
      : invalid(`git has no working tree in ${folder}`);
  }
  const top = await gitIn(folder)(['rev-parse', '--show-toplevel']);
  if (!top.ok) return refused(top.failure, folder);
  const root = top.value.stdout.toString('utf8').replace(/\n$/, '');
  // `core.worktree` of a repository could name any folder of this machine.
  return (await realpath(folder)) === root
    ? ok({ root, isBare: false })
    : invalid(`the repository in ${folder} says that its working tree is ${root}`);
}

async function branches(
  git: Git,
): Promise<Result<{ readonly current?: string; readonly names: readonly string[] }>> {
  const list = answered(
    await git(['for-each-ref', '--format=%(HEAD)%(refname)', 'refs/heads', 'refs/remotes']),
    'its branches',
  );
  if (!list.ok) return list;
  const lines = list.value.stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  const names = lines.map((line) => line.slice(1).replace(/^refs\/(heads|remotes)\//, ''));
  const checkedOut = await git(['symbolic-ref', '--quiet', '--short', 'HEAD'], { exitCodes: [0, 1] });
  if (!checkedOut.ok) return refused(checkedOut.failure, 'its branches');
  const current = checkedOut.value.stdout.toString('utf8').trim();
  return ok({
    ...(current !== '' && { current }),
    names: names.filter((name, index) => !name.endsWith('/HEAD') || lines[index]?.includes('refs/heads/')),
  });
}

async function isAncestor(git: Git, ancestor: string, commit: string): Promise<Result<boolean>> {
  const ids = await commitIds(git, [ancestor, commit]);
  if (!ids.ok) return ids;
  const [first, second] = ids.value;
  if (first === undefined || second === undefined)
    return missing(git, first === undefined ? ancestor : commit);
  // Counted instead of `merge-base --is-ancestor`: simple-git waits 50 ms for a process that says nothing.
  const beyond = answered(
    await git(['rev-list', '--count', '--max-count=1', '--end-of-options', first, `^${second}`]),
    'its commits',
  );
  return beyond.ok ? ok(beyond.value.stdout.toString('utf8').trim() === '0') : beyond;
}

function missing(git: Git, name: string): Promise<Result<never>> {
  return commitId(git, name).then((id) => (id.ok ? invalid(`"${name}" is not a commit`) : id));
}
