import { ok, type Result } from '../../core/failure.ts';
import { checkRange, MAX_COMMITS, notACommit, parseRequest } from '../request.ts';
import { commitId, commitIds } from './commit-ids.ts';
import { answered } from './problem.ts';
import type { Git } from './run-git.ts';

/** `A..B`, `id,id` or `last:N` to full ids, oldest first. */
export async function resolveRequest(git: Git, request: string): Promise<Result<readonly string[]>> {
  const parsed = parseRequest(request);
  if (!parsed.ok) return parsed;
  const wanted = parsed.value;
  switch (wanted.kind) {
    case 'last':
      return lastCommits(git, wanted.count);
    case 'range':
      return between(git, request, { from: wanted.from ?? 'HEAD', to: wanted.to ?? 'HEAD' });
    case 'list':
      return eachCommit(git, wanted.names);
    default:
      return wanted satisfies never;
  }
}

async function lastCommits(git: Git, count: number): Promise<Result<readonly string[]>> {
  const head = await commitId(git, 'HEAD');
  if (!head.ok) return head;
  return revList(git, [`--max-count=${count}`, '--end-of-options', head.value]);
}

async function between(
  git: Git,
  request: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Result<readonly string[]>> {
  const first = await commitId(git, from);
  if (!first.ok) return first;
  const last = await commitId(git, to);
  if (!last.ok) return last;
  const range = `${first.value}..${last.value}`;
  const commits = await revList(git, [`--max-count=${MAX_COMMITS + 1}`, '--end-of-options', range]);
  return commits.ok ? checkRange(request, commits.value) : commits;
}

async function eachCommit(git: Git, names: readonly string[]): Promise<Result<readonly string[]>> {
  const ids = await commitIds(git, names);
  if (!ids.ok) return ids;
  const wrong = ids.value.indexOf(undefined);
  if (wrong >= 0) return notACommit(names[wrong] ?? '');
  return revList(git, ['--no-walk=sorted', '--stdin'], `${[...new Set(ids.value)].join('\n')}\n`);
}

async function revList(
  git: Git,
  args: readonly string[],
  input?: string,
): Promise<Result<readonly string[]>> {
  const list = await git(['rev-list', '--reverse', ...args], input === undefined ? {} : { input });
  const answer = answered(list, 'its commits');
  return answer.ok
    ? ok(
        answer.value.stdout
          .toString('utf8')
          .split('\n')
          .filter((line) => line !== ''),
      )
    : answer;
}
