import type { TriggerSettings } from '../../core/settings/trigger.ts';
import { compileGlob } from '../analyze/glob.ts';

/** One branch that a push brings up to date. */
export interface PushedBranch {
  readonly branch: string;
  /** What `-c` takes: the new commits. */
  readonly commits: string;
}

const NO_COMMIT = /^0+$/;

/**
 * The branches of a push that `trigger` names, from what git gives its pre-push hook: one line
 * `<local ref> <local id> <remote ref> <remote id>` for each ref; an id of zeros is none. Source: githooks(5).
 */
export async function triggeredBranches(
  input: string,
  trigger: Pick<TriggerSettings, 'branches'>,
  isAncestor: (ancestor: string, commit: string) => Promise<boolean>,
): Promise<readonly PushedBranch[]> {
  // A pattern is the whole name: `main` is not `feature/main`.
  const matchers = trigger.branches.map((pattern) => compileGlob(`/${pattern}`));
  const found: PushedBranch[] = [];
  for (const line of input.split('\n')) {
    const [, local = '', remoteRef = '', remote = ''] = line.split(' ');
    const branch = /^refs\/heads\/(.+)$/.exec(remoteRef)?.[1];
    if (branch === undefined || NO_COMMIT.test(local) || !matchers.some((matches) => matches(branch)))
      continue;
    // A new branch, and one that is pushed over another history, is about its last commit.
    const isNew = NO_COMMIT.test(remote) || local === remote || !(await isAncestor(remote, local));
    found.push({ branch, commits: isNew ? local : `${remote}..${local}` });
  }
  return found;
}
