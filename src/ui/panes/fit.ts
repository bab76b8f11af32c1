import { cellsOf, isPrintableAscii, toCells } from './cells.ts';
import { applySgr, PLAIN, RESET, reversed, type Style } from './sgr.ts';

/** A line that is safe to show, taken apart: its text, and where its style changes. */
export interface StyledLine {
  readonly text: string;
  readonly cells: number;
  readonly isAscii: boolean;
  /** In order; the text before the first one is plain. */
  readonly marks: readonly StyleMark[];
}

interface StyleMark {
  /** Index into `text`. */
  readonly at: number;
  readonly style: Style;
}

/** From an index into the text up to, not including, another. */
export type Range = readonly [from: number, to: number];

/** A place in a line: index into its text, and the cells before it. */
export interface Place {
  readonly at: number;
  readonly column: number;
}

export interface Window {
  /** Where to start reading; default the line's start. */
  readonly start?: Place;
  /** First column shown. */
  readonly column: number;
  readonly width: number;
  /** Parts in reverse video; in order, apart from each other. */
  readonly highlights?: readonly Range[];
  /** The highlights are those of the current match: bold and underlined, too. */
  readonly isCurrent?: boolean;
  /** Everything in reverse video, the padding too. */
  readonly isSelected?: boolean;
}

// eslint-disable-next-line no-control-regex -- colours are what this looks for
const COLOR = /\x1b\[([0-9;:]*)m/g;
const LINE_START: Place = { at: 0, column: 0 };
const NONE: readonly Range[] = [];
/** Bold, underlined, reverse. */
const CURRENT = '1;4;7';

/** `line` comes from `sanitizeText(…, { keepColor: true })`: colours are all it has of escapes. */
export function parseLine(line: string): StyledLine {
  if (isPrintableAscii(line)) return { text: line, cells: line.length, isAscii: true, marks: [] };
  let text = '';
  let cells = 0;
  let style = PLAIN;
  let from = 0;
  const marks: StyleMark[] = [];
  const take = (piece: string): void => {
    if (piece === '') return;
    const clean = toCells(piece, cells);
    text += clean.text;
    cells += clean.cells;
  };
  for (const { index, 0: sequence, 1: parameters = '' } of line.matchAll(COLOR)) {
    take(line.slice(from, index));
    from = index + sequence.length;
    style = applySgr(style, parameters);
    if (marks.at(-1)?.at === text.length) marks.pop();
    if (style !== (marks.at(-1)?.style ?? PLAIN)) marks.push({ at: text.length, style });
  }
  take(line.slice(from));
  return { text, cells, isAscii: cells === text.length && isPrintableAscii(text), marks };
}

/** Exactly `width` cells of the line; half of a wide character is a space. */
export function fitLine(line: StyledLine, window: Window): string {
  const { column, width, start = LINE_START, highlights = NONE, isSelected = false } = window;
  const marks = highlights.length === 0 ? line.marks : highlighted(line.marks, window);
  if (line.isAscii && marks.length === 0 && !isSelected) {
    return line.text.slice(column, column + width).padEnd(width, ' ');
  }
  const row = new RowWriter(line, window);
  for (const { from, to, style } of segments(marks, start.at, line.text.length)) {
    if (!row.add(from, to, isSelected ? reversed(style) : style)) break;
  }
  return row.end(isSelected ? reversed(PLAIN) : PLAIN);
}

interface Segment {
  readonly from: number;
  readonly to: number;
  readonly style: Style;
}

/** Pieces of one style, from index `start` to `end`. */
function* segments(marks: readonly StyleMark[], start: number, end: number): Generator<Segment> {
  let next = marks.findIndex(({ at }) => at > start);
  if (next < 0) next = marks.length;
  let from = start;
  while (from < end) {
    const to = marks[next]?.at ?? end;
    if (to > from) yield { from, to, style: marks[next - 1]?.style ?? PLAIN };
    from = to;
    next += 1;
  }
}

/** The marks with those of the highlighted parts among them. */
function highlighted(
  marks: readonly StyleMark[],
  { highlights = NONE, isCurrent = false }: Window,
): StyleMark[] {
  const merged: StyleMark[] = [];
  let next = 0;
  let base = PLAIN;
  const light = (): Style => (isCurrent ? applySgr(base, CURRENT) : reversed(base));
  const advance = (end: number, isLit: boolean): void => {
    for (let mark = marks[next]; mark && mark.at < end; mark = marks[next]) {
      base = mark.style;
      merged.push({ at: mark.at, style: isLit ? light() : base });
      next += 1;
    }
  };
  for (const [from, to] of highlights) {
    advance(from, false);
    base = styleAt(marks, next, from) ?? base;
    merged.push({ at: from, style: light() });
    advance(to, true);
    merged.push({ at: to, style: styleAt(marks, next, to) ?? base });
  }
  advance(Infinity, false);
  return merged;
}

/** The style that mark `index` sets, when it is at this place. */
function styleAt(marks: readonly StyleMark[], index: number, at: number): Style | undefined {
  const mark = marks[index];
  return mark?.at === at ? mark.style : undefined;
}

class RowWriter {
  readonly #line: StyledLine;
  readonly #first: number;
  readonly #last: number;
  #column: number;
  #out = '';
  #cells = 0;
  #style = PLAIN;

  constructor(line: StyledLine, { start = LINE_START, column, width }: Window) {
    this.#line = line;
    this.#column = start.column;
    this.#first = column;
    this.#last = column + width;
  }

  /** False when the row is full. */
  add(from: number, to: number, style: Style): boolean {
    if (this.#line.isAscii) {
      const begin = Math.max(from, from + this.#first - this.#column);
      const end = Math.min(to, from + this.#last - this.#column);
      this.#column += to - from;
      if (end > begin) this.#put(this.#line.text.slice(begin, end), end - begin, style);
      return this.#column < this.#last;
    }
    return this.#addWide(from, to, style);
  }

  #addWide(from: number, to: number, style: Style): boolean {
    const begin = this.#skip(from, to, style);
    let at = begin;
    let shown = 0;
    while (at < to) {
      const codePoint = this.#line.text.codePointAt(at) ?? 0;
      const cells = cellsOf(codePoint);
      // Marks belong to the letter before them, also at the right edge.
      if (cells > 0 && this.#column + cells > this.#last) break;
      this.#column += cells;
      shown += cells;
      at += codePoint > 0xffff ? 2 : 1;
    }
    if (at > begin) this.#put(this.#line.text.slice(begin, at), shown, style);
    return at === to;
  }

  /** Behind what is left of the window, and behind marks whose letter is. */
  #skip(from: number, to: number, style: Style): number {
    let at = from;
    while (at < to) {
      const codePoint = this.#line.text.codePointAt(at) ?? 0;
      const cells = cellsOf(codePoint);
      if (this.#column >= this.#first && (cells > 0 || this.#cells > 0)) break;
      this.#column += cells;
      const half = this.#column - this.#first;
      if (cells > 0 && half > 0) this.#put(' '.repeat(half), half, style);
      at += codePoint > 0xffff ? 2 : 1;
    }
    return at;
  }

  #put(text: string, cells: number, style: Style): void {
    this.#switchTo(style);
    this.#out += text;
    this.#cells += cells;
  }

  #switchTo(style: Style): void {
    if (style === this.#style) return;
    this.#style = style;
    this.#out += style.sequence;
  }

  end(padding: Style): string {
    const missing = this.#last - this.#first - this.#cells;
    if (missing > 0) {
      this.#switchTo(padding);
      this.#out += ' '.repeat(missing);
    }
    return this.#style === PLAIN ? this.#out : this.#out + RESET;
  }
}

/** Where each row of the wrapped line starts; at least one. */
export function wrapPlaces(line: StyledLine, width: number): Place[] {
  const places: Place[] = [LINE_START];
  if (line.isAscii) {
    for (let at = width; at < line.text.length; at += width) places.push({ at, column: at });
    return places;
  }
  let column = 0;
  let rowStart = 0;
  let at = 0;
  while (at < line.text.length) {
    const codePoint = line.text.codePointAt(at) ?? 0;
    const cells = cellsOf(codePoint);
    if (column + cells - rowStart > width && column > rowStart) {
      rowStart = column;
      places.push({ at, column });
    }
    column += cells;
    at += codePoint > 0xffff ? 2 : 1;
  }
  return places;
}

/** Where `needle` is in the text, without regard to ASCII case when `foldCase`. */
export function findRanges(text: string, needle: string, foldCase: boolean): Range[] {
  if (needle === '') return [];
  const hay = foldCase ? foldAscii(text) : text;
  const ranges: Range[] = [];
  for (let at = hay.indexOf(needle); at >= 0; at = hay.indexOf(needle, at + needle.length)) {
    ranges.push([at, at + needle.length]);
  }
  return ranges;
}

/** Lower case of ASCII letters alone: every index stays what it is. */
export function foldAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Cells before an index of the text. */
export function columnAt(line: StyledLine, index: number): number {
  if (line.isAscii) return index;
  let column = 0;
  for (const character of line.text.slice(0, index)) column += cellsOf(character.codePointAt(0) ?? 0);
  return column;
}
