import { windowStart } from '../list.ts';
import { pad } from '../text.ts';
import type { Theme } from '../theme.ts';

/** A line of a list; without an id it cannot be chosen: a heading, a blank. */
export interface ListRow {
  readonly id?: string;
  readonly text: string;
}

export interface Area {
  readonly width: number;
  readonly height: number;
}

/** The part of a list that is seen, around the chosen row; exactly `height` rows of `width` columns. */
export function drawList(
  rows: readonly ListRow[],
  chosen: string | undefined,
  { width, height, theme }: Area & { readonly theme: Theme },
): string[] {
  const start = startOf(rows, chosen, height);
  const seen = rows
    .slice(start, start + height)
    .map(({ id, text }) => drawRow(text, { width, theme }, id !== undefined && id === chosen));
  return fill(seen, { width, height });
}

/** Id of the row that is seen at row `row` of such a list. */
export function rowAt(
  rows: readonly ListRow[],
  chosen: string | undefined,
  height: number,
  row: number,
): string | undefined {
  return rows[startOf(rows, chosen, height) + row]?.id;
}

function startOf(rows: readonly ListRow[], chosen: string | undefined, height: number): number {
  const at = rows.findIndex(({ id }) => id !== undefined && id === chosen);
  return windowStart(rows.length, Math.max(0, at), height);
}

function drawRow(
  text: string,
  { width, theme }: { readonly width: number; readonly theme: Theme },
  isChosen: boolean,
): string {
  return isChosen ? theme.inverse(pad(`❯ ${text}`, width)) : pad(`  ${text}`, width);
}

/** Blank rows up to `height`; no more than that. */
export function fill(rows: readonly string[], { width, height }: Area): string[] {
  const shown = rows.slice(0, height).map((row) => pad(row, width));
  while (shown.length < height) shown.push(' '.repeat(width));
  return shown;
}

/** Two columns of rows with a line between them. */
export function beside(left: readonly string[], right: readonly string[], theme: Theme): string[] {
  return left.map((row, at) => `${row}${theme.dim('│')}${right[at] ?? ''}`);
}
