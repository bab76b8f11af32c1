import { realpath } from 'node:fs/promises';
import { ok, type Result } from '../../core/failure.ts';
import type { TreeRange, Vcs } from '../../core/vcs.ts';
import { invalid } from '../records.ts';
import { checkRange, MAX_COMMITS, notACommit, parseRequest } from '../request.ts';
import { answered, type Tool } from '../run-tool.ts';
import { svnChanges, svnDiff, type SvnTrees, svnTrees } from './changes.ts';
import { createSvnLog, numberOf, readLog } from './log.ts';
import { headRevision, revision, type SvnPlace, svnPlace } from './place.ts';
import { svnIn } from './run-svn.ts';
import { readXml, allOf } from './xml.ts';

/** The Subversion working copy whose top is `folder`. Ids are revision numbers. Asks the server. */
export async function openSvn(folder: string): Promise<Result<Vcs>> {
  const root = await realpath(folder);
  const svn = svnIn(root);
  const found = await svnPlace(svn, root);
  if (!found.ok) return found;
  const place = found.value;
  const svnversion = svnIn(root, 'svnversion');
  const head = (): Promise<Result<number>> => headRevision(svnversion);
  const trees = async (range: TreeRange): Promise<Result<SvnTrees>> => {
    const newest = await head();
    return newest.ok ? svnTrees(place, newest.value, range) : newest;
  };
  const commits = { svn, place, head };
  return ok({
    kind: 'svn',
    root,
    resolve: (request) => resolve(commits, request),
    head: async () => {
      const newest = await head();
      if (!newest.ok) return newest;
      return newest.value === 0 ? invalid('there is no commit yet') : ok(String(newest.value));
    },
    branches: () => branches(svn, place),
    log: createSvnLog(svn, place, head),
    changes: async (range, options) => {
      const compared = await trees(range);
      return compared.ok ? svnChanges(svn, place, compared.value, options) : compared;
    },
    diff: async (range, options) => {
      const compared = await trees(range);
      return compared.ok ? svnDiff(svn, place, compared.value, options) : compared;
    },
    isAncestor: (ancestor, commit) => isAncestor(commits, ancestor, commit),
    exportTree: (commit, target, signal) => exportTree(commits, commit, { folder: target, signal }),
  });
}

interface Commits {
  readonly svn: Tool;
  readonly place: SvnPlace;
  readonly head: () => Promise<Result<number>>;
}

async function resolve(commits: Commits, request: string): Promise<Result<readonly string[]>> {
  const parsed = parseRequest(request);
  if (!parsed.ok) return parsed;
  const newest = await commits.head();
  if (!newest.ok) return newest;
  const head = newest.value;
  const wanted = parsed.value;
  switch (wanted.kind) {
    case 'last':
      return ids(commits, head, ['-r', `${head}:1`, '--limit', String(wanted.count)]);
    case 'range': {
      const from = revision(wanted.from ?? 'HEAD', head);
      if (!from.ok) return from;
      const to = revision(wanted.to ?? 'HEAD', head);
      if (!to.ok) return to;
      if (to.value <= from.value) return checkRange(request, []);
      const limit = ['--limit', String(MAX_COMMITS + 1)];
      const between = await ids(commits, head, ['-r', `${to.value}:${from.value + 1}`, ...limit]);
      return between.ok ? checkRange(request, between.value) : notACommit(wanted.to ?? wanted.from ?? 'HEAD');
    }
    case 'list':
      return eachRevision(commits, wanted.names, head);
    default:
      return wanted satisfies never;
  }
}

/** Each must have changed something in what is checked out. */
async function eachRevision(
  commits: Commits,
  names: readonly string[],
  head: number,
): Promise<Result<readonly string[]>> {
  const numbers = new Set<number>();
  for (const name of names) {
    const number = revision(name, head);
    if (!number.ok) return number;
    const known = await ids(commits, head, ['-c', String(number.value)]);
    if (!known.ok || known.value.length === 0) return notACommit(name);
    numbers.add(number.value);
  }
  return ok([...numbers].toSorted((a, b) => a - b).map(String));
}

async function ids(
  { svn, place }: Commits,
  newest: number,
  args: readonly string[],
): Promise<Result<readonly string[]>> {
  const log = await readLog(svn, { url: place.url, newest }, ['-q', ...args]);
  return log.ok
    ? ok(
        log.value
          .map(numberOf)
          .toSorted((a, b) => a - b)
          .map(String),
      )
    : log;
}

/** On one branch the older revision comes before the newer one. */
async function isAncestor(commits: Commits, ancestor: string, commit: string): Promise<Result<boolean>> {
  const newest = await commits.head();
  if (!newest.ok) return newest;
  const known = await eachRevision(commits, [ancestor, commit], newest.value);
  if (!known.ok) return known;
  const first = revision(ancestor, newest.value);
  const second = revision(commit, newest.value);
  return first.ok && second.ok ? ok(first.value <= second.value) : notACommit(ancestor);
}

async function exportTree(
  { svn, place, head }: Commits,
  commit: string,
  { folder: target, signal }: { readonly folder: string; readonly signal: AbortSignal | undefined },
): Promise<Result<void>> {
  const newest = await head();
  if (!newest.ok) return newest;
  const number = revision(commit, newest.value);
  if (!number.ok) return number;
  // A sign in a path would be read as a revision: the address ends with one of its own, and so does the folder.
  const from = `${place.url}@${number.value}`;
  const done = answered(
    await svn(['export', '--quiet', '--force', '--ignore-externals', from, `${target}@`], { signal }),
  );
  return done.ok ? ok(undefined) : done;
}

/** The usual layout: trunk, and what is in branches. */
async function branches(
  svn: Tool,
  { inRepository, repositoryUrl }: SvnPlace,
): Promise<Result<{ readonly current?: string; readonly names: readonly string[] }>> {
  const [, current = 'trunk'] = /^\/branches\/([^/]+)/.exec(inRepository) ?? [];
  const list = await svn(['list', '--xml', `${repositoryUrl}/branches@`]);
  // A repository without that folder has no branches.
  if (!list.ok && list.failure.failure.reason === 'cancelled') return answered(list);
  const entries = list.ok ? allOf(readXml(list.value.stdout.toString('utf8')), 'name') : [];
  return ok({ current, names: [...new Set(['trunk', ...entries.map(({ text }) => text), current])] });
}
