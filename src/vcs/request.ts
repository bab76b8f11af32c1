import { ok, type Result } from '../core/failure.ts';
import { invalid } from './records.ts';

/** More than anyone means; a mistyped range of a large repository ends here. */
export const MAX_COMMITS = 10_000;

/** What `-c` asks for, not looked up yet. */
export type CommitRequest =
  | { readonly kind: 'last'; readonly count: number }
  /** After `from` up to and with `to`; undefined: what is checked out. */
  | { readonly kind: 'range'; readonly from: string | undefined; readonly to: string | undefined }
  | { readonly kind: 'list'; readonly names: readonly string[] };

/** `A..B`, `id,id` or `last:N`. A message that needs the request begins with it. */
export function parseRequest(request: string): Result<CommitRequest> {
  const last = /^last:(\d+)$/.exec(request)?.[1];
  if (last !== undefined) return lastOf(Number(last));
  const range = /^(.*?)\.\.(\.?)(.*)$/s.exec(request);
  if (!range) return listOf(request.split(','));
  const [, from = '', third = '', to = ''] = range;
  if (third !== '') return invalid(`${request}: three dots mean a symmetric difference; use A..B`);
  return ok({ kind: 'range', from: from || undefined, to: to || undefined });
}

function lastOf(count: number): Result<CommitRequest> {
  if (count < 1 || count > MAX_COMMITS) return invalid(`last:${count}: from 1 to ${MAX_COMMITS}`);
  return ok({ kind: 'last', count });
}

function listOf(written: readonly string[]): Result<CommitRequest> {
  const names = written.map((name) => name.trim());
  return names.includes('') ? invalid('a commit is missing between the commas') : ok({ kind: 'list', names });
}

/** The commits of a range, when there are some and not too many. */
export function checkRange(request: string, commits: readonly string[]): Result<readonly string[]> {
  if (commits.length === 0) return invalid(`${request}: there is no commit between them`);
  return commits.length > MAX_COMMITS ? invalid(`${request}: more than ${MAX_COMMITS} commits`) : ok(commits);
}

/** What a name is, when it is no commit. */
export function notACommit(name: string): Result<never> {
  return invalid(`"${name}" is not a commit of this repository`);
}
