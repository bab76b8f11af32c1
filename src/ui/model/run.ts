import type { RunState } from '../../core/run-state.ts';
import type { Drawing } from '../drawing.ts';
import { windowStart } from '../list.ts';
import { isDrivenShown, type ScreenState } from '../state.ts';
import { clip, oneLine, pad, spread, widthOf } from '../text.ts';
import { markOf, paintStatus } from '../../core/status-look.ts';
import { type Theme, wordOf } from '../theme.ts';
import { clockOf } from '../times.ts';
import { amountOf, barRow } from './bar.ts';
import { type Area, fill } from './rows.ts';
import type { TreeNode } from './tree.ts';

interface Look extends Pick<Drawing, 'clock'> {
  readonly theme: Theme;
  readonly nowMs: number;
  /** For what runs. */
  readonly spinner: string;
}

/** The tree of a run; exactly `height` rows of `width` columns. */
export function drawTree(
  nodes: readonly TreeNode[],
  chosen: string | undefined,
  { width, height, isFocused, ...look }: Area & Look & { readonly isFocused: boolean },
): string[] {
  const rows = treeRows(nodes);
  const start = startOf(rows, chosen, height);
  // Only what is seen is drawn.
  const seen = rows.slice(start, start + height).map(({ node, isBar }) => {
    if (isBar) return ` ${barOf(node, width - 2, look.theme)}`;
    const row = nodeRow(node, { ...look, width: width - 1 });
    if (node.id !== chosen) return ` ${row}`;
    return isFocused ? look.theme.inverse(`❯${row}`) : `${look.theme.info('❯')}${row}`;
  });
  return fill(seen, { width, height });
}

/** The node that is seen at row `row` of such a tree. */
export function nodeAt(
  nodes: readonly TreeNode[],
  chosen: string | undefined,
  height: number,
  row: number,
): TreeNode | undefined {
  const rows = treeRows(nodes);
  return rows[startOf(rows, chosen, height) + row]?.node;
}

interface TreeRow {
  readonly node: TreeNode;
  readonly isBar?: boolean;
}

/** A bar stands below its node. */
function treeRows(nodes: readonly TreeNode[]): readonly TreeRow[] {
  return nodes.flatMap((node) => (hasBar(node) ? [{ node }, { node, isBar: true }] : [{ node }]));
}

function startOf(rows: readonly TreeRow[], chosen: string | undefined, height: number): number {
  const at = rows.findLastIndex(({ node }) => node.id === chosen);
  return windowStart(rows.length, Math.max(0, at), height);
}

function hasBar({ progress, status }: TreeNode): boolean {
  return status === 'running' && progress?.kind === 'progress';
}

function barOf({ progress, depth }: TreeNode, width: number, theme: Theme): string {
  const indent = '  '.repeat(depth + 1);
  return progress ? indent + barRow(progress, width - indent.length, theme) : '';
}

function nodeRow(node: TreeNode, { width, ...look }: Look & { readonly width: number }): string {
  const { theme, spinner } = look;
  const fold = node.isParent ? (node.isOpen ? '▾' : '▸') : ' ';
  const mark = paintStatus(node.status, node.status === 'running' ? spinner : markOf(node.status), theme);
  const note = node.note === undefined ? '' : ` ${theme.dim(oneLine(node.note))}`;
  const amount = node.progress && !hasBar(node) ? oneLine(amountOf(node.progress)) : '';
  return spread(
    `${'  '.repeat(node.depth)}${fold} ${mark} ${nameOf(node, theme)}${attemptOf(node, theme)}${note}`,
    amount === '' ? timeOf(node, look) : theme.dim(clip(amount, Math.max(8, Math.floor(width / 2)))),
    width - 1,
  );
}

function nameOf({ label, status, step }: TreeNode, theme: Theme): string {
  const name = oneLine(label);
  if (status === 'skipped') return theme.dim(name);
  return step === undefined && status !== 'pending' ? theme.strong(name) : name;
}

/** Where it says something: a later attempt, or a first one that has others after it. */
function attemptOf({ attempt, maxAttempts, status }: TreeNode, theme: Theme): string {
  const isFirst = attempt === 1 && maxAttempts > 1 && status !== 'passed';
  if (attempt <= 1 && !isFirst) return '';
  return ` ${theme.warn(`attempt ${attempt} of ${Math.max(attempt, maxAttempts)}`)}`;
}

function timeOf({ durationMs, runningSince, status }: TreeNode, look: Pick<Look, 'clock' | 'nowMs'>): string {
  if (durationMs !== undefined) return clockOf(durationMs);
  if (runningSince !== undefined) return since(Date.parse(runningSince), look);
  return status === 'skipped' ? 'skipped' : '';
}

/** The time since then; moved by a compositor where there is one. */
function since(sinceMs: number, { clock, nowMs }: Pick<Look, 'clock' | 'nowMs'>): string {
  return clock ? clock(sinceMs) : clockOf(nowMs - sinceMs);
}

/** Title of the run screen: what runs, how it stands, for how long. */
export function runTitle(screen: ScreenState, spinner: string, clock: Drawing['clock']): string {
  const { run, nowMs, size } = screen;
  const left = ` ${oneLine(run?.title ?? '')}  ${run?.runId ?? ''}`;
  if (!run?.state) return pad(left, size.columns);
  const { state, isWatched } = run;
  const mark = `${state.status === 'running' ? spinner : markOf(state.status)} ${statusText(state)}`;
  const sinceMs = isDrivenShown(screen) ? screen.driven?.sinceMs : undefined;
  const right = `${mark}  ${elapsed(state, sinceMs, { nowMs, ...(clock && { clock }) })} `;
  const who = isWatched ? '  (run by another process)' : '';
  return spread(`${left}${environmentOf(state)}${who}`, right, size.columns);
}

function environmentOf({ created }: RunState): string {
  return created && created.environment !== 'default' ? `  ${oneLine(created.environment)}` : '';
}

function statusText(state: RunState): string {
  if (state.status === 'running' && state.cancel_requested_by !== undefined) return 'being cancelled';
  const stages = Object.values(state.stages).filter(({ name }) => !name.includes('/'));
  const ended = stages.filter(({ finished_seq }) => finished_seq !== undefined).length;
  return state.status === 'running' ? `running, ${ended} of ${stages.length}` : wordOf(state.status);
}

/** Without the time in which no process ran it, as far as that is known. */
function elapsed(state: RunState, sinceMs: number | undefined, look: Pick<Look, 'clock' | 'nowMs'>): string {
  const { duration_ms: durationMs, status, spent_ms: spentMs, started_at: startedAt } = state;
  if (durationMs !== undefined) return clockOf(durationMs);
  if (status !== 'running') return clockOf(spentMs);
  if (sinceMs !== undefined) return since(sinceMs - spentMs, look);
  return startedAt === undefined ? clockOf(0) : since(Date.parse(startedAt), look);
}

/** Title of a log pane. */
export function paneTitle(
  parts: {
    readonly number: number;
    readonly label: string;
    /** What matters most first: as many as there is room for. */
    readonly facts: readonly string[];
    readonly isFocused: boolean;
  },
  width: number,
  theme: Theme,
): string {
  const name = ` ${parts.number} ${oneLine(parts.label)}`;
  const room = Math.max(width - Math.min(widthOf(name), Math.floor(width / 3)) - 3, 0);
  const text = spread(name, `${fittingFacts(parts.facts, room)} `, width);
  return parts.isFocused ? theme.inverse(theme.strong(pad(text, width))) : theme.dim(underlined(text, width));
}

/** A title without focus: a rule, so that panes are told apart without colour. */
function underlined(text: string, width: number): string {
  const trimmed = text.trimEnd();
  return trimmed.length < text.length
    ? `${trimmed} ${'─'.repeat(Math.max(0, width - widthOf(trimmed) - 1))}`
    : text;
}

function fittingFacts(facts: readonly string[], room: number): string {
  let text = '';
  for (const fact of facts) {
    const longer = text === '' ? fact : `${text} · ${fact}`;
    if (widthOf(longer) > room) break;
    text = longer;
  }
  return text;
}
