import { ok, type Result } from '../../core/failure.ts';
import type { Commit, LogQuery } from '../../core/vcs.ts';
import { records } from '../records.ts';
import { branchOrCommitId } from './commit-ids.ts';
import { answered } from './problem.ts';
import type { Git } from './run-git.ts';

/** From there on pages are cut out of a list of ids, read once: `--skip` walks over all that it skips. */
const DEEP_SKIP = 500;
/** Lists of ids that are kept: 41 bytes for each commit. */
const KEPT_LISTS = 3;
/** Counting files may take so long for a page; commits that were not reached have no count. */
const COUNT_MS = 1500;

const FIELDS = ['%H', '%P', '%an', '%ae', '%aI', '%D', '%s', '%b'] as const;
const FORMAT = `--format=tformat:${FIELDS.join('%x00')}`;
const PRESENTATION = ['-z', '--no-color', '--encoding=UTF-8', '--decorate=full', '--no-patch', FORMAT];

type Log = (query: LogQuery, signal?: AbortSignal) => Promise<Result<readonly Commit[]>>;

/** The log of one repository, page by page. */
export function createLog(git: Git): Log {
  const lists = new Map<string, Promise<Result<readonly string[]>>>();
  return async (query, signal) => {
    const from = await branchOrCommitId(git, query.from ?? 'HEAD');
    if (!from.ok) return from;
    const walk = walkOf(query, from.value);
    const page =
      query.skip < DEEP_SKIP ? pageOf(walk, query) : await deepPage({ git, lists, walk, query, signal });
    if (!page.ok) return page;
    const { args, input } = page.value;
    if (input === '') return ok([]);
    const read = answered(
      await git(['log', ...PRESENTATION, ...args], {
        ...(input !== undefined && { input }),
        ...(signal && { signal }),
      }),
      'its log',
    );
    if (!read.ok) return read;
    const commits = commitsOf(records(read.value.stdout));
    return ok(await counted(git, commits, signal));
  };
}

interface Page {
  readonly args: readonly string[];
  /** Ids for standard input; empty when there are none. */
  readonly input?: string;
}

function pageOf(walk: readonly string[], { skip, limit }: LogQuery): Result<Page> {
  return ok({ args: [`--skip=${skip}`, `--max-count=${limit}`, ...walk] });
}

async function deepPage({
  git,
  lists,
  walk,
  query,
  signal,
}: {
  readonly git: Git;
  readonly lists: Map<string, Promise<Result<readonly string[]>>>;
  readonly walk: readonly string[];
  readonly query: LogQuery;
  readonly signal: AbortSignal | undefined;
}): Promise<Result<Page>> {
  const key = walk.join('\0');
  const known = lists.get(key);
  const list = known ?? allIds(git, walk, signal);
  lists.delete(key);
  lists.set(key, list);
  const ids = await list;
  if (!ids.ok) {
    lists.delete(key);
    return ids;
  }
  for (const oldest of [...lists.keys()].slice(0, -KEPT_LISTS)) lists.delete(oldest);
  const wanted = ids.value.slice(query.skip, query.skip + query.limit);
  return ok({ args: ['--no-walk=unsorted', '--stdin'], input: wanted.map((id) => `${id}\n`).join('') });
}

async function allIds(
  git: Git,
  walk: readonly string[],
  signal?: AbortSignal,
): Promise<Result<readonly string[]>> {
  const list = answered(
    await git(['log', '--format=tformat:%H', ...walk], signal ? { signal } : {}),
    'its log',
  );
  return list.ok
    ? ok(
        list.value.stdout
          .toString('latin1')
          .trimEnd()
          .split('\n')
          .filter((id) => id !== ''),
      )
    : list;
}

/** Which commits, without how many of them. Filters are text, in upper or lower case (of ASCII letters). */
function walkOf(query: LogQuery, from: string): readonly string[] {
  const { author, text, since, path } = query;
  return [
    ...(author !== undefined || text !== undefined ? ['--fixed-strings', '--regexp-ignore-case'] : []),
    ...(author === undefined ? [] : [`--author=${oneLine(author)}`]),
    ...(text === undefined ? [] : [`--grep=${oneLine(text)}`]),
    '--end-of-options',
    from,
    ...(since === undefined ? [] : [`^${since}`]),
    '--',
    ...(path === undefined || path === '' ? [] : [path]),
  ];
}

/** Lines of a pattern would be alternatives. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

function commitsOf(parts: readonly string[]): readonly Commit[] {
  const commits: Commit[] = [];
  for (let at = 0; at + FIELDS.length <= parts.length; at += FIELDS.length) {
    const [id = '', parents = '', author = '', email = '', date = '', refs = '', subject = '', body = ''] =
      parts.slice(at, at + FIELDS.length);
    commits.push({
      id,
      parents: parents === '' ? [] : parents.split(' '),
      author,
      email,
      date,
      subject,
      body: body.trimEnd(),
      refs: refsOf(refs),
    });
  }
  return commits;
}

/** `HEAD -> refs/heads/main, tag: refs/tags/v1`: a name has no space in it. */
function refsOf(decoration: string): readonly string[] {
  return decoration
    .split(', ')
    .map((ref) => /(?:^| )refs\/(?:heads|tags|remotes)\/(.+)$/.exec(ref)?.[1])
    .filter((name): name is string => name !== undefined && !name.endsWith('/HEAD'));
}

async function counted(
  git: Git,
  commits: readonly Commit[],
  signal?: AbortSignal,
): Promise<readonly Commit[]> {
  if (commits.length === 0) return commits;
  const names = await git(
    [
      'diff-tree',
      '--stdin',
      '--always',
      '-r',
      '-z',
      '--root',
      '--name-only',
      '--diff-merges=first-parent',
      '-M100%',
    ],
    {
      input: commits.map(({ id }) => `${id}\n`).join(''),
      timeoutMs: COUNT_MS,
      isPartialEnough: true,
      ...(signal && { signal }),
    },
  );
  if (!names.ok) return commits;
  const counts = countsOf(records(names.value.stdout), commits);
  // What was read last may be cut.
  if (names.value.isCut) counts.pop();
  return commits.map((commit, index) => withCount(commit, counts[index]));
}

/** Each commit's id stands before its names. */
function countsOf(parts: readonly string[], commits: readonly Commit[]): number[] {
  const counts: number[] = [];
  for (const part of parts) {
    if (part === commits[counts.length]?.id) counts.push(0);
    else counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
  }
  return counts;
}

function withCount(commit: Commit, count: number | undefined): Commit {
  return count === undefined ? commit : { ...commit, file_count: count };
}
