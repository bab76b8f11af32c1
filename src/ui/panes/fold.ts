import { isAscii } from 'node:buffer';
import { SCAN_BYTES } from './scan-buffer.ts';

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const ESCAPE = 0x1b;
const BELL = 0x07;

/** What a search reads in place of the bytes of a log: each byte a character (latin1), so that nothing is decoded. */
export interface Folded {
  readonly text: string;
  /** Where a line starts in the original, by where it starts in `text`. */
  readonly originalStart: (lineStart: number) => number;
}

export interface FoldOptions {
  /** To lower case, ASCII alone. */
  readonly foldCase: boolean;
  /** Nothing but ASCII is looked for: it does not matter what becomes of the rest. */
  readonly isAsciiOnly: boolean;
}

let target: Buffer | undefined;
let feeds: { readonly original: Int32Array; readonly folded: Int32Array } | undefined;

/**
 * The bytes as they will be read on the screen: without escape sequences and what a carriage return
 * overwrote. Valid until the next call; at most `SCAN_BYTES`.
 */
export function fold(original: Buffer, options: FoldOptions): Folded {
  if (!original.includes(ESCAPE) && !original.includes(RETURN)) {
    return { text: lower(original, options), originalStart: (lineStart) => lineStart };
  }
  target ??= Buffer.allocUnsafeSlow(SCAN_BYTES);
  feeds ??= { original: new Int32Array(SCAN_BYTES), folded: new Int32Array(SCAN_BYTES) };
  const { length, lines } = copyVisible(original, target);
  return {
    text: lower(target.subarray(0, length), options),
    originalStart: (lineStart) => originalStart(lineStart, lines),
  };
}

function lower(bytes: Buffer, { foldCase, isAsciiOnly }: FoldOptions): string {
  const text = bytes.toString('latin1');
  if (!foldCase) return text;
  // Bytes of other characters must stay what they are if they are looked for.
  if (isAsciiOnly || isAscii(bytes)) return text.toLowerCase();
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function originalStart(lineStart: number, lines: number): number {
  if (!feeds || lineStart === 0) return 0;
  let low = 0;
  let high = lines;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((feeds.folded[middle] ?? 0) < lineStart - 1) low = middle + 1;
    else high = middle;
  }
  return (feeds.original[low] ?? 0) + 1;
}

function copyVisible(from: Buffer, to: Buffer): { readonly length: number; readonly lines: number } {
  const { length } = from;
  let out = 0;
  let lineStart = 0;
  let lines = 0;
  let at = 0;
  while (at < length) {
    const byte = from[at] ?? 0;
    if (byte === ESCAPE) at = behindEscape(from, at);
    else if (byte === RETURN) {
      at = behindReturns(from, at);
      if (!isLineEnd(from[at])) out = lineStart;
    } else {
      if (byte === LINE_FEED) {
        noteLineFeed(lines, at, out);
        lines += 1;
        lineStart = out + 1;
      }
      to[out] = byte;
      out += 1;
      at += 1;
    }
  }
  return { length: out, lines };
}

function noteLineFeed(line: number, original: number, folded: number): void {
  if (!feeds) return;
  feeds.original[line] = original;
  feeds.folded[line] = folded;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === undefined || byte === LINE_FEED;
}

function behindReturns(from: Buffer, at: number): number {
  let end = at;
  while (from[end] === RETURN) end += 1;
  return end;
}

/** Sequences end with their line, as on the screen. */
function behindEscape(from: Buffer, at: number): number {
  const kind = from[at + 1] ?? 0;
  if (kind === 0x5b) return behindControl(from, at + 2);
  if (kind === 0x5d || kind === 0x50 || kind === 0x58 || kind === 0x5e || kind === 0x5f) {
    return behindString(from, at + 2);
  }
  let end = at + 1;
  while (isBetween(from[end], 0x20, 0x2f)) end += 1;
  return isBetween(from[end], 0x30, 0x7e) ? end + 1 : end;
}

/** CSI: parameters, intermediates, one final byte. */
function behindControl(from: Buffer, at: number): number {
  let end = at;
  while (isBetween(from[end], 0x30, 0x3f)) end += 1;
  while (isBetween(from[end], 0x20, 0x2f)) end += 1;
  return isBetween(from[end], 0x40, 0x7e) ? end + 1 : end;
}

/** OSC, DCS and the like: a payload and its end; without an end only the introducer goes. */
function behindString(from: Buffer, at: number): number {
  for (let end = at; end < from.length; end += 1) {
    const byte = from[end];
    if (byte === BELL) return end + 1;
    if (byte === ESCAPE) return from[end + 1] === 0x5c ? end + 2 : at;
    if (byte === LINE_FEED) return at;
  }
  return at;
}

function isBetween(byte: number | undefined, low: number, high: number): boolean {
  return byte !== undefined && byte >= low && byte <= high;
}
