import type { LineRef, Lines } from './lines.ts';

/** The row at the top of a pane: a line, and how many of its wrapped rows are above. */
export interface TopRow {
  readonly start: number;
  readonly row: number;
}

export interface Scrolled {
  readonly lines: Lines;
  /** Behind the last byte. */
  readonly endOffset: number;
  /** Rows that a line takes, at least 1. */
  readonly rowCount: (line: LineRef) => number;
}

const LINES_AT_A_TIME = 64;
/** More rows in one move are a jump, for which there are other keys. */
const MAX_ROWS = 20_000;

/** The top when the last row of the log is the last of `height` rows. */
export function lastTop({ lines, endOffset, rowCount }: Scrolled, height: number): TopRow {
  const last = lines.backward(endOffset, height);
  let rows = 0;
  for (const line of last.toReversed()) {
    rows += rowCount(line);
    if (rows >= height) return { start: line.start, row: rows - height };
  }
  return { start: last[0]?.start ?? 0, row: 0 };
}

/** Towards the end, without regard to where the last page starts. */
export function moveDown({ lines, rowCount }: Scrolled, top: TopRow, rows: number): TopRow {
  let left = Math.min(rows, MAX_ROWS) + top.row;
  let from = top.start;
  let last = top;
  for (;;) {
    const some = lines.forward(from, LINES_AT_A_TIME);
    for (const line of some) {
      const count = rowCount(line);
      if (left < count) return { start: line.start, row: left };
      left -= count;
      last = { start: line.start, row: count - 1 };
      from = line.next;
    }
    if (some.length < LINES_AT_A_TIME) return last;
  }
}

/** Towards the beginning, up to the first row. */
export function moveUp({ lines, rowCount }: Scrolled, top: TopRow, rows: number): TopRow {
  let left = Math.min(rows, MAX_ROWS) - top.row;
  if (left <= 0) return { start: top.start, row: -left };
  let from = top.start;
  for (;;) {
    const some = lines.backward(from, LINES_AT_A_TIME);
    for (const line of some.toReversed()) {
      left -= rowCount(line);
      if (left <= 0) return { start: line.start, row: -left };
      from = line.start;
    }
    if (some.length < LINES_AT_A_TIME) return { start: from, row: 0 };
  }
}

/** Whether the first is nearer to the beginning. */
export function isBefore(a: TopRow, b: TopRow): boolean {
  return a.start < b.start || (a.start === b.start && a.row < b.row);
}
