export { oneLine } from '../core/terminal-text.ts';

const ASCII = /^[\x20-\x7e]*$/;
// eslint-disable-next-line no-control-regex -- SGR sequences take no room
const SGR = /\u001b\[[\d;:]*m/g;
// eslint-disable-next-line no-control-regex -- SGR sequences take no room
const PIECE = /\u001b\[[\d;:]*m|[^\u001b]+/g;

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** Columns that `text` takes: SGR none, East Asian wide characters and emoji two. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text.replaceAll(SGR, ''))) width += graphemeWidth(segment);
  return width;
}

const ZERO = /^[\p{M}\p{Cf}\p{Cc}]+$/u;
const WIDE = /\p{Emoji_Presentation}|\ufe0f/u;

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0;
  if (code >= 0x20 && code < 0x7f && grapheme.length === 1) return 1;
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) || isEastAsianWide(code) ? 2 : 1;
}

/** Unicode East Asian Width W and F. */
const WIDE_RANGES: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18aff],
  [0x1b000, 0x1b2ff],
  [0x1f200, 0x1f265],
  [0x20000, 0x3fffd],
];

function isEastAsianWide(code: number): boolean {
  return code >= 0x1100 && WIDE_RANGES.some(([first, last]) => code >= first && code <= last);
}

/** At most `width` columns; what is longer ends in `…`. SGR sequences are kept, also those behind the cut. */
export function clip(text: string, width: number): string {
  if (width <= 0) return '';
  if (ASCII.test(text)) return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
  if (widthOf(text) <= width) return text;
  let room = width - 1;
  let isFull = false;
  let out = '';
  for (const [piece] of text.matchAll(PIECE)) {
    if (piece.startsWith('\u001b')) {
      out += piece;
      continue;
    }
    if (isFull) continue;
    for (const { segment } of graphemes.segment(piece)) {
      const size = graphemeWidth(segment);
      isFull ||= size > room;
      if (isFull) {
        out += '…';
        break;
      }
      out += segment;
      room -= size;
    }
  }
  return out;
}

/** Exactly `width` columns. */
export function pad(text: string, width: number): string {
  const clipped = clip(text, width);
  return clipped + ' '.repeat(Math.max(0, width - widthOf(clipped)));
}

/** `left` and, as far as there is room, `right` at the right edge; exactly `width` columns. */
export function spread(left: string, right: string, width: number): string {
  const room = width - widthOf(right);
  return room < 12 ? pad(left, width) : pad(left, room - 1) + ' ' + right;
}

/** Words broken over lines of at most `width` columns. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && widthOf(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line].map((each) => clip(each, width));
}

/**
 * The same line over as many lines of at most `width` columns as it needs, broken between words where there are some.
 * What stands in columns keeps them; later lines are indented a little more than the first.
 */
export function foldLine(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text];
  const indent = Math.min(/^ */.exec(text)?.[0].length ?? 0, Math.floor(width / 2));
  const lines: string[] = [];
  let line = '';
  for (const piece of piecesOf(text, width - indent - 2)) {
    if (widthOf((line + piece).trimEnd()) <= width) {
      line += piece;
    } else {
      lines.push(line.trimEnd());
      line = ' '.repeat(indent + 2) + piece.trimStart();
    }
  }
  return [...lines, line];
}

/** Words with the blanks before them; one that is longer than `width` in parts. */
function piecesOf(text: string, width: number): readonly string[] {
  const words = text.match(/\s*\S+|\s+$/g) ?? [];
  return words.flatMap((word) => {
    if (widthOf(word.trimStart()) <= width) return [word];
    const parts: string[] = [];
    let part = '';
    for (const { segment } of graphemes.segment(word)) {
      if (part.trimStart() !== '' && widthOf((part + segment).trimStart()) > width) {
        parts.push(part);
        part = '';
      }
      part += segment;
    }
    return [...parts, part];
  });
}

/** Columns padded to their widest cell, the last one left as it is. */
export function columns(rows: readonly (readonly string[])[], gap = 2): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : pad(cell, widths[at] ?? 0)))
      .join(' '.repeat(gap))
      .trimEnd(),
  );
}
