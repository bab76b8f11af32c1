import type { ScreenState } from './state.ts';

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Rows that title and footer take; the prompt line has its own. */
const TITLE_ROWS = 1;
const FOOTER_ROWS = 1;

/** The rows between title and prompt. */
export function bodyOf({ size }: ScreenState, promptRows: number): Rectangle {
  return {
    x: 0,
    y: TITLE_ROWS,
    width: size.columns,
    height: Math.max(1, size.rows - TITLE_ROWS - FOOTER_ROWS - promptRows),
  };
}

/** Where the tree of a run and its log panes lie; each pane has its title in its first row. */
export interface RunLayout {
  /** Absent while a pane is zoomed. */
  readonly tree?: Rectangle;
  readonly panes: readonly Rectangle[];
}

interface RunShape {
  readonly paneCount: number;
  /** Position of the pane that has everything, if one has. */
  readonly zoomed?: number;
}

const NARROW = 60;
/** Panes beside each other from this width on, each still wide enough for a line of log. */
const SIDE_BY_SIDE = 150;

/** Where the tree and the panes of a run lie; above each other on a narrow screen, one alone when zoomed. */
export function runLayout(body: Rectangle, { paneCount, zoomed }: RunShape): RunLayout {
  if (zoomed !== undefined) {
    return { panes: Array.from({ length: paneCount }, (_, at) => (at === zoomed ? body : NOWHERE)) };
  }
  if (paneCount === 0) return { tree: body, panes: [] };
  if (body.width < NARROW) {
    const height = Math.ceil(body.height / 2);
    const below = { ...body, y: body.y + height, height: body.height - height };
    return { tree: { ...body, height }, panes: grid(below, paneCount) };
  }
  const width = Math.min(64, Math.max(30, Math.floor(body.width * 0.36)));
  const right = { ...body, x: width + 1, width: body.width - width - 1 };
  return { tree: { ...body, width }, panes: grid(right, paneCount) };
}

const NOWHERE: Rectangle = { x: 0, y: 0, width: 0, height: 0 };

function grid(area: Rectangle, count: number): Rectangle[] {
  const perRow = count > 2 && area.width >= 100 ? 2 : count === 2 && area.width >= SIDE_BY_SIDE ? 2 : 1;
  const rows = Math.ceil(count / perRow);
  return Array.from({ length: count }, (_, at) => {
    const row = Math.floor(at / perRow);
    const inRow = Math.min(perRow, count - row * perRow);
    const column = at % perRow;
    const x = area.x + Math.floor((area.width * column) / inRow);
    const end = area.x + Math.floor((area.width * (column + 1)) / inRow);
    const y = area.y + Math.floor((area.height * row) / rows);
    const bottom = area.y + Math.floor((area.height * (row + 1)) / rows);
    const gap = column < inRow - 1 ? 1 : 0;
    return { x, y, width: end - x - gap, height: bottom - y };
  });
}
