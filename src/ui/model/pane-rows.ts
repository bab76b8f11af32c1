import { nodeOf } from '../commands/panes.ts';
import type { Drawing } from '../drawing.ts';
import type { Rectangle } from '../layout.ts';
import type { MatchStatus, PaneStatus } from '../panes/contract.ts';
import type { PaneView, RunView } from '../state.ts';
import { oneLine } from '../text.ts';
import { fill } from './rows.ts';
import { paneTitle } from './run.ts';
import { BRANCH } from './stream-tree.ts';
import { logOf, placeOf } from './tree.ts';

/** Something was, or may be, printed there. */
export function hasLog(run: RunView, pane: PaneView): boolean {
  const node = nodeOf(run, pane);
  return run.state !== undefined && node !== undefined && logOf(run.state, node) !== undefined;
}

/** A log with its title; why there is none, where there is none. */
export function paneRows(
  run: RunView,
  at: number,
  area: Rectangle,
  { theme, panes, paneRows: rowsOf }: Drawing,
): readonly string[] {
  const pane = run.panes[at];
  if (!pane || area.width === 0) return [];
  const node = nodeOf(run, pane);
  const status = hasLog(run, pane) ? panes.status(pane.id) : undefined;
  const title = paneTitle(
    {
      number: at + 1,
      label: node === undefined ? '' : labelOf(node),
      facts: [...(pane.pinned === undefined ? [] : ['pinned']), ...(status ? factsOf(status) : [])],
      isFocused: run.focus === at + 1,
    },
    area.width,
    theme,
  );
  const size = { width: area.width, height: area.height - 1 };
  if (status?.state === 'open') return [title, ...rowsOf(pane.id, size.width, size.height)];
  return [title, ...fill(['', ...emptyText(run, node).map((text) => `  ${theme.dim(text)}`)], size)];
}

function labelOf(node: string): string {
  const { stage, step } = placeOf(node);
  return step === undefined ? stage : `${stage} › ${step.replaceAll(BRANCH, ' › ')}`;
}

function factsOf(status: PaneStatus): readonly string[] {
  return [...findingsOf(status), ...shapeOf(status)].filter((fact) => fact !== '');
}

function findingsOf({ search, filter, firstError }: PaneStatus): readonly string[] {
  const found =
    search && search.text !== '' ? `${search.current}/${countOf(search)} "${oneLine(search.text)}"` : '';
  const only = filter && filter.text !== '' ? `only "${oneLine(filter.text)}" ${countOf(filter)}` : '';
  return [found, only, firstError === 'none' ? 'no error seen' : ''];
}

/** `12`, or `12+` while it is still being counted. */
function countOf({ total, complete }: MatchStatus): string {
  return `${total}${complete ? '' : '+'}`;
}

function shapeOf({ selectedLines, wrap, lines, linesComplete, live, follow }: PaneStatus): readonly string[] {
  const count =
    lines === undefined ? '' : `${lines}${linesComplete ? '' : '+'} ${lines === 1 ? 'line' : 'lines'}`;
  const end = follow ? 'following' : 'paused';
  return [
    selectedLines > 0 ? `${selectedLines} selected` : '',
    wrap ? 'wrapped' : '',
    count,
    live ? end : '',
  ];
}

/** Why there is no log there. */
function emptyText(run: RunView, node: string | undefined): readonly string[] {
  const { stage, step } = placeOf(node ?? '');
  const state = run.state?.stages[stage];
  if (!state) return [];
  switch (state.status) {
    case 'skipped':
      return ['Skipped:', oneLine(state.decision?.reason ?? 'no reason was recorded'), '', 'w says more.'];
    case 'waiting':
      return ['It waits, and has printed nothing yet.'];
    case 'pending':
      return ['It has not started yet.'];
    default:
      if (state.cached) return ['Its result was taken from the cache; nothing ran.'];
      return [
        step !== undefined && !state.steps[step] ? 'This step was not reached.' : 'It printed nothing.',
      ];
  }
}
