import { sanitizeText } from '../../core/terminal-text.ts';
import type { Change } from '../../core/vcs.ts';
import { chosenEntry, type CommitDetails, type CommitEntry, type CommitsState } from '../commits-state.ts';
import type { Rectangle } from '../layout.ts';
import { clip, oneLine, pad, wrap } from '../text.ts';
import type { Theme } from '../theme.ts';
import { files } from './commits.ts';
import { fill } from './rows.ts';

/** Of a stat, beside its number. */
const STAT_WIDTH = 16;
const BODY_LINES = 12;

interface Look {
  readonly width: number;
  readonly theme: Theme;
}

/** Details of the chosen entry: message, diff stat, coloured diff. Only what is seen is drawn. */
export function detailRows(
  state: CommitsState,
  { width, height }: Pick<Rectangle, 'width' | 'height'>,
  theme: Theme,
): readonly string[] {
  if (width <= 0 || height <= 0) return [];
  const entry = chosenEntry(state);
  const title = headOf(state, entry);
  const head =
    state.focus === 'diff' ? theme.inverse(theme.strong(pad(title, width))) : theme.dim(ruled(title, width));
  const lines = entry ? detailLines(state, entry, { width: width - 1, theme }) : undefined;
  const shown = lines?.draw(state.top, height - 1) ?? [];
  return [
    head,
    ...fill(
      shown.map((line) => ` ${line}`),
      { width, height: height - 1 },
    ),
  ];
}

/** How many lines the details have, for scrolling. */
export function detailCount(state: CommitsState, width: number, theme: Theme): number {
  const entry = chosenEntry(state);
  return entry ? detailLines(state, entry, { width: width - 1, theme }).count : 0;
}

/** Lines of the details where a file of the diff begins. */
export function fileStarts(state: CommitsState, width: number, theme: Theme): readonly number[] {
  const entry = chosenEntry(state);
  const details = entry && detailsOf(state, entry);
  if (!entry || !details) return [];
  const before = detailLines(state, entry, { width: width - 1, theme }).count - details.diff.length;
  return details.diff.flatMap((line, at) => (isFileStart(line) ? [before + at] : []));
}

function isFileStart(line: string): boolean {
  return line.startsWith('diff ') || line.startsWith('Index: ');
}

function headOf(state: CommitsState, entry: CommitEntry | undefined): string {
  if (!entry) return '';
  const details = detailsOf(state, entry);
  const name = entry.type === 'commit' ? entry.id.slice(0, 12) : entry.id;
  return ` ${name}  ${details ? files(details.changes.length) : 'reading …'}`;
}

function ruled(title: string, width: number): string {
  return `${title} ${'─'.repeat(Math.max(0, width - title.length - 1))}`;
}

function detailsOf(state: CommitsState, entry: CommitEntry): CommitDetails | undefined {
  return state.details?.id === entry.id ? state.details : undefined;
}

interface Lines {
  readonly count: number;
  readonly draw: (from: number, height: number) => readonly string[];
}

function detailLines(state: CommitsState, entry: CommitEntry, look: Look): Lines {
  const details = detailsOf(state, entry);
  const head = [
    ...(entry.type === 'commit' ? messageLines(entry, look) : []),
    ...(details ? [...statLines(details, look), ''] : []),
  ];
  const diff = details?.diff ?? [];
  return {
    count: head.length + diff.length,
    draw: (from, height) => [
      ...head.slice(from, from + height),
      ...diff
        .slice(Math.max(0, from - head.length), Math.max(0, from - head.length + height))
        .map((line) => diffLine(line, look)),
    ],
  };
}

function messageLines(
  { commit }: Extract<CommitEntry, { readonly type: 'commit' }>,
  { theme, width }: Look,
): string[] {
  const body = sanitizeText(commit.body).trim();
  return [
    ...wrap(oneLine(commit.subject), width).map(theme.strong),
    theme.dim(
      clip(
        `${oneLine(commit.author)} <${oneLine(commit.email)}>  ${commit.date.slice(0, 16).replace('T', ' ')}`,
        width,
      ),
    ),
    ...(commit.refs.length > 0 ? [theme.good(clip(commit.refs.map(oneLine).join(', '), width))] : []),
    ...(commit.parents.length > 1
      ? [theme.dim(`merge of ${commit.parents.map((id) => id.slice(0, 8)).join(' and ')}`)]
      : []),
    '',
    ...(body === ''
      ? []
      : [
          ...body
            .split('\n')
            .slice(0, BODY_LINES)
            .map((line) => clip(line, width)),
          '',
        ]),
  ];
}

function statLines({ changes, problem, isTruncated }: CommitDetails, look: Look): string[] {
  const { theme, width } = look;
  if (problem !== undefined) return [theme.bad(clip(oneLine(problem), width))];
  if (changes.length === 0) return [theme.dim('no file differs')];
  const largest = Math.max(1, ...changes.map(({ added = 0, deleted = 0 }) => added + deleted));
  const added = changes.reduce((sum, change) => sum + (change.added ?? 0), 0);
  const deleted = changes.reduce((sum, change) => sum + (change.deleted ?? 0), 0);
  return [
    ...changes.map((change) => statLine(change, largest, look)),
    `${files(changes.length)}, ${theme.good(`+${added}`)} ${theme.bad(`-${deleted}`)}${isTruncated ? theme.warn('  (the diff is cut)') : ''}`,
  ];
}

const STATUS: Readonly<Record<Change['status'], string>> = {
  added: 'A',
  modified: 'M',
  deleted: 'D',
  renamed: 'R',
  copied: 'C',
  'type-changed': 'T',
};

function statLine(change: Change, largest: number, { theme, width }: Look): string {
  const { path, from_path: from, added = 0, deleted = 0, status } = change;
  const name = from === undefined ? oneLine(path) : `${oneLine(from)} → ${oneLine(path)}`;
  const cells = (count: number): number => (count === 0 ? 0 : Math.max(1, Math.round((count / largest) * 8)));
  const what = change.is_submodule ? 'submodule' : change.is_binary ? 'binary' : '';
  const bar =
    what === ''
      ? `${String(added + deleted).padStart(5)} ${theme.good('+'.repeat(cells(added)))}${theme.bad('-'.repeat(cells(deleted)))}`
      : theme.dim(`  ${what}`);
  return `${theme.dim(STATUS[status])} ${pad(name, Math.max(8, width - STAT_WIDTH - 8))} ${bar}`;
}

/** A line of a unified diff in its colours; without colours its first character says the same. */
function diffLine(line: string, { theme, width }: Look): string {
  const text = clip(oneLine(line.replaceAll('\t', '    ')), width);
  if (isFileStart(line)) return theme.strong(text);
  if (line.startsWith('@@')) return theme.info(text);
  if (line.startsWith('+++') || line.startsWith('---')) return theme.dim(text);
  if (line.startsWith('+')) return theme.good(text);
  if (line.startsWith('-')) return theme.bad(text);
  return text;
}
