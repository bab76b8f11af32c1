import { SCAN_BYTES } from './scan-buffer.ts';

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const ESCAPE = 0x1b;
const BELL = 0x07;

/** What a search reads in place of the bytes of a log. */
export interface Folded {
  readonly bytes: Buffer;
  /** Where the line around a place in `bytes` starts and ends in the original, without its line feed. */
  readonly lineAround: (at: number) => { readonly start: number; readonly end: number };
  /** Behind the line around this place, in `bytes`. */
  readonly nextLine: (at: number) => number;
}

let target: Buffer | undefined;
let feeds: { readonly original: Int32Array; readonly folded: Int32Array } | undefined;

/**
 * The bytes as they will be read on the screen: without escape sequences and what a carriage return
 * overwrote, in lower case when `foldCase` (ASCII alone). Valid until the next call; at most `SCAN_BYTES`.
 */
export function fold(original: Buffer, foldCase: boolean): Folded {
  if (!foldCase && !original.includes(ESCAPE) && !original.includes(RETURN)) return unfolded(original);
  target ??= Buffer.allocUnsafeSlow(SCAN_BYTES);
  feeds ??= { original: new Int32Array(SCAN_BYTES), folded: new Int32Array(SCAN_BYTES) };
  const { length, lines } = copyFolded(original, target, foldCase);
  return mapped(original, target.subarray(0, length), lines);
}

function unfolded(bytes: Buffer): Folded {
  const endOf = (at: number): number => {
    const end = bytes.indexOf(LINE_FEED, at);
    return end < 0 ? bytes.length : end;
  };
  return {
    bytes,
    lineAround: (at) => ({ start: at === 0 ? 0 : bytes.lastIndexOf(LINE_FEED, at - 1) + 1, end: endOf(at) }),
    nextLine: (at) => endOf(at) + 1,
  };
}

function mapped(original: Buffer, bytes: Buffer, lines: number): Folded {
  const at = (list: Int32Array | undefined, index: number, otherwise: number): number =>
    index < 0 ? -1 : index >= lines ? otherwise : (list?.[index] ?? otherwise);
  /** How many line feeds lie before this place. */
  const lineOf = (place: number): number => {
    let low = 0;
    let high = lines;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((feeds?.folded[middle] ?? 0) < place) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    bytes,
    lineAround: (place) => {
      const line = lineOf(place);
      return {
        start: at(feeds?.original, line - 1, 0) + 1,
        end: at(feeds?.original, line, original.length),
      };
    },
    nextLine: (place) => at(feeds?.folded, lineOf(place), bytes.length) + 1,
  };
}

function copyFolded(
  from: Buffer,
  to: Buffer,
  foldCase: boolean,
): { readonly length: number; readonly lines: number } {
  /** Last byte that is a capital; none when case counts. */
  const lastCapital = foldCase ? 0x5a : 0;
  let out = 0;
  let lineStart = 0;
  let lines = 0;
  let at = 0;
  while (at < from.length) {
    const byte = from[at] ?? 0;
    if (byte > ESCAPE || byte < LINE_FEED) {
      to[out] = byte >= 0x41 && byte <= lastCapital ? byte | 0x20 : byte;
      out += 1;
      at += 1;
    } else if (byte === ESCAPE) at = behindEscape(from, at);
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
