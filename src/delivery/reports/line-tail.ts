import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const PIECE_BYTES = 64 * 1024;
/** A line that goes on longer is cut: no report has one. */
const LONGEST_LINE = 256 * 1024;

/** Reads the lines of a file that another process writes; what is not there yet is read the next time. */
export class LineTail {
  readonly #file: string;
  #offset = 0;
  #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** Calls back for each line that has been finished since the last time. */
  read(line: (text: string) => void): void {
    let fd: number;
    try {
      fd = openSync(this.#file, 'r');
    } catch {
      // Nothing was written so far.
      return;
    }
    try {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      for (let count = readSync(fd, piece, 0, PIECE_BYTES, this.#offset); count > 0;) {
        this.#offset += count;
        this.#take(this.#decoder.write(piece.subarray(0, count)), line);
        count = readSync(fd, piece, 0, PIECE_BYTES, this.#offset);
      }
    } finally {
      closeSync(fd);
    }
  }

  /** What stands after the last line end. */
  end(line: (text: string) => void): void {
    this.read(line);
    if (this.#rest !== '') line(this.#rest);
    this.#rest = '';
  }

  #take(text: string, line: (text: string) => void): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, LONGEST_LINE);
    // Cut again: to what was cut before, its end was added.
    for (const one of lines) line((one.endsWith('\r') ? one.slice(0, -1) : one).slice(0, LONGEST_LINE));
  }
}
