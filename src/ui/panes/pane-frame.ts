import { fitLine } from './fit.ts';
import { gutterCells, gutterText, type GutterOptions } from './gutter.ts';
import type { CachedLine } from './line-cache.ts';
import type { LineRef } from './lines.ts';
import type { LogModel } from './log-model.ts';
import type { TopRow } from './scroll.ts';

export interface ViewOptions {
  readonly wrap: boolean;
  readonly lineNumbers: boolean;
  readonly times: boolean;
  /** First column shown when not wrapped. */
  readonly column: number;
}

/** Selected lines, by the starts of the first and the last. */
export interface Selection {
  readonly anchor: number;
  readonly active: number;
}

/** What was drawn last. */
export interface Frame {
  readonly rows: readonly string[];
  /** The line of each row; the rows behind the log's end have none. */
  readonly refs: readonly LineRef[];
  readonly cutLines: number;
}

/** Everything that a frame is drawn from. */
interface Drawn {
  readonly model: LogModel;
  readonly options: ViewOptions;
  readonly selection: Selection | undefined;
  readonly top: TopRow;
  readonly width: number;
  readonly height: number;
  readonly line: (ref: LineRef) => CachedLine;
}

interface Row {
  readonly ref: LineRef;
  readonly line: CachedLine;
  /** Which of the line's rows. */
  readonly row: number;
}

const MIN_TEXT_CELLS = 16;
/** Narrower panes do not say at the right edge that a line is cut. */
const MIN_NOTE_WIDTH = 48;
/** Of a pane that has no cells. */
export const EMPTY_FRAME: Frame = { rows: [], refs: [], cutLines: 0 };

/** The gutter that the options ask for, or none where it would leave too little room for the text. */
export function gutterOf({
  model,
  options,
  width,
}: Pick<Drawn, 'model' | 'options' | 'width'>): GutterOptions {
  const { lineNumbers, times } = options;
  const gutter = { lineNumbers, times, digits: String(model.index.lines).length };
  const fits = width - gutterCells(gutter) >= MIN_TEXT_CELLS;
  return fits ? gutter : { lineNumbers: false, times: false, digits: 0 };
}

/** The rows from `top` on, each as wide as the pane; blank ones behind the log's end. */
export function drawFrame(drawn: Drawn): Frame {
  const rows = visibleRows(drawn);
  const gutter = gutterOf(drawn);
  const cells = gutterCells(gutter);
  const texts = rows.map(
    (row) => rowGutter(drawn.model, row, gutter, cells) + rowText(drawn, row, drawn.width - cells),
  );
  const blank = ' '.repeat(drawn.width);
  while (texts.length < drawn.height) texts.push(blank);
  return {
    rows: texts,
    refs: rows.map(({ ref }) => ref),
    cutLines: rows.filter(({ line, row }) => row === 0 && line.cutBytes > 0).length,
  };
}

function visibleRows({ model, top, height, line: lineOf }: Drawn): Row[] {
  const rows: Row[] = [];
  for (const ref of model.lines.forward(top.start, height)) {
    const line = lineOf(ref);
    const first = ref.start === top.start ? Math.min(top.row, line.places.length - 1) : 0;
    for (let row = first; row < line.places.length && rows.length < height; row += 1) {
      rows.push({ ref, line, row });
    }
    if (rows.length >= height) break;
  }
  return rows;
}

function rowGutter(model: LogModel, { ref, row }: Row, gutter: GutterOptions, cells: number): string {
  if (cells === 0) return '';
  if (row > 0) return ' '.repeat(cells);
  const number = gutter.lineNumbers ? model.index.lineAt(ref.start) : undefined;
  const timeMs = gutter.times ? model.timeAt(ref.start) : undefined;
  return gutterText(gutter, { number, timeMs });
}

function rowText({ model, options, selection }: Drawn, { ref, line, row }: Row, width: number): string {
  const { search } = model;
  const place = line.places[row] ?? { at: 0, column: 0 };
  const note = options.wrap || width < MIN_NOTE_WIDTH ? '' : cutNote(line.cutBytes);
  const text = fitLine(line.line, {
    start: options.wrap ? place : { at: 0, column: 0 },
    column: options.wrap ? place.column : options.column,
    width: width - note.length,
    isSelected: isSelected(selection, ref.start),
    ...(search && { highlights: search.ranges(line.line.text), isCurrent: search.current === ref.start }),
  });
  return text + note;
}

function isSelected(selection: Selection | undefined, start: number): boolean {
  if (!selection) return false;
  const { anchor, active } = selection;
  return start >= Math.min(anchor, active) && start <= Math.max(anchor, active);
}

function cutNote(cutBytes: number): string {
  return cutBytes > 0 ? ` [cut ${cutBytes} bytes]` : '';
}
