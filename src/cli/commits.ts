import { failed, ok, type Result } from '../core/failure.ts';

/** More than anyone means; a mistyped range of a large repository ends here. */
const MAX_COMMITS = 10_000;

/**
 * `A..B`, `sha,sha` or `last:N` to full ids, oldest first. Nothing in it can become an option of git,
 * and nothing in the repository's configuration is run (`core.fsmonitor`, hooks). Fails with `invalid`.
 * Source: research/reliability.md section 4, rows 2 and 3.
 */
export async function resolveCommits(request: string, project: string): Promise<Result<readonly string[]>> {
  const inside = await git(project, ['rev-parse', '--is-inside-work-tree']);
  if (!inside.ok) return invalid(noRepository(inside.failure, project));
  const last = /^last:(\d+)$/.exec(request)?.[1];
  if (last !== undefined) return lastCommits(Number(last), project);
  const range = /^(.*?)\.\.(\.?)(.*)$/s.exec(request);
  if (!range) return eachCommit(request.split(','), project);
  const [, from = '', third = '', to = ''] = range;
  if (third !== '') return invalid(`-c ${request}: three dots mean a symmetric difference; use A..B`);
  return between(from === '' ? 'HEAD' : from, to === '' ? 'HEAD' : to, project);
}

async function lastCommits(count: number, project: string): Promise<Result<readonly string[]>> {
  if (count < 1 || count > MAX_COMMITS) return invalid(`-c last:${count}: from 1 to ${MAX_COMMITS}`);
  const head = await commitId('HEAD', project);
  if (!head.ok) return head;
  return revList([`--max-count=${count}`, '--reverse', '--end-of-options', head.value], project);
}

async function between(from: string, to: string, project: string): Promise<Result<readonly string[]>> {
  const first = await commitId(from, project);
  if (!first.ok) return first;
  const last = await commitId(to, project);
  if (!last.ok) return last;
  const range = `${first.value}..${last.value}`;
  const commits = await revList(
    [`--max-count=${MAX_COMMITS + 1}`, '--reverse', '--end-of-options', range],
    project,
  );
  if (!commits.ok) return commits;
  if (commits.value.length === 0) return invalid(`-c ${from}..${to}: there is no commit between them`);
  return commits.value.length > MAX_COMMITS
    ? invalid(`-c ${from}..${to}: more than ${MAX_COMMITS} commits`)
    : commits;
}

async function eachCommit(names: readonly string[], project: string): Promise<Result<readonly string[]>> {
  const ids = new Set<string>();
  for (const name of names) {
    const id = await commitId(name.trim(), project);
    if (!id.ok) return id;
    ids.add(id.value);
  }
  return revList(['--no-walk=sorted', '--reverse', '--end-of-options', ...ids], project);
}

async function commitId(name: string, project: string): Promise<Result<string>> {
  if (name === '') return invalid('-c: a commit is missing between the commas');
  const found = await git(project, [
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${name}^{commit}`,
  ]);
  return found.ok ? ok(found.value.trim()) : invalid(`-c: "${name}" is not a commit of this repository`);
}

async function revList(args: readonly string[], project: string): Promise<Result<readonly string[]>> {
  const list = await git(project, ['rev-list', ...args]);
  if (!list.ok) return invalid(`git rev-list failed: ${list.failure.message}`);
  return ok(list.value.split('\n').filter((line) => line !== ''));
}

interface GitProblem {
  readonly code: string | undefined;
  readonly message: string;
}

async function git(cwd: string, args: readonly string[]): Promise<Result<string, GitProblem>> {
  const { execa } = await import('execa');
  const done = await execa('git', ['-c', 'core.fsmonitor=', '-c', 'core.hooksPath=/dev/null', ...args], {
    cwd,
    stdin: 'ignore',
    timeout: 30_000,
    maxBuffer: 16 * 1024 * 1024,
    env: { GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
    reject: false,
  });
  if (!done.failed) return ok(done.stdout);
  return { ok: false, failure: { code: done.code, message: done.stderr.split('\n')[0] ?? '' } };
}

function noRepository({ code, message }: GitProblem, project: string): string {
  if (code === 'ENOENT') return '-c needs git, which is not on PATH';
  return /not a git repository/.test(message)
    ? `-c: ${project} is not in a git repository`
    : `-c: git refuses ${project}: ${message}`;
}

function invalid(message: string): Result<never> {
  return failed({ reason: 'invalid', message });
}
