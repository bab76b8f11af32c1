import { ok, type Result } from '../../core/failure.ts';
import type { Commit, LogQuery } from '../../core/vcs.ts';
import { notACommit } from '../request.ts';
import type { Tool } from '../run-tool.ts';
import { revisionOf, type SvnPlace } from './place.ts';
import { svnXml } from './run-svn.ts';
import { allOf, type Element, textIn } from './xml.ts';

/** Where a log is read: an address and its newest revision. */
export interface LogStart {
  readonly url: string;
  readonly newest: number;
}

/** Revisions that are asked for first. */
const SHORT_LIST = 500;
/** Lists of revisions that are kept. */
const KEPT_LISTS = 3;

type Log = (query: LogQuery, signal?: AbortSignal) => Promise<Result<readonly Commit[]>>;

/** The log of a working copy, newest first. A repository is asked once for the list and then for each page. */
export function createSvnLog(svn: Tool, place: SvnPlace, head: () => Promise<Result<number>>): Log {
  const lists = new Map<string, readonly Element[]>();
  const allEntries = async (
    start: LogStart,
    query: LogQuery,
    signal?: AbortSignal,
  ): Promise<Result<readonly Element[]>> => {
    const needs = detailsFor(query);
    const key = [start.url, start.newest, needs.join(' ')].join('\0');
    const known = lists.get(key);
    if (known) return ok(known);
    const read = await readLog(svn, start, ['-r', `${start.newest}:1`, ...needs], signal);
    if (!read.ok) return read;
    lists.set(key, read.value);
    for (const oldest of [...lists.keys()].slice(0, -KEPT_LISTS)) lists.delete(oldest);
    return read;
  };
  return async (query, signal) => {
    const newest = await head();
    if (!newest.ok) return newest;
    const found = await startOf(svn, place, { newest: newest.value, from: query.from });
    if (!found.ok) return found;
    const start = found.value;
    const entries = await allEntries(start, query, signal);
    if (!entries.ok)
      return query.from === undefined || query.from === 'HEAD' ? entries : notFound(entries, query.from);
    const wanted = entries.value.filter((entry) => matches(entry, query, place));
    const page = wanted.slice(query.skip, query.skip + query.limit);
    if (page.length === 0) return ok([]);
    const details = await readLog(svn, start, ['-v', '-c', page.map(numberOf).join(',')], signal);
    if (!details.ok) return details;
    const parents = new Map(entries.value.map((entry, index) => [numberOf(entry), entries.value[index + 1]]));
    return ok(
      details.value
        .toSorted((a, b) => numberOf(b) - numberOf(a))
        .map((entry) => commitOf(entry, parents.get(numberOf(entry)))),
    );
  };
}

/** Cancelled stays what it is; anything else means that the repository has no such place. */
function notFound(result: Result<unknown>, name: string): Result<never> {
  return !result.ok && result.failure.reason === 'cancelled' ? result : notACommit(name);
}

/** Only what a filter looks at is asked for; of a log without filters, at first, only its beginning. */
function detailsFor({ author, text, path, since, skip, limit }: LogQuery): readonly string[] {
  if (path !== undefined && path !== '') return ['-v'];
  if (author !== undefined || text !== undefined) return [];
  // One more than is shown: the parent of the last one.
  const isShort = since === undefined && skip + limit < SHORT_LIST;
  return isShort ? ['-q', '--limit', String(SHORT_LIST)] : ['-q'];
}

/** A revision of what is checked out, or a branch by its name: that one up to its newest revision on the server. */
async function startOf(
  svn: Tool,
  place: SvnPlace,
  { newest, from }: { readonly newest: number; readonly from: string | undefined },
): Promise<Result<LogStart>> {
  if (from === undefined) return ok({ url: place.url, newest });
  const number = revisionOf(from, newest);
  if (number !== undefined) return ok({ url: place.url, newest: number });
  const folder = from === 'trunk' ? 'trunk' : `branches/${from}`;
  const url = `${place.repositoryUrl}/${folder.split('/').map(encodeURIComponent).join('/')}`;
  const info = await svnXml(svn, ['info', `${url}@HEAD`]);
  if (!info.ok) return notFound(info, from);
  return ok({ url, newest: Number(allOf(info.value, 'entry')[0]?.attributes['revision'] ?? 0) });
}

/** Entries of the log, as svn gives them. */
export async function readLog(
  svn: Tool,
  { url, newest }: LogStart,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<Result<readonly Element[]>> {
  const read = await svnXml(svn, ['log', ...args, `${url}@${newest}`], { signal });
  return read.ok ? ok(allOf(read.value, 'logentry')) : read;
}

/** The revision of an entry. */
export function numberOf(entry: Element): number {
  return Number(entry.attributes['revision'] ?? 0);
}

function matches(
  entry: Element,
  { author, text, path, since }: LogQuery,
  { inRepository }: SvnPlace,
): boolean {
  if (since !== undefined && numberOf(entry) <= Number(since.replace(/^r/, ''))) return false;
  if (author !== undefined && !contains(textIn(entry, 'author'), author)) return false;
  if (text !== undefined && !contains(textIn(entry, 'msg'), text)) return false;
  if (path === undefined || path === '') return true;
  return allOf(entry, 'path').some((changed) => touches(changed, `${inRepository}/${path}`));
}

function contains(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}

/** The path itself, something in it, or a folder around it that came or went. */
function touches(changed: Element, wanted: string): boolean {
  const { text } = changed;
  if (text === wanted || text.startsWith(`${wanted}/`)) return true;
  const isWhole = changed.attributes['action'] !== 'M' && changed.attributes['kind'] === 'dir';
  const isCopyOrGone = changed.attributes['action'] !== 'A' || 'copyfrom-path' in changed.attributes;
  return isWhole && isCopyOrGone && wanted.startsWith(`${text}/`);
}

function commitOf(entry: Element, parent: Element | undefined): Commit {
  const [subject = '', ...body] = textIn(entry, 'msg').split('\n');
  const { author, email } = authorOf(textIn(entry, 'author'));
  const files = allOf(entry, 'path').filter(({ attributes }) => attributes['kind'] !== 'dir');
  return {
    id: String(numberOf(entry)),
    parents: parent ? [String(numberOf(parent))] : [],
    author,
    email,
    date: textIn(entry, 'date'),
    subject,
    body: body.join('\n').trim(),
    refs: [],
    file_count: files.length,
  };
}

/** A user name; some servers keep `Name <mail>`. */
function authorOf(written: string): { readonly author: string; readonly email: string } {
  const [, author = written, email = ''] = /^(.*?)\s*<([^<>]*)>$/.exec(written) ?? [];
  return { author, email };
}
