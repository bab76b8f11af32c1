import type { LineIndex } from './line-index.ts';
import type { LogFile } from './log-file.ts';

/** A line's bytes without its line feed, and where the next one starts. */
export interface LineRef {
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

/** Lines to look at: all of a log, or those that a filter lets through. */
export interface Lines {
  /** At most `count` lines that start at or after `offset`, which is a line's start or the end. */
  readonly forward: (offset: number, count: number) => LineRef[];
  /** At most `count` lines that start before `offset`, in the order of the file. */
  readonly backward: (offset: number, count: number) => LineRef[];
}

const LINE_FEED = 0x0a;
const PIECE_BYTES = 64 * 1024;
/**
 * Where the index has not been yet, nobody looks for the ends of a line through gigabytes: a block of the
 * file without a line feed ends a line, and the next block starts one. Until they are counted, then, very
 * long lines are seen in parts.
 */
const BLOCK_BYTES = 512 * 1024;

export class AllLines implements Lines {
  readonly #file: LogFile;
  readonly #index: LineIndex;

  constructor(file: LogFile, index: LineIndex) {
    this.#file = file;
    this.#index = index;
  }

  forward(offset: number, count: number): LineRef[] {
    const lines: LineRef[] = [];
    let start = offset;
    while (lines.length < count && start < this.#file.sizeBytes) {
      const end = this.#endOf(start);
      const next = end.hasLineFeed ? end.offset + 1 : end.offset;
      lines.push({ start, end: end.offset, next });
      start = next;
    }
    return lines;
  }

  backward(offset: number, count: number): LineRef[] {
    const lines: LineRef[] = [];
    let next = Math.min(offset, this.#file.sizeBytes);
    while (lines.length < count && next > 0) {
      const end = this.#file.bytes(next - 1, 1)[0] === LINE_FEED ? next - 1 : next;
      const start = this.#startOf(end);
      lines.push({ start, end, next });
      next = start;
    }
    return lines.toReversed();
  }

  #endOf(start: number): { readonly offset: number; readonly hasLineFeed: boolean } {
    const { sizeBytes } = this.#file;
    let isLong = false;
    let offset = start;
    while (offset < sizeBytes) {
      const piece = this.#file.bytes(offset, Math.min(PIECE_BYTES, toBlockEnd(offset)));
      if (piece.length === 0) break;
      const at = piece.indexOf(LINE_FEED);
      if (at >= 0) return { offset: offset + at, hasLineFeed: true };
      offset += piece.length;
      const long = this.#index.longLineAt(offset);
      if (long?.next !== undefined) return { offset: long.next - 1, hasLineFeed: true };
      if (long && sizeBytes - this.#index.scannedBytes < BLOCK_BYTES) {
        isLong = true;
        offset = this.#index.scannedBytes;
      }
      if (!isLong && offset % BLOCK_BYTES === 0 && offset - BLOCK_BYTES >= start) break;
    }
    return { offset, hasLineFeed: false };
  }

  /** `end` is behind the line's last byte. */
  #startOf(end: number): number {
    let blockStart: number | undefined;
    let offset = end;
    while (offset > 0) {
      const inBlock = offset % BLOCK_BYTES || BLOCK_BYTES;
      const from = offset - Math.min(PIECE_BYTES, inBlock);
      const at = this.#file.bytes(from, offset - from).lastIndexOf(LINE_FEED);
      if (at >= 0) return from + at + 1;
      offset = from;
      const long = this.#index.longLineAt(offset);
      if (long) return long.start;
      if (offset % BLOCK_BYTES !== 0) continue;
      // The block behind it had no line feed at all.
      if (blockStart !== undefined) return blockStart;
      blockStart = offset;
    }
    return 0;
  }
}

function toBlockEnd(offset: number): number {
  return BLOCK_BYTES - (offset % BLOCK_BYTES);
}
