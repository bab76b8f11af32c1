import type { IBuffer, IBufferCell } from '@xterm/headless';

const CELL_WIDTH = 8.4;
const ROW_HEIGHT = 18;
const MARGIN = 12;
const FOREGROUND = '#d4d4d8';
const BACKGROUND = '#18181b';
/** The 16 colours of a dark terminal. */
const PALETTE = [
  '#3f3f46',
  '#f87171',
  '#4ade80',
  '#facc15',
  '#60a5fa',
  '#c084fc',
  '#22d3ee',
  '#e4e4e7',
  '#71717a',
  '#fca5a5',
  '#86efac',
  '#fde047',
  '#93c5fd',
  '#d8b4fe',
  '#67e8f9',
  '#ffffff',
];

interface Look {
  readonly fill: string;
  readonly back: string;
  readonly isBold: boolean;
  readonly isDim: boolean;
}

interface Piece extends Look {
  readonly x: number;
  text: string;
  cells: number;
}

interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The screen of a terminal as a picture: text that can be selected, on a grid that holds in any font. */
export function toSvg(buffer: IBuffer, size: Size): string {
  return picture(size, rowsOf(buffer, size));
}

/** Each row as it is drawn, at its place. */
export function rowsOf(buffer: IBuffer, { columns, rows }: Size): readonly string[] {
  return Array.from({ length: rows }, (_, y) => rowOf(buffer, y, columns).join(''));
}

/** What is drawn inside a terminal of this size. */
export function picture(size: Size, parts: readonly string[]): string {
  const width = size.columns * CELL_WIDTH + 2 * MARGIN;
  const height = size.rows * ROW_HEIGHT + 2 * MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">`,
    ...parts.filter((part) => part !== ''),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function rowOf(buffer: IBuffer, y: number, columns: number): readonly string[] {
  const line = buffer.getLine(buffer.baseY + y);
  const pieces: Piece[] = [];
  for (let x = 0; x < columns; x += 1) {
    const cell = line?.getCell(x);
    if (!cell || cell.getWidth() === 0) continue;
    const look = lookOf(cell);
    const text = cell.getChars() || ' ';
    const last = pieces.at(-1);
    // Wide characters stand alone: their font may measure them differently.
    const isPlain = cell.getWidth() === 1 && /^[\x20-\x7e]$/.test(text);
    if (last && isPlain && isSame(last, look) && /^[\x20-\x7e]+$/.test(last.text)) {
      last.text += text;
      last.cells += 1;
    } else pieces.push({ ...look, x, text, cells: cell.getWidth() });
  }
  return pieces.flatMap((piece) => drawPiece(piece, y));
}

function drawPiece({ x, text, cells, fill, back, isBold, isDim }: Piece, y: number): readonly string[] {
  const left = (MARGIN + x * CELL_WIDTH).toFixed(1);
  const width = (cells * CELL_WIDTH).toFixed(1);
  const top = MARGIN + y * ROW_HEIGHT;
  const rect =
    back === BACKGROUND
      ? []
      : [`<rect x="${left}" y="${top}" width="${width}" height="${ROW_HEIGHT}" fill="${back}"/>`];
  if (text.trim() === '') return rect;
  const weight = isBold ? ' font-weight="bold"' : '';
  const opacity = isDim ? ' opacity="0.6"' : '';
  return [
    ...rect,
    `<text x="${left}" y="${top + 14}" textLength="${width}" lengthAdjust="spacingAndGlyphs" fill="${fill}"${weight}${opacity}>${escape(text)}</text>`,
  ];
}

function lookOf(cell: IBufferCell): Look {
  const fore = cell.isFgDefault() ? FOREGROUND : (PALETTE[cell.getFgColor()] ?? FOREGROUND);
  const back = cell.isBgDefault() ? BACKGROUND : (PALETTE[cell.getBgColor()] ?? BACKGROUND);
  const isInverse = cell.isInverse() !== 0;
  return {
    fill: isInverse ? back : fore,
    back: isInverse ? fore : back,
    isBold: cell.isBold() !== 0,
    isDim: cell.isDim() !== 0,
  };
}

function isSame(a: Look, b: Look): boolean {
  return a.fill === b.fill && a.back === b.back && a.isBold === b.isBold && a.isDim === b.isDim;
}

function escape(text: string): string {
  // Spaces that no viewer collapses.
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(' ', '\u00a0');
}
