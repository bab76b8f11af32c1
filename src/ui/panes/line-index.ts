import { Checkpoints } from './checkpoints.ts';
import type { LogFile } from './log-file.ts';
import { scanBuffer } from './scan-buffer.ts';

const LINE_FEED = 0x0a;
const GAP_BYTES = 64 * 1024;

/** Counts the lines of a log in steps, from its start, and remembers where some of them are. */
export class LineIndex {
  readonly #file: LogFile;
  /** A line's start, and how many lines lie before it. The newest one is the start of the newest line. */
  readonly #starts = new Checkpoints({ gapBytes: GAP_BYTES });
  #scanned = 0;
  #lines = 0;

  constructor(file: LogFile) {
    this.#file = file;
    this.#starts.push(0, 0);
  }

  /** Lines found so far; a last one without its line feed counts. */
  get lines(): number {
    const lastStart = this.#starts.at(this.#starts.size - 1)?.offset ?? 0;
    return this.#lines + (this.#scanned > lastStart ? 1 : 0);
  }

  get isComplete(): boolean {
    return this.#scanned >= this.#file.sizeBytes;
  }

  /** Up to where the file was read, bytes. */
  get scannedBytes(): number {
    return this.#scanned;
  }

  /** Reads one piece; false when there is no more. */
  step(): boolean {
    const buffer = scanBuffer();
    const read = this.#file.readInto(buffer, this.#scanned);
    const piece = buffer.subarray(0, read);
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) {
      this.#lines += 1;
      this.#starts.push(this.#scanned + at + 1, this.#lines);
    }
    this.#scanned += read;
    return read > 0 && !this.isComplete;
  }

  /** Number of the line that holds this byte, from 0; nothing when the scan is not there yet. */
  lineAt(offset: number): number | undefined {
    if (offset > this.#scanned || (offset === this.#scanned && !this.isComplete)) return undefined;
    const index = this.#starts.indexAtOffset(offset);
    const start = this.#starts.at(index);
    if (!start || this.#isExact(index)) return start?.count;
    return start.count + countLineFeeds(this.#file, start.offset, offset);
  }

  /** Where the line begins that holds this byte, when the scan has been there and it costs little to tell. */
  longLineAt(offset: number): { readonly start: number; readonly next: number | undefined } | undefined {
    if (offset >= this.#scanned) return undefined;
    const index = this.#starts.indexAtOffset(offset);
    const start = this.#starts.at(index);
    if (!start || !this.#isExact(index)) return undefined;
    return { start: start.offset, next: this.#starts.at(index + 1)?.offset };
  }

  /** A line's start; the last known one for numbers beyond. */
  offsetOf(line: number): number {
    const start = this.#starts.at(Math.max(0, this.#starts.indexAtCount(line)));
    if (!start) return 0;
    return skipLines(this.#file, start.offset, line - start.count);
  }

  /** No line begins between this checkpoint and the next. */
  #isExact(index: number): boolean {
    const start = this.#starts.at(index);
    const next = this.#starts.at(index + 1);
    return start !== undefined && (next === undefined || next.count === start.count + 1);
  }
}

function countLineFeeds(file: LogFile, from: number, to: number): number {
  let count = 0;
  for (let offset = from; offset < to;) {
    const piece = file.bytes(offset, Math.min(GAP_BYTES, to - offset));
    if (piece.length === 0) break;
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, at + 1)) count += 1;
    offset += piece.length;
  }
  return count;
}

function skipLines(file: LogFile, from: number, lines: number): number {
  let left = lines;
  let start = from;
  for (let offset = from; left > 0;) {
    const piece = file.bytes(offset, GAP_BYTES);
    if (piece.length === 0) break;
    for (let at = piece.indexOf(LINE_FEED); at >= 0 && left > 0; at = piece.indexOf(LINE_FEED, at + 1)) {
      left -= 1;
      if (offset + at + 1 < file.sizeBytes) start = offset + at + 1;
    }
    offset += piece.length;
  }
  return start;
}
