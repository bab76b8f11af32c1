import type { ScreenState } from '../state.ts';
import { foldLine } from '../text.ts';
import type { Theme } from '../theme.ts';
import { type Area, fill } from './rows.ts';

/** Rows that are there beside the text of a page: title, prompt, footer, and one to spare. */
const OTHER_ROWS = 4;

/** What a page says, in lines that fit: nothing is cut off. */
function linesOf({ page, size }: ScreenState): readonly string[] {
  return page?.lines.flatMap((line) => foldLine(line, size.columns - 2)) ?? [];
}

/** What `y` does, and a blank line before it. */
function offerOf({ page }: ScreenState, theme: Theme): readonly string[] {
  if (!page?.offer) return [];
  const label = theme.strong(page.offer.label);
  return ['', ` ${theme.info('y')} ${label}${theme.dim('  ·  esc goes back, nothing happens')}`];
}

/** The visible part of a page of text, and below it what can be done with it. */
export function pageRows(state: ScreenState, { width, height, theme }: Area & { theme: Theme }): string[] {
  const offer = offerOf(state, theme);
  const room = height - offer.length;
  const top = state.page?.top ?? 0;
  const lines = linesOf(state)
    .slice(top, top + room)
    .map((line) => ` ${line}`);
  return [...fill(lines, { width, height: room }), ...fill(offer, { width, height: offer.length })];
}

/** First line that is seen after scrolling. */
export function scrolledPage(
  state: ScreenState,
  by: number | 'page-up' | 'page-down' | 'top' | 'end',
): number {
  const count = linesOf(state).length;
  const height = heightOf(state);
  const steps = { 'page-up': -height, 'page-down': height, top: -count, end: count };
  const next = (state.page?.top ?? 0) + (typeof by === 'number' ? by : steps[by]);
  return Math.min(Math.max(0, count - height), Math.max(0, next));
}

/** Which lines are seen; empty where all of them are. */
export function pagePosition(state: ScreenState): string {
  const count = linesOf(state).length;
  const height = heightOf(state);
  if (!state.page || count <= height) return '';
  const { top } = state.page;
  return `lines ${top + 1}-${Math.min(count, top + height)} of ${count}`;
}

function heightOf({ size, page }: ScreenState): number {
  return Math.max(1, size.rows - OTHER_ROWS - (page?.offer ? 2 : 0));
}
