import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  fstatSync,
  fsync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { promisify } from 'node:util';

const sync = promisify(fsync);
const syncData = promisify(fdatasync);
/** What more of a file has to be there before it is worth a call. */
const AHEAD_BYTES = 4 * 1024 * 1024;
const VERIFY_BYTES = 1024 * 1024;

/**
 * A file that appears under its name only when all of it is on the disk. Until then it is
 * `.<name>.<token>.part` beside it. A device or a pipe of that name is written directly.
 */
export class FileTarget {
  readonly path: string;
  readonly fd: number;
  readonly #temporary: string | undefined;
  #isDone = false;
  #aheadBytes = 0;
  #ahead: Promise<void> | undefined;
  /** The system tells of a write that failed later only once, to the first who asks. */
  #lost: { readonly error: unknown } | undefined;

  private constructor(file: string, fd: number, temporary?: string) {
    this.path = file;
    this.fd = fd;
    this.#temporary = temporary;
  }

  /** Throws an errno error when the place cannot take it. */
  static open(file: string, token: string): FileTarget {
    const known = statSync(file, { throwIfNoEntry: false });
    if (known?.isDirectory()) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
    if (known && !known.isFile()) return new FileTarget(file, openSync(file, constants.O_WRONLY));
    // A link stays a link; what it points at is replaced.
    const target = known ? realpathSync(file) : file;
    const temporary = temporaryName(target, token);
    removeQuietly(temporary);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = openSync(temporary, flags, 0o666);
    if (known) fchmodSync(fd, known.mode & 0o777);
    return new FileTarget(target, fd, temporary);
  }

  get bytes(): number {
    return this.#temporary === undefined ? 0 : fstatSync(this.fd).size;
  }

  /** Sends what is there to the disk while the rest is still coming, so that little is left to wait for at the end. */
  settleAhead(): void {
    if (this.#temporary === undefined || this.#isDone || this.#ahead) return;
    const { bytes } = this;
    if (bytes < this.#aheadBytes + AHEAD_BYTES) return;
    this.#aheadBytes = bytes;
    this.#ahead = syncData(this.fd).then(
      () => void (this.#ahead = undefined),
      (error: unknown) => void (this.#lost = { error }),
    );
  }

  /** All of it is on the disk. */
  async settle(): Promise<void> {
    if (this.#temporary === undefined) return;
    await this.#ahead;
    if (this.#lost) throw this.#lost.error;
    await sync(this.fd);
  }

  /** Reads it back and compares it with what was written; a difference as a sentence. */
  async difference(written: { readonly bytes: number; readonly crc32: number }): Promise<string | undefined> {
    if (this.#temporary === undefined) return undefined;
    const { bytes } = this;
    if (bytes !== written.bytes) return `has ${bytes} bytes where ${written.bytes} were written`;
    const handle = await open(this.#temporary, 'r');
    try {
      const buffer = Buffer.allocUnsafeSlow(VERIFY_BYTES);
      let sum = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length);
        if (bytesRead === 0) break;
        sum = crc32(buffer.subarray(0, bytesRead), sum);
      }
      return sum === written.crc32 ? undefined : 'reads back differently than it was written';
    } finally {
      await handle.close();
    }
  }

  /** Gives it its name. */
  publish(): void {
    if (this.#isDone) return;
    if (this.#temporary !== undefined) renameSync(this.#temporary, this.path);
    this.#isDone = true;
    closeSync(this.fd);
  }

  /** The name itself is on the disk. */
  async settleFolder(): Promise<void> {
    if (this.#temporary === undefined) return;
    const folder = await open(path.dirname(this.path), 'r');
    try {
      await folder.sync();
    } catch {
      // Some file systems cannot sync a folder; the file itself is safe.
    } finally {
      await folder.close();
    }
  }

  discard(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    closeSync(this.fd);
    if (this.#temporary !== undefined) removeQuietly(this.#temporary);
  }
}

/** The name that a file has while it is written. A name has 255 bytes at most. */
export function temporaryName(file: string, token: string): string {
  const base = Buffer.from(path.basename(file))
    .subarray(0, 180)
    .toString('latin1')
    .replaceAll(/[^\w.-]/g, '_');
  return path.join(path.dirname(file), `.${base}.${token}.part`);
}

function removeQuietly(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // It was not there.
  }
}
