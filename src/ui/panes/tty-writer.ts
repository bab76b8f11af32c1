import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { hasCode } from '../../core/error-code.ts';

/** Where frames go. One at a time: `write` only when not `isBusy`. */
export interface FrameWriter {
  readonly isBusy: boolean;
  /** Never waits. `done` is called when the terminal took all of it, maybe at once. */
  readonly write: (data: Buffer, done: () => void) => void;
  /** Waits at most `timeoutMs` for what is on its way and for `data`, on leaving only; whether all went out. */
  readonly finish: (data: Buffer, timeoutMs: number) => boolean;
  readonly close: () => void;
}

/** A terminal that is full is asked again after so long, milliseconds. */
const RETRY_MS = 4;

/**
 * Writes to the terminal behind a descriptor without ever waiting for it: through an own open file in
 * non-blocking mode. Node writes to terminals synchronously, so one that stops reading stops the process;
 * a write in the thread pool does not, but such a process cannot exit. Undefined where it cannot be opened.
 * Source: nodejs.org/api/process.html, "A note on process I/O"; tty_ioctl(4).
 */
export function openTtyWriter(fd: number): FrameWriter | undefined {
  for (const path of [`/proc/self/fd/${fd}`, '/dev/tty']) {
    try {
      return new TtyWriter(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY));
    } catch {
      // The next one; at last whoever asks takes the stream.
    }
  }
  return undefined;
}

class TtyWriter implements FrameWriter {
  readonly #fd: number;
  #data: Buffer | undefined;
  #at = 0;
  #done: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get isBusy(): boolean {
    return this.#data !== undefined;
  }

  readonly write = (data: Buffer, done: () => void): void => {
    if (this.#isClosed) return;
    this.#data = data;
    this.#at = 0;
    this.#done = done;
    this.#push();
  };

  readonly finish = (data: Buffer, timeoutMs: number): boolean => {
    if (this.#isClosed) return false;
    const deadlineMs = performance.now() + timeoutMs;
    clearTimeout(this.#timer);
    const rest = this.#data ? this.#data.subarray(this.#at) : Buffer.alloc(0);
    this.#data = Buffer.concat([rest, data]);
    this.#at = 0;
    let isDone = this.#tryToWrite();
    while (!isDone && performance.now() < deadlineMs) {
      pause(1);
      isDone = this.#tryToWrite();
    }
    this.#data = undefined;
    return isDone;
  };

  readonly close = (): void => {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#data = undefined;
    closeSync(this.#fd);
  };

  #push(): void {
    if (this.#tryToWrite()) {
      this.#data = undefined;
      this.#done();
    } else this.#timer = setTimeout(() => this.#push(), RETRY_MS).unref();
  }

  /** True when there is nothing left to write. */
  #tryToWrite(): boolean {
    const data = this.#data ?? Buffer.alloc(0);
    try {
      while (this.#at < data.length) this.#at += writeSync(this.#fd, data, this.#at);
      return true;
    } catch (error) {
      // Gone: the frames go nowhere, and the end of the terminal is told otherwise.
      return !hasCode(error, 'EAGAIN');
    }
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

function pause(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}

/** For terminals that are no descriptors: tests, and systems without the paths above. */
export function streamWriter(stream: NodeJS.WriteStream): FrameWriter {
  let isBusy = false;
  return {
    get isBusy() {
      return isBusy;
    },
    write: (data, done) => {
      isBusy = true;
      stream.write(data.toString(), () => {
        isBusy = false;
        done();
      });
    },
    finish: (data) => {
      stream.write(data.toString());
      return true;
    },
    close: () => {},
  };
}
