import { MAX_LINE_BYTES, sanitizeText } from '../../core/terminal-text.ts';
import { parseLine, type StyledLine } from './fit.ts';
import type { LineRef } from './lines.ts';
import type { LogFile } from './log-file.ts';

/** A line as it may be shown. */
export interface ShownLine {
  readonly line: StyledLine;
  /** Bytes that are left out, 0 for nearly all lines. */
  readonly cutBytes: number;
}

const RETURN = 0x0d;
const ESCAPE = 0x1b;
/** Bytes that one cell takes in all but strange lines. */
const BYTES_PER_CELL = 6;
const MIN_PART_BYTES = 1024;

/**
 * Reads a line, at most 64 KiB of it: the start of a longer one, or what its last carriage return
 * left of it. Only as much as the first `cells` cells need, where that can be told.
 */
export function readLine(file: LogFile, ref: LineRef, options: ReadOptions): ShownLine {
  const { bytes, cutBytes } = shownBytes(file, ref);
  const wanted = Math.max(MIN_PART_BYTES, options.cells * BYTES_PER_CELL);
  if (bytes.length > wanted) {
    const part = bytes.subarray(0, characterEnd(bytes, wanted));
    // A sequence that the cut took the end from would show as text.
    if (!hasStringCommand(part)) {
      const line = parseLine(textOf(part, options));
      if (line.cells >= options.cells) return { line, cutBytes };
    }
  }
  const text = textOf(bytes, options);
  return { line: parseLine(cutBytes > 0 ? `${text}… [cut ${cutBytes} bytes]` : text), cutBytes };
}

export interface ReadOptions {
  /** How many cells from the line's start matter; `Infinity` for all. */
  readonly cells: number;
  readonly keepColor: boolean;
}

/** The line as plain text: what a copy gets. */
export function readText(file: LogFile, ref: LineRef): string {
  const { bytes, cutBytes } = shownBytes(file, ref);
  const text = sanitizeText(bytes.toString('utf8'));
  return cutBytes > 0 ? `${text}… [cut ${cutBytes} bytes]` : text;
}

function textOf(bytes: Buffer, { keepColor }: ReadOptions): string {
  return sanitizeText(bytes.toString('utf8'), { keepColor });
}

function shownBytes(
  file: LogFile,
  { start, end }: LineRef,
): { readonly bytes: Buffer; readonly cutBytes: number } {
  const length = end - start;
  if (length <= MAX_LINE_BYTES) return { bytes: lastRewrite(file.bytes(start, length)), cutBytes: 0 };
  const tail = file.bytes(end - MAX_LINE_BYTES, MAX_LINE_BYTES);
  const rewrite = lastRewrite(tail);
  if (rewrite.length < withoutReturns(tail)) return { bytes: rewrite, cutBytes: 0 };
  const head = file.bytes(start, MAX_LINE_BYTES);
  const bytes = head.subarray(0, characterEnd(head, head.length));
  return { bytes, cutBytes: length - bytes.length };
}

/** What stands behind the last carriage return that does not end the line; without those that do. */
function lastRewrite(bytes: Buffer): Buffer {
  if (!bytes.includes(RETURN)) return bytes;
  const end = withoutReturns(bytes);
  const at = end > 0 ? bytes.lastIndexOf(RETURN, end - 1) : -1;
  return bytes.subarray(at + 1, end);
}

function withoutReturns(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === RETURN) end -= 1;
  return end;
}

/** At most `end`, without a UTF-8 character that the cut took the end from. */
function characterEnd(bytes: Buffer, end: number): number {
  for (let back = 1; back <= Math.min(4, end); back += 1) {
    const byte = bytes[end - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? end - back : end;
  }
  return end;
}

function hasStringCommand(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(ESCAPE); at >= 0; at = bytes.indexOf(ESCAPE, at + 1)) {
    const kind = bytes[at + 1];
    if (kind === 0x5d || kind === 0x50 || kind === 0x58 || kind === 0x5e || kind === 0x5f) return true;
  }
  return false;
}
