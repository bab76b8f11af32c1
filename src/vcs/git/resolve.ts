import { ok, type Result } from '../../core/failure.ts';
import { invalid } from '../records.ts';
import { commitId, commitIds } from './commit-ids.ts';
import { answered } from './problem.ts';
import type { Git } from './run-git.ts';

/** More than anyone means; a mistyped range of a large repository ends here. */
const MAX_COMMITS = 10_000;

/** `A..B`, `id,id` or `last:N` to full ids, oldest first. A message that needs the request begins with it. */
export async function resolveRequest(git: Git, request: string): Promise<Result<readonly string[]>> {
  const last = /^last:(\d+)$/.exec(request)?.[1];
  if (last !== undefined) return lastCommits(git, Number(last));
  const range = /^(.*?)\.\.(\.?)(.*)$/s.exec(request);
  if (!range) return eachCommit(git, request.split(','));
  const [, from = '', third = '', to = ''] = range;
  if (third !== '') return invalid(`${request}: three dots mean a symmetric difference; use A..B`);
  return between(git, { from: from === '' ? 'HEAD' : from, to: to === '' ? 'HEAD' : to, request });
}

async function lastCommits(git: Git, count: number): Promise<Result<readonly string[]>> {
  if (count < 1 || count > MAX_COMMITS) return invalid(`last:${count}: from 1 to ${MAX_COMMITS}`);
  const head = await commitId(git, 'HEAD');
  if (!head.ok) return head;
  return revList(git, [`--max-count=${count}`, '--end-of-options', head.value]);
}

async function between(
  git: Git,
  range: { readonly from: string; readonly to: string; readonly request: string },
): Promise<Result<readonly string[]>> {
  const first = await commitId(git, range.from);
  if (!first.ok) return first;
  const last = await commitId(git, range.to);
  if (!last.ok) return last;
  const commits = await revList(git, [
    `--max-count=${MAX_COMMITS + 1}`,
    '--end-of-options',
    `${first.value}..${last.value}`,
  ]);
  if (!commits.ok) return commits;
  if (commits.value.length === 0) return invalid(`${range.request}: there is no commit between them`);
  return commits.value.length > MAX_COMMITS
    ? invalid(`${range.request}: more than ${MAX_COMMITS} commits`)
    : commits;
}

async function eachCommit(git: Git, written: readonly string[]): Promise<Result<readonly string[]>> {
  const names = written.map((name) => name.trim());
  if (names.includes('')) return invalid('a commit is missing between the commas');
  const ids = await commitIds(git, names);
  if (!ids.ok) return ids;
  const wrong = ids.value.indexOf(undefined);
  if (wrong >= 0) return invalid(`"${names[wrong]}" is not a commit of this repository`);
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
