import type { RunState } from '../../core/run-state.ts';
import { windowStart } from '../list.ts';
import { isDrivenShown, type ScreenState } from '../state.ts';
import { clip, oneLine, pad, spread, widthOf } from '../text.ts';
import { markOf, paintStatus } from '../../core/status-look.ts';
import { type Theme, wordOf } from '../theme.ts';
import { clockOf } from '../times.ts';
import { amountOf, barRow } from './bar.ts';
import { type Area, fill } from './rows.ts';
import type { TreeNode } from './tree.ts';

interface Look {
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

function nodeRow(
  node: TreeNode,
  { width, theme, nowMs, spinner }: Look & { readonly width: number },
): string {
  const fold = node.isParent ? (node.isOpen ? '▾' : '▸') : ' ';
  const mark = paintStatus(node.status, node.status === 'running' ? spinner : markOf(node.status), theme);
  const note = node.note === undefined ? '' : ` ${theme.dim(oneLine(node.note))}`;
  const amount = node.progress && !hasBar(node) ? oneLine(amountOf(node.progress)) : '';
  return spread(
    `${'  '.repeat(node.depth)}${fold} ${mark} ${nameOf(node, theme)}${attemptOf(node, theme)}${note}`,
    amount === '' ? timeOf(node, nowMs) : theme.dim(clip(amount, Math.max(8, Math.floor(width / 2)))),
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

function timeOf({ durationMs, runningSince, status }: TreeNode, nowMs: number): string {
  if (durationMs !== undefined) return clockOf(durationMs);
  if (runningSince !== undefined) return clockOf(nowMs - Date.parse(runningSince));
  return status === 'skipped' ? 'skipped' : '';
}

/** Title of the run screen: what runs, how it stands, for how long. */
export function runTitle(screen: ScreenState, spinner: string): string {
  const { run, nowMs, size } = screen;
  const left = ` ${oneLine(run?.title ?? '')}  ${run?.runId ?? ''}`;
  if (!run?.state) return pad(left, size.columns);
  const { state, isWatched } = run;
  const mark = `${state.status === 'running' ? spinner : markOf(state.status)} ${statusText(state)}`;
  const sinceMs = isDrivenShown(screen) ? screen.driven?.sinceMs : undefined;
  const right = `${mark}  ${clockOf(elapsedMs(state, nowMs, sinceMs))} `;
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
function elapsedMs(state: RunState, nowMs: number, sinceMs: number | undefined): number {
  if (state.duration_ms !== undefined) return state.duration_ms;
  if (state.status !== 'running') return state.spent_ms;
  if (sinceMs !== undefined) return state.spent_ms + nowMs - sinceMs;
  return state.started_at === undefined ? 0 : nowMs - Date.parse(state.started_at);
}

/** Title of a log pane. */
export function paneTitle(
  parts: {
    readonly number: number;
    readonly label: string;
    readonly facts: string;
    readonly isFocused: boolean;
  },
  width: number,
  theme: Theme,
): string {
  const text = spread(` ${parts.number} ${oneLine(parts.label)}`, `${parts.facts} `, width);
  return parts.isFocused ? theme.inverse(theme.strong(pad(text, width))) : theme.dim(underlined(text, width));
}

/** A title without focus: a rule, so that panes are told apart without colour. */
function underlined(text: string, width: number): string {
  const trimmed = text.trimEnd();
  return trimmed.length < text.length
    ? `${trimmed} ${'─'.repeat(Math.max(0, width - widthOf(trimmed) - 1))}`
    : text;
}
