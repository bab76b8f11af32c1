import { Checkpoints } from './checkpoints.ts';
import type { LineRef, Lines } from './lines.ts';
import type { LogFile } from './log-file.ts';
import { findLines, type Matcher } from './matcher.ts';
import { scanBuffer } from './scan-buffer.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** A line that is longer than one piece, while it is read. */
interface LongLine {
  readonly start: number;
  readonly at: number;
  readonly matches: boolean;
}

/**
 * The lines of a log that match, found in steps from its start, as `Lines`. Remembers where they are
 * in bounded memory: all of them while they are few, else so many that the next one is near. The line
 * that is still being written counts as it is.
 */
export class MatchScan implements Lines {
  readonly #file: LogFile;
  readonly #all: Lines;
  readonly #matcher: Matcher;
  readonly #found: Checkpoints;
  /** Start of the first line that was not read to its end. */
  #scanned = 0;
  #long: LongLine | undefined;
  #count = 0;
  /** The last line has no end yet and matches. */
  #openMatch: number | undefined;
  #seenBytes = 0;

  constructor(
    source: { readonly file: LogFile; readonly all: Lines },
    matcher: Matcher,
    maxEntries?: number,
  ) {
    this.#file = source.file;
    this.#all = source.all;
    this.#matcher = matcher;
    this.#found = new Checkpoints(maxEntries === undefined ? {} : { maxEntries });
  }

  get total(): number {
    return this.#count + (this.#openMatch === undefined ? 0 : 1);
  }

  get isComplete(): boolean {
    return this.#seenBytes >= this.#file.sizeBytes;
  }

  /** Every line that starts before it was read. */
  get scannedBytes(): number {
    return this.isComplete ? this.#file.sizeBytes : this.#scanned;
  }

  /** Reads one piece; false when there is no more. */
  step(): boolean {
    if (this.isComplete) return false;
    if (this.#long) this.#stepLong(this.#long);
    else this.#stepLines();
    return !this.isComplete;
  }

  forward(offset: number, count: number): LineRef[] {
    return this.#take(this.#after(offset), count);
  }

  backward(offset: number, count: number): LineRef[] {
    return this.#take(this.#before(offset), count).toReversed();
  }

  /** Which match this line is, from 1; 0 when it is none, or was not read. */
  ordinal(offset: number): number {
    if (offset === this.#openMatch) return this.total;
    const index = this.#found.indexAtOffset(offset);
    const near = this.#found.at(index);
    if (!near) return 0;
    if (near.offset === offset) return near.count + 1;
    const between = this.#hidden(index, this.#found.at(index + 1)?.offset ?? near.offset);
    const place = between.indexOf(offset);
    return place < 0 ? 0 : near.count + place + 2;
  }

  #stepLines(): void {
    const buffer = scanBuffer();
    const piece = buffer.subarray(0, this.#file.readInto(buffer, this.#scanned));
    this.#openMatch = undefined;
    const end = piece.lastIndexOf(LINE_FEED) + 1;
    const isLast = this.#scanned + piece.length >= this.#file.sizeBytes || piece.length === 0;
    for (const start of findLines(piece.subarray(0, end), this.#matcher)) {
      this.#push(this.#scanned + start);
    }
    this.#seenBytes = isLast ? this.#file.sizeBytes : this.#scanned + end;
    if (isLast) {
      const isMatch = end < piece.length && findLines(piece.subarray(end), this.#matcher).length > 0;
      this.#openMatch = isMatch ? this.#scanned + end : undefined;
    } else if (end === 0) {
      this.#long = { start: this.#scanned, at: this.#scanned, matches: false };
    }
    this.#scanned += end;
  }

  #stepLong({ start, at, matches }: LongLine): void {
    const buffer = scanBuffer();
    const piece = buffer.subarray(0, this.#file.readInto(buffer, at));
    const feed = piece.indexOf(LINE_FEED);
    const part = feed < 0 ? piece : piece.subarray(0, feed);
    const isMatch = this.#stillMatches(part, matches, feed >= 0);
    if (feed >= 0) {
      if (isMatch) this.#push(start);
      this.#scanned = at + feed + 1;
      this.#seenBytes = this.#scanned;
      this.#long = undefined;
      this.#openMatch = undefined;
      return;
    }
    const isLast = at + piece.length >= this.#file.sizeBytes || piece.length === 0;
    this.#openMatch = isMatch ? start : undefined;
    this.#seenBytes = isLast ? this.#file.sizeBytes : at + piece.length;
    // A carriage return at the cut is read again: what follows says whether it begins the line anew.
    const overlap = Math.max(this.#matcher.overlapBytes, piece.at(-1) === CARRIAGE_RETURN ? 1 : 0);
    const next = Math.max(at, at + piece.length - overlap);
    this.#long = { start, at: next, matches: isMatch };
  }

  #push(offset: number): void {
    this.#found.push(offset, this.#count);
    this.#count += 1;
  }

  #take(starts: Iterable<number>, count: number): LineRef[] {
    const lines: LineRef[] = [];
    if (count <= 0) return lines;
    for (const start of starts) {
      const [line] = this.#all.forward(start, 1);
      if (line) lines.push(line);
      if (lines.length >= count) break;
    }
    return lines;
  }

  *#after(offset: number): Generator<number> {
    let index = this.#found.indexAtOffset(offset);
    if (this.#found.at(index)?.offset === offset) index -= 1;
    for (;;) {
      const next = this.#found.at(index + 1);
      if (!next) break;
      for (const start of this.#hidden(index, next.offset)) if (start >= offset) yield start;
      yield next.offset;
      index += 1;
    }
    if (this.#openMatch !== undefined && this.#openMatch >= offset) yield this.#openMatch;
  }

  *#before(offset: number): Generator<number> {
    if (this.#openMatch !== undefined && this.#openMatch < offset) yield this.#openMatch;
    let index = this.#found.indexAtOffset(offset - 1);
    let limit = offset;
    for (let here = this.#found.at(index); here; here = this.#found.at(index)) {
      const hidden = this.#hidden(index, Math.min(limit, this.#found.at(index + 1)?.offset ?? here.offset));
      yield* hidden.toReversed();
      yield here.offset;
      limit = here.offset;
      index -= 1;
    }
  }

  /** Matches behind checkpoint `index` and before `end`, which is at most the next checkpoint. */
  #hidden(index: number, end: number): number[] {
    const from = this.#found.at(index);
    const next = this.#found.at(index + 1);
    if (!from || !next || next.count === from.count + 1) return [];
    const found: number[] = [];
    for (let at = from.offset; at < end;) {
      const { starts, next: behind } = this.#readAgain(at, next.offset);
      for (const start of starts) if (start > from.offset && start < end) found.push(start);
      at = behind;
    }
    return found;
  }

  /** Matches in the piece that starts with the line at `from`; `end` is behind a line. */
  #readAgain(from: number, end: number): { readonly starts: readonly number[]; readonly next: number } {
    const buffer = scanBuffer();
    const piece = buffer.subarray(0, Math.min(this.#file.readInto(buffer, from), end - from));
    const whole = piece.lastIndexOf(LINE_FEED) + 1;
    if (whole > 0) {
      const found = findLines(piece.subarray(0, whole), this.#matcher);
      return { starts: found.map((start) => from + start), next: from + whole };
    }
    const [long] = piece.length === 0 ? [] : this.#all.forward(from, 1);
    if (!long) return { starts: [], next: end };
    return { starts: this.#longMatches(long) ? [from] : [], next: long.next };
  }

  #longMatches({ start, end }: LineRef): boolean {
    const buffer = scanBuffer();
    let isMatch = false;
    for (let at = start; at < end; at += buffer.length - Math.max(1, this.#matcher.overlapBytes)) {
      const piece = buffer.subarray(0, Math.min(this.#file.readInto(buffer, at), end - at));
      isMatch = this.#stillMatches(piece, isMatch, at + piece.length >= end);
    }
    return isMatch;
  }

  /** Whether a line matches with its next part: what a carriage return writes over is not seen. */
  #stillMatches(part: Buffer, before: boolean, isEnd: boolean): boolean {
    let end = part.length;
    while (end > 0 && part[end - 1] === CARRIAGE_RETURN) end -= 1;
    const isRewritten = part.subarray(0, isEnd ? end : part.length - 1).includes(CARRIAGE_RETURN);
    return (before && !isRewritten) || findLines(part, this.#matcher).length > 0;
  }
}
