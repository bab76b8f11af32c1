import { type CommitEntry, type CommitsState, rangeOf } from '../commits-state.ts';
import type { Rectangle } from '../layout.ts';
import { windowStart } from '../list.ts';
import { clip, oneLine, pad, spread } from '../text.ts';
import type { Theme } from '../theme.ts';
import { ageOf } from '../times.ts';
import { fill } from './rows.ts';

/** List and details beside each other from this width on, otherwise one above the other. */
const BESIDE = 110;

/** Where the list and the details lie; one of them is empty while the other is zoomed. */
export function commitsLayout(
  body: Rectangle,
  isZoomed: boolean,
): { readonly list: Rectangle; readonly details: Rectangle } {
  const nowhere = { ...body, width: 0, height: 0 };
  if (isZoomed) return { list: nowhere, details: body };
  if (body.width >= BESIDE) {
    const width = Math.floor(body.width * 0.5);
    return {
      list: { ...body, width },
      details: { ...body, x: width + 1, width: body.width - width - 1 },
    };
  }
  const height = Math.ceil(body.height * 0.5);
  return {
    list: { ...body, height },
    details: { ...body, y: body.y + height, height: body.height - height },
  };
}

/** In a narrower list the subject needs the room; the details name the author. */
const ROOM_FOR_AUTHOR = 72;

interface Look {
  readonly theme: Theme;
  readonly nowMs: number;
}

/** The list; only what is seen of it is drawn, however long it is. */
export function commitRows(
  state: CommitsState,
  { width, height }: Pick<Rectangle, 'width' | 'height'>,
  look: Look,
): readonly string[] {
  const { entries, at, isLoading } = state;
  if (entries.length === 0) {
    return fill(['', look.theme.dim(isLoading ? '  reading commits …' : `  ${emptyText(state)}`)], {
      width,
      height,
    });
  }
  const start = windowStart(entries.length, at, height);
  const rows = entries
    .slice(start, start + height)
    .map((entry, index) => entryRow(state, entry, { ...look, at: start + index, width }));
  return fill(rows, { width, height });
}

function emptyText({ query, branch }: CommitsState): string {
  const isFiltered = query.text !== '' || query.author !== '' || query.path !== '';
  if (isFiltered) return 'No commit is like that. esc drops the filters.';
  return `There is no commit${branch === undefined ? '' : ` on ${oneLine(branch)}`} yet.`;
}

function entryRow(
  state: CommitsState,
  entry: CommitEntry,
  { theme, nowMs, at, width }: Look & { readonly at: number; readonly width: number },
): string {
  const isChosen = at === state.at;
  const [from, to] = rangeOf(state) ?? [1, 0];
  const isInRange = at >= from && at <= to;
  const isMarked = state.marked.has(entry.id);
  const mark = isMarked ? theme.info('◆') : isInRange ? theme.warn('┃') : ' ';
  const text =
    entry.type === 'commit'
      ? commitText(state, entry, { theme, nowMs, width })
      : uncommittedText(entry, theme);
  const row = pad(`${isChosen ? '❯' : ' '}${mark} ${text}`, width);
  if (!isChosen) return row;
  return state.focus === 'list' ? theme.inverse(row) : theme.strong(row);
}

function uncommittedText(
  { id, fileCount }: Extract<CommitEntry, { readonly type: 'uncommitted' }>,
  theme: Theme,
): string {
  const what = id === 'staged' ? 'Staged' : 'Working tree';
  return `${theme.warn(pad(what, 20))} ${theme.dim(`${files(fileCount)} not committed`)}`;
}

function commitText(
  { deployed, details }: CommitsState,
  { id, commit }: Extract<CommitEntry, { readonly type: 'commit' }>,
  { theme, nowMs, width }: Look & { readonly width: number },
): string {
  const refs = commit.refs.map(oneLine).join(', ');
  const last = id === deployed?.id ? [deployed.isRelease ? 'deployed' : 'last run'] : [];
  const labels = [...last, ...(refs === '' ? [] : [refs])].join(', ');
  const count = commit.file_count ?? (details?.id === id ? details.changes.length : undefined);
  const author = width < ROOM_FOR_AUTHOR ? '' : `  ${clip(oneLine(commit.author), 16)}`;
  const right = `${count === undefined ? '' : files(count)}${author}`;
  const tags = labels === '' ? '' : `${theme.good(`(${clip(labels, Math.floor(width / 3))})`)} `;
  return spread(
    `${theme.info(id.slice(0, 8))} ${theme.dim(pad(ageOf(commit.date, nowMs), 11))} ${tags}${oneLine(commit.subject)}`,
    theme.dim(right),
    width - 3,
  );
}

export function files(count: number): string {
  return `${count} ${count === 1 ? 'file' : 'files'}`;
}

/** Title of the screen: what is shown, how much of it, what is chosen. */
export function commitsTitle(state: CommitsState, width: number): string {
  const { target, branch, current, query, entries, isComplete, marked } = state;
  const shown = branch ?? current ?? 'detached head';
  const filters = [
    query.text === '' ? '' : `"${oneLine(query.text)}"`,
    query.author === '' ? '' : `by ${oneLine(query.author)}`,
    query.path === '' ? '' : `in ${oneLine(query.path)}`,
  ].filter((text) => text !== '');
  const commits = entries.filter(({ type }) => type === 'commit').length;
  const count = `${commits}${isComplete ? '' : '+'} ${commits === 1 && isComplete ? 'commit' : 'commits'}`;
  const chosen = marked.size > 0 ? `${marked.size} chosen of ` : '';
  return spread(
    ` Commits for ${oneLine(target)}  ${oneLine(shown)}`,
    `${[...filters, chosen + count].join('  ')} `,
    width,
  );
}
