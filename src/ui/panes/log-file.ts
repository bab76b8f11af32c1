import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { hasCode } from '../../core/error-code.ts';

const WINDOW_BYTES = 128 * 1024;
/** Every so many looks the path is compared with the open file: it may have been replaced. */
const LOOKS_PER_PATH = 8;

/** `reset`: what was known of the content is void, it is another file or it was cut. */
export type FileChange = 'none' | 'grown' | 'reset';

/**
 * A log on disk, read in windows, never as a whole. It may not be there yet, grow, be cut or be
 * replaced: `look` finds out. Between two looks `sizeBytes` stands still. Whatever is no regular
 * file is not opened; links are not followed.
 */
export class LogFile {
  readonly path: string;
  #fd = -1;
  #inode = 0;
  #sizeBytes = 0;
  #looks = 0;
  #state: 'open' | 'missing' | 'unreadable' = 'missing';
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  readonly #buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);

  constructor(path: string) {
    this.path = path;
    this.#open();
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get state(): 'open' | 'missing' | 'unreadable' {
    return this.#state;
  }

  look(): FileChange {
    this.#looks += 1;
    if (this.#fd < 0) {
      this.#open();
      return this.#fd < 0 ? 'none' : 'reset';
    }
    if (this.#looks % LOOKS_PER_PATH === 0 && this.#wasReplaced()) {
      this.close();
      this.#open();
      return 'reset';
    }
    const size = this.#measure();
    if (size === this.#sizeBytes) return 'none';
    const isCut = size < this.#sizeBytes;
    // The window may end in what was the file's end, and hold less than can be had now.
    if (isCut || this.#windowStart + this.#window.length >= this.#sizeBytes) this.#forget();
    this.#sizeBytes = size;
    return isCut ? 'reset' : 'grown';
  }

  /** Bytes up to the file's end or `length`; valid until the next call. At most 128 KiB. */
  bytes(offset: number, length: number): Buffer {
    const end = Math.min(offset + length, this.#sizeBytes);
    if (end <= offset) return this.#buffer.subarray(0, 0);
    const has = (): boolean => offset >= this.#windowStart && end <= this.#windowStart + this.#window.length;
    if (!has()) this.#load(offset);
    const from = offset - this.#windowStart;
    return this.#window.subarray(from, from + (end - offset));
  }

  /** Fills `target` from `offset` on; how many bytes it got. */
  readInto(target: Buffer, offset: number): number {
    const length = Math.min(target.length, this.#sizeBytes - offset);
    return length > 0 ? this.#read(target, length, offset) : 0;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#sizeBytes = 0;
    this.#state = 'missing';
    this.#forget();
  }

  #open(): void {
    try {
      // Non-blocking: a pipe in the place of the log must not stop us.
      this.#fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stat = fstatSync(this.#fd);
      if (!stat.isFile()) {
        this.close();
        this.#state = 'unreadable';
        return;
      }
      this.#inode = stat.ino;
      this.#sizeBytes = stat.size;
      this.#state = 'open';
    } catch (error) {
      this.#state = hasCode(error, 'ENOENT') ? 'missing' : 'unreadable';
    }
  }

  #measure(): number {
    try {
      return fstatSync(this.#fd).size;
    } catch {
      return this.#sizeBytes;
    }
  }

  /** A log that was moved away stays open until another one has its name. */
  #wasReplaced(): boolean {
    const stat = statSync(this.path, { throwIfNoEntry: false });
    return stat !== undefined && stat.ino !== this.#inode;
  }

  #load(offset: number): void {
    const length = Math.min(WINDOW_BYTES, this.#sizeBytes - offset);
    this.#windowStart = offset;
    this.#window = this.#buffer.subarray(0, this.#read(this.#buffer, length, offset));
  }

  #read(target: Buffer, length: number, offset: number): number {
    try {
      let got = 0;
      while (got < length) {
        const read = readSync(this.#fd, target, got, length - got, offset + got);
        if (read === 0) break;
        got += read;
      }
      return got;
    } catch {
      // A disk that fails shows as a log that ends here.
      return 0;
    }
  }

  #forget(): void {
    this.#window = this.#buffer.subarray(0, 0);
    this.#windowStart = 0;
  }
}
