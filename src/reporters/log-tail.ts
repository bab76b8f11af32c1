import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { TextSanitizer } from '../core/terminal-text.ts';
import { formatBytes } from './format.ts';

const PIECE_BYTES = 16 * 1024;
/** Further behind than this, output is left out instead of being shown late. */
const MAX_BEHIND_BYTES = 4 * 1024 * 1024;
/** What is still shown after leaving out. */
const KEPT_BYTES = 256 * 1024;

export interface TailPiece {
  readonly lines: readonly string[];
  readonly bytes: number;
  readonly skipped?: string;
}

const NOTHING: TailPiece = { lines: [], bytes: 0 };

/**
 * Follows one growing log file and yields lines that are safe to show.
 * Reads are synchronous and small: they come out of the page cache, and a worker thread
 * would cost more than the read. A file that cannot be read yields nothing.
 */
export class LogTail {
  readonly #file: string;
  readonly #keepColor: boolean;
  #fd: number | undefined;
  #offset: number;
  #sanitizer: TextSanitizer | undefined;
  #buffer: Buffer | undefined;
  /** In the middle of a line after bytes were left out: the rest of it would mislead. */
  #inTornLine = false;

  constructor(file: string, options: { readonly keepColor: boolean; readonly offset?: number }) {
    this.#file = file;
    this.#keepColor = options.keepColor;
    this.#offset = options.offset ?? 0;
  }

  /**
   * Complete lines of the next piece, at most 16 KiB; no `bytes` when there is nothing new.
   * `skipped` when output was left out before them. One piece at a time: short lines cost many times their size.
   */
  read(): TailPiece {
    const fd = this.#open();
    if (fd === undefined) return NOTHING;
    const skipped = this.#skipWhenBehind(fd);
    const piece = this.#readPiece(fd);
    const lines = this.#linesOf(piece);
    return { lines, bytes: piece.length, ...(skipped !== undefined && { skipped }) };
  }

  /** The last line if it has no line feed; closes the file. */
  end(): string[] {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    return this.#inTornLine ? [] : (this.#sanitizer?.end() ?? []);
  }

  #open(): number | undefined {
    if (this.#fd !== undefined) return this.#fd;
    try {
      this.#fd = openSync(this.#file, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch {
      // Not there yet: the command has not printed anything.
    }
    return this.#fd;
  }

  #skipWhenBehind(fd: number): string | undefined {
    const behind = fstatSync(fd).size - this.#offset;
    if (behind <= MAX_BEHIND_BYTES) return undefined;
    const skippedBytes = behind - KEPT_BYTES;
    this.#offset += skippedBytes;
    this.#sanitizer = undefined;
    this.#inTornLine = true;
    return formatBytes(skippedBytes);
  }

  #readPiece(fd: number): Buffer {
    const buffer = (this.#buffer ??= Buffer.allocUnsafeSlow(PIECE_BYTES));
    const read = readSync(fd, buffer, 0, PIECE_BYTES, this.#offset);
    this.#offset += read;
    return buffer.subarray(0, read);
  }

  #linesOf(piece: Buffer): string[] {
    if (piece.length === 0) return [];
    let rest = piece;
    if (this.#inTornLine) {
      const lineFeed = piece.indexOf(0x0a);
      if (lineFeed === -1) return [];
      rest = piece.subarray(lineFeed + 1);
      this.#inTornLine = false;
    }
    this.#sanitizer ??= new TextSanitizer({ keepColor: this.#keepColor });
    return this.#sanitizer.push(rest);
  }
}
