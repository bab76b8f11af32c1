import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../core/failure.ts';
import type { Change, TreeRange } from '../../core/vcs.ts';
import { type DiffSection, MAX_DIFF_BYTES, sectionsOf, textOf } from '../count-lines.ts';
import { cutAtLine, joined } from '../cut-at-line.ts';
import { invalid } from '../records.ts';
import { notACommit } from '../request.ts';
import { answered, type Tool } from '../run-tool.ts';
import { untrackedChanges, untrackedDiff } from '../untracked-files.ts';
import { numberOf, readLog } from './log.ts';
import { revision, type SvnPlace } from './place.ts';
import { svnXml } from './run-svn.ts';
import { allOf, type Element } from './xml.ts';

/** What svn is asked to compare. */
export interface SvnTrees {
  readonly args: readonly string[];
  readonly isWorktree: boolean;
  /** Revisions; 0 is the empty tree, and a folder has none. */
  readonly from: number;
  readonly to?: number;
}

/** A range as svn's arguments. Fails with `invalid`: Subversion stages nothing, and a revision must be one. */
export function svnTrees(place: SvnPlace, head: number, { from, to }: TreeRange): Result<SvnTrees> {
  if (to === 'staged') return invalid('Subversion has no staging area');
  const first = from === undefined ? ok(0) : revision(from, head);
  if (!first.ok) return first;
  if (to === 'worktree') {
    const base = from === undefined ? [] : ['-r', String(first.value)];
    return ok({ args: [...base, '.'], isWorktree: true, from: from === undefined ? head : first.value });
  }
  const last = revision(to, head);
  if (!last.ok) return last;
  const target = `${place.url}@${last.value}`;
  const args =
    from === undefined
      ? [`--old=${place.repositoryUrl}@0`, `--new=${target}`]
      : ['-r', `${first.value}:${last.value}`, target];
  return ok({ args, isWorktree: false, from: first.value, to: last.value });
}

/** Files that differ; untracked ones too where the working copy is compared. `lines` counts lines, default true. */
export async function svnChanges(
  svn: Tool,
  place: SvnPlace,
  trees: SvnTrees,
  { lines = true }: { readonly lines?: boolean } = {},
): Promise<Result<readonly Change[]>> {
  const read = await svnXml(svn, ['diff', '--summarize', ...trees.args]);
  if (!read.ok) return unknownRevision(read, trees);
  const local = trees.isWorktree ? await localStatus(svn, place.root) : ok({ missing: [], untracked: [] });
  if (!local.ok) return local;
  const entries = new Map(allOf(read.value, 'path').flatMap((entry) => entryOf(entry, place)));
  for (const name of local.value.missing) entries.set(name, 'deleted');
  const counts =
    lines && entries.size > 0 && local.value.missing.length === 0
      ? await countsOf(svn, trees)
      : ok(NO_COUNTS);
  if (!counts.ok) return counts;
  const origins = await originsOf(svn, place, trees, entries);
  const changes = [...entries].flatMap(([name, status]): readonly Change[] => {
    if (status === 'deleted' && origins.moved.has(name)) return [];
    return [changeOf(name, status, { origin: origins.of.get(name), count: counts.value.get(name), origins })];
  });
  return ok([...changes, ...(await untrackedChanges(place.root, local.value.untracked, { lines }))]);
}

const NO_COUNTS: ReadonlyMap<string, DiffSection> = new Map();

function unknownRevision(result: Result<never> | Result<Element>, { from, to }: SvnTrees): Result<never> {
  if (result.ok) return invalid('svn gave no answer');
  const isUnknown = result.failure.reason === 'invalid' && /E160006/.test(result.failure.message);
  return isUnknown ? notACommit(String(Math.max(from, to ?? 0))) : result;
}

type Status = Change['status'];
const STATUSES: Readonly<Record<string, Status>> = {
  added: 'added',
  deleted: 'deleted',
  modified: 'modified',
};

/** Folders are not told: their files are. */
function entryOf({ text, attributes }: Element, place: SvnPlace): readonly (readonly [string, Status])[] {
  if (attributes['kind'] === 'dir') return [];
  const name = relativeTo(place, text);
  return [[name, STATUSES[attributes['item'] ?? ''] ?? 'modified']];
}

/** Of an address, what is behind that of the working copy (or of the repository, for the empty tree). */
function relativeTo({ url, repositoryUrl }: SvnPlace, written: string): string {
  for (const start of [url, repositoryUrl]) {
    if (written.startsWith(`${start}/`)) return decodeURIComponent(written.slice(start.length + 1));
  }
  return written;
}

interface Origins {
  /** New path to the path in the first tree. */
  readonly of: ReadonlyMap<string, string>;
  /** Paths that are gone because they were moved. */
  readonly moved: ReadonlySet<string>;
}

/** Where added files were copied from, by the log between the two trees. */
async function originsOf(
  svn: Tool,
  place: SvnPlace,
  { from, to, isWorktree }: SvnTrees,
  entries: ReadonlyMap<string, Status>,
): Promise<Origins> {
  const of = new Map<string, string>();
  const gone = [...entries].filter(([, status]) => status === 'deleted');
  if (from === 0 || isWorktree || to === undefined || to <= from || gone.length === 0)
    return { of, moved: new Set() };
  const log = await readLog(svn, { url: place.url, newest: to }, ['-v', '-r', `${from + 1}:${to}`]);
  const copies = log.ok ? log.value.toSorted((a, b) => numberOf(a) - numberOf(b)) : [];
  for (const copy of copies.flatMap((entry) => allOf(entry, 'path'))) noteCopy(copy, place, entries, of);
  const deleted = new Set(gone.map(([name]) => name));
  return { of, moved: new Set([...of.values()].filter((name) => deleted.has(name))) };
}

function noteCopy(
  { attributes, text }: Element,
  { inRepository }: SvnPlace,
  entries: ReadonlyMap<string, Status>,
  of: Map<string, string>,
): void {
  const source = attributes['copyfrom-path'];
  if (source === undefined || !source.startsWith(`${inRepository}/`) || !text.startsWith(`${inRepository}/`))
    return;
  const from = source.slice(inRepository.length + 1);
  const to = text.slice(inRepository.length + 1);
  const copied =
    attributes['kind'] === 'dir' ? [...entries.keys()].filter((name) => name.startsWith(`${to}/`)) : [to];
  for (const name of copied) {
    const before = from + name.slice(to.length);
    if (entries.get(name) === 'added') of.set(name, of.get(before) ?? before);
  }
}

function changeOf(
  name: string,
  status: Status,
  {
    origin,
    count,
    origins,
  }: {
    readonly origin: string | undefined;
    readonly count: DiffSection | undefined;
    readonly origins: Origins;
  },
): Change {
  const common = { path: name, is_binary: count?.is_binary ?? false, is_submodule: false };
  const lines = count && !count.is_binary ? { added: count.added, deleted: count.deleted } : {};
  if (origin === undefined) return { ...common, ...lines, status };
  // svn shows such a file as a whole: its lines are no changes.
  return { ...common, status: origins.moved.has(origin) ? 'renamed' : 'copied', from_path: origin };
}

interface Local {
  readonly missing: readonly string[];
  readonly untracked: readonly string[];
}

async function localStatus(svn: Tool, root: string): Promise<Result<Local>> {
  const read = await svnXml(svn, ['status', '.']);
  if (!read.ok) return read;
  const entries = allOf(read.value, 'entry').map((entry) => ({
    name: entry.attributes['path'] ?? '',
    item: allOf(entry, 'wc-status')[0]?.attributes['item'],
  }));
  return ok({
    missing: entries.flatMap(({ name, item }) => (item === 'missing' ? [name] : [])),
    untracked: entries.flatMap(({ name, item }) => (item === 'unversioned' ? filesIn(root, name) : [])),
  });
}

/** An unversioned folder is told by its name alone. One that ignores itself, as our state folder does, is left out. */
function filesIn(root: string, name: string): readonly string[] {
  const place = path.join(root, name);
  try {
    const entries = readdirSync(place, { withFileTypes: true });
    if (
      entries.some((entry) => entry.name === '.gitignore') &&
      readFileSync(path.join(place, '.gitignore'), 'utf8').trim() === '*'
    ) {
      return [];
    }
    return entries.flatMap((entry) =>
      entry.isDirectory() ? filesIn(root, `${name}/${entry.name}`) : [`${name}/${entry.name}`],
    );
  } catch {
    return [name];
  }
}

async function countsOf(svn: Tool, trees: SvnTrees): Promise<Result<ReadonlyMap<string, DiffSection>>> {
  const read = answered(
    await svn(['diff', '--git', '--internal-diff', ...trees.args], { maxBytes: MAX_DIFF_BYTES }),
  );
  if (!read.ok) return read;
  if (read.value.isCut) return ok(NO_COUNTS);
  return ok(
    new Map(sectionsOf(read.value.stdout.toString('utf8'), pathOf).map((section) => [section.path, section])),
  );
}

/** The line before each file. */
function pathOf(line: string): string | undefined {
  return line.startsWith('Index: ') ? line.slice('Index: '.length) : undefined;
}

/** The unified diff, of one path or of all, cut at a line before `maxBytes`. */
export async function svnDiff(
  svn: Tool,
  place: SvnPlace,
  trees: SvnTrees,
  { path: only, maxBytes }: { readonly path?: string; readonly maxBytes: number },
): Promise<Result<{ readonly text: string; readonly truncated: boolean }>> {
  const isWhole = only === undefined || only === '';
  const limit = { maxBytes: isWhole ? maxBytes : MAX_DIFF_BYTES };
  const read = answered(await svn(['diff', '--git', '--internal-diff', ...trees.args], limit));
  if (!read.ok) return read;
  const all = read.value.stdout.toString('utf8');
  const bytes = isWhole ? read.value.stdout : Buffer.from(textOf(all, sectionsOf(all, pathOf), only));
  const isCut = read.value.isCut || bytes.length > maxBytes;
  const text = cutAtLine(bytes.subarray(0, maxBytes), isCut);
  if (isCut || !trees.isWorktree) return ok({ text, truncated: isCut });
  const local = await localStatus(svn, place.root);
  if (!local.ok) return local;
  const room = maxBytes - bytes.length;
  return ok(
    joined(text, await untrackedDiff(place.root, local.value.untracked, { only, maxBytes: room }), room),
  );
}
