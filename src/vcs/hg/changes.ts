import { failed, ok, type Result } from '../../core/failure.ts';
import type { Change, TreeRange } from '../../core/vcs.ts';
import { type DiffSection, MAX_DIFF_BYTES, sectionsOf, textOf } from '../count-lines.ts';
import { cutAtLine, joined } from '../cut-at-line.ts';
import { invalid } from '../records.ts';
import { answered, type Tool } from '../run-tool.ts';
import { untrackedChanges, untrackedDiff } from '../untracked-files.ts';
import { unknownOr } from './log.ts';
import { quoted } from './run-hg.ts';

interface StatusEntry {
  readonly path: string;
  readonly status: string;
  readonly source?: string;
}

interface Status {
  readonly entries: readonly StatusEntry[];
  readonly untracked: readonly string[];
}

/** Files that differ; untracked ones too where the working tree is compared. `lines` counts lines, default true. */
export async function hgChanges(
  hg: Tool,
  root: string,
  range: TreeRange,
  { lines = true }: { readonly lines?: boolean } = {},
): Promise<Result<readonly Change[]>> {
  const status = await statusOf(hg, range);
  if (!status.ok) return status;
  const { entries, untracked } = status.value;
  const counts = lines && entries.length > 0 ? await countsOf(hg, range) : ok(new Map<string, DiffSection>());
  if (!counts.ok) return counts;
  const gone = new Set(
    entries.filter(({ status: letter }) => letter === 'R' || letter === '!').map(({ path }) => path),
  );
  const moved = new Set(
    entries.flatMap(({ source }) => (source !== undefined && gone.has(source) ? [source] : [])),
  );
  const tracked = entries
    .filter(({ path }) => !moved.has(path))
    .map((entry) =>
      changeOf(entry, { isMoved: moved.has(entry.source ?? ''), count: counts.value.get(entry.path) }),
    );
  return ok([...tracked, ...(await untrackedChanges(root, untracked, { lines }))]);
}

function changeOf(
  { path, status, source }: StatusEntry,
  { isMoved, count }: { readonly isMoved: boolean; readonly count: DiffSection | undefined },
): Change {
  const lines = count && !count.is_binary ? { added: count.added, deleted: count.deleted } : {};
  const common = { path, ...lines, is_binary: count?.is_binary ?? false, is_submodule: false };
  if (source !== undefined) return { ...common, status: isMoved ? 'renamed' : 'copied', from_path: source };
  return { ...common, status: STATUSES[status] ?? 'modified' };
}

const STATUSES: Readonly<Record<string, Change['status']>> = { A: 'added', R: 'deleted', '!': 'deleted' };

/** The unified diff, of one path or of all, cut at a line before `maxBytes`. */
export async function hgDiff(
  hg: Tool,
  root: string,
  range: TreeRange,
  { path, maxBytes }: { readonly path?: string; readonly maxBytes: number },
): Promise<Result<{ readonly text: string; readonly truncated: boolean }>> {
  const isWhole = path === undefined || path === '';
  const read = await diffText(hg, range, isWhole ? maxBytes : MAX_DIFF_BYTES);
  if (!read.ok) return read;
  const tracked = isWhole
    ? read.value.text
    : textOf(read.value.text, sectionsOf(read.value.text, pathOf), path);
  const bytes = Buffer.from(tracked);
  const isCut = read.value.isCut || bytes.length > maxBytes;
  const text = cutAtLine(bytes.subarray(0, maxBytes), isCut);
  if (isCut || range.to !== 'worktree') return ok({ text, truncated: isCut });
  const status = await statusOf(hg, range);
  if (!status.ok) return status;
  const room = maxBytes - bytes.length;
  return ok(
    joined(text, await untrackedDiff(root, status.value.untracked, { only: path, maxBytes: room }), room),
  );
}

async function statusOf(hg: Tool, range: TreeRange): Promise<Result<Status>> {
  const revisions = revisionsOf(range);
  if (!revisions.ok) return revisions;
  const read = await hg(['status', '--copies', '--template=json', ...revisions.value]);
  if (!read.ok) return unknownOr(read.failure, nameIn(range));
  const entries = entriesOf(JSON.parse(read.value.stdout.toString('utf8')));
  return ok({
    entries: entries.filter(({ status }) => status !== '?'),
    untracked: entries.filter(({ status }) => status === '?').map(({ path }) => path),
  });
}

function entriesOf(document: unknown): readonly StatusEntry[] {
  return Array.isArray(document) ? document.filter(isEntry) : [];
}

function isEntry(value: unknown): value is StatusEntry {
  return typeof value === 'object' && value !== null && 'path' in value && 'status' in value;
}

/** The empty tree is that of the null revision; the folder is compared when no second revision is given. */
function revisionsOf({ from, to }: TreeRange): Result<readonly string[]> {
  if (to === 'staged') return invalid('Mercurial has no staging area');
  if (to === 'worktree') return ok([`--rev=${from === undefined ? '.' : quoted(from)}`]);
  return ok([`--rev=${from === undefined ? 'null' : quoted(from)}`, `--rev=${quoted(to)}`]);
}

function nameIn({ from, to }: TreeRange): string {
  return to === 'worktree' || to === 'staged' ? (from ?? '.') : to;
}

async function countsOf(hg: Tool, range: TreeRange): Promise<Result<ReadonlyMap<string, DiffSection>>> {
  const diff = await diffText(hg, range, MAX_DIFF_BYTES);
  if (!diff.ok) return diff;
  // Of a diff that is too long to be read, no count is right.
  if (diff.value.isCut) return ok(new Map());
  return ok(new Map(sectionsOf(diff.value.text, pathOf).map((section) => [section.path, section])));
}

async function diffText(
  hg: Tool,
  range: TreeRange,
  maxBytes: number,
): Promise<Result<{ readonly text: string; readonly isCut: boolean }>> {
  const revisions = revisionsOf(range);
  if (!revisions.ok) return revisions;
  const read = await hg(['diff', '--git', ...revisions.value], { maxBytes });
  if (!read.ok) return answered(read);
  return ok({ text: read.value.stdout.toString('utf8'), isCut: read.value.isCut });
}

/** `diff --git a/<old> b/<new>`, names as they are: the new one begins behind the last ` b/` that makes two halves, or any. */
function pathOf(line: string): string | undefined {
  if (!line.startsWith('diff --git a/')) return undefined;
  const rest = line.slice('diff --git '.length);
  const half = (rest.length - 1) / 2;
  const isSame = Number.isInteger(half) && rest.slice(2, half) === rest.slice(half + 3);
  return isSame ? rest.slice(2, half) : rest.slice(rest.lastIndexOf(' b/') + 3);
}

/** Fails with `invalid` where one of both is no commit. */
export async function hgIsAncestor(hg: Tool, ancestor: string, commit: string): Promise<Result<boolean>> {
  for (const name of [ancestor, commit]) {
    const known = await hg(['log', '--template=x', `--rev=${quoted(name)}`]);
    if (!known.ok) return unknownOr(known.failure, name);
  }
  const found = await hg([
    'log',
    '--template=x',
    `--rev=${quoted(ancestor)} and ancestors(${quoted(commit)})`,
  ]);
  return found.ok ? ok(found.value.stdout.length > 0) : failed(found.failure.failure);
}
