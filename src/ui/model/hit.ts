import type { Drawing } from '../drawing.ts';
import { bodyOf, type Rectangle } from '../layout.ts';
import { windowStart } from '../list.ts';
import type { ScreenState } from '../state.ts';
import { historyList, homeList, layoutOf, releasesList } from './body.ts';
import { commitsLayout } from './commits.ts';
import { promptRows } from './prompt.ts';
import { rowAt } from './rows.ts';
import { nodeAt } from './run.ts';
import { treeOf } from './tree.ts';

/** What lies under a cell of the screen. */
export type Hit =
  /** A list; `id` of the row there, if it can be chosen. */
  | { readonly type: 'list'; readonly id?: string | undefined }
  | { readonly type: 'tree'; readonly id?: string | undefined }
  /** A log, from 1; its title has the row -1. */
  | { readonly type: 'pane'; readonly number: number; readonly row: number }
  | { readonly type: 'commits'; readonly at: number }
  | { readonly type: 'diff' }
  | { readonly type: 'page' };

/** What is drawn at a cell, as far as a click on it means something. */
export function hitAt(state: ScreenState, drawing: Drawing, x: number, y: number): Hit | undefined {
  const body = bodyOf(state, promptRows(state, drawing).length);
  if (!isInside(body, x, y) || state.palette || state.picker || state.isChoosingTheme) return undefined;
  if (state.page) return { type: 'page' };
  const row = y - body.y;
  switch (state.screen) {
    case 'home':
      return listHit(homeList(state, drawing, body), body, x, row);
    case 'history':
      return listHit(historyList(state, drawing, body), body, x, row);
    case 'releases':
      return listHit(releasesList(state, drawing, body), body, x, row);
    case 'commits':
      return commitsHit(state, body, x, y);
    case 'run':
      return runHit(state, body, x, y);
    case 'form':
      return undefined;
    default:
      return state.screen satisfies never;
  }
}

function listHit(
  { rows, chosen, width }: ReturnType<typeof homeList>,
  { height }: Rectangle,
  x: number,
  row: number,
): Hit | undefined {
  return x < width ? { type: 'list', id: rowAt(rows, chosen, height, row) } : undefined;
}

function isInside(area: Rectangle, x: number, y: number): boolean {
  return x >= area.x && x < area.x + area.width && y >= area.y && y < area.y + area.height;
}

function commitsHit({ commits }: ScreenState, body: Rectangle, x: number, y: number): Hit | undefined {
  if (!commits) return undefined;
  const { list, details } = commitsLayout(body, commits.isZoomed);
  if (isInside(details, x, y)) return { type: 'diff' };
  if (!isInside(list, x, y)) return undefined;
  const start = windowStart(commits.entries.length, commits.at, list.height);
  return { type: 'commits', at: start + y - list.y };
}

function runHit({ run }: ScreenState, body: Rectangle, x: number, y: number): Hit | undefined {
  if (!run?.state) return undefined;
  const { tree, panes } = layoutOf(run, body);
  if (tree && isInside(tree, x, y)) {
    return { type: 'tree', id: nodeAt(treeOf(run), run.chosen, tree.height, y - tree.y)?.id };
  }
  const at = panes.findIndex((area) => isInside(area, x, y));
  const area = panes[at];
  return area && { type: 'pane', number: at + 1, row: y - area.y - 1 };
}
