import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { hasCode } from '../../core/error-code.ts';

/** Where frames go. One at a time: `write` only when not `isBusy`. */
export interface FrameWriter {
  readonly isBusy: boolean;
  /** Never waits. `done` is called when the terminal took all of it, maybe at once, or with the reason when it is gone. */
  readonly write: (data: Buffer, done: (error?: unknown) => void) => void;
  /** Waits at most `timeoutMs` for what is on its way and for `data`, on leaving only; whether all went out. */
  readonly finish: (data: Buffer, timeoutMs: number) => boolean;
  readonly close: () => void;
}

/** A terminal that is full is asked again after so long, milliseconds. */
const RETRY_MS = 4;
/** So long after it has taken something it is asked again and again, milliseconds. */
const SPIN_MS = 1;

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
  #done: (error?: unknown) => void = () => {};
  #error: unknown;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;
  #seenAt = -1;
  #movedMs = 0;
  #isClosed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get isBusy(): boolean {
    return this.#data !== undefined;
  }

  readonly write = (data: Buffer, done: (error?: unknown) => void): void => {
    if (this.#isClosed) return;
    this.#data = data;
    this.#at = 0;
    this.#done = done;
    this.#seenAt = -1;
    this.#push();
  };

  readonly finish = (data: Buffer, timeoutMs: number): boolean => {
    if (this.#isClosed) return false;
    const deadlineMs = performance.now() + timeoutMs;
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
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
    clearImmediate(this.#soon);
    this.#data = undefined;
    closeSync(this.#fd);
  };

  #push(): void {
    if (this.#tryToWrite()) {
      this.#data = undefined;
      this.#done(this.#error);
    } else this.#later();
  }

  /** A terminal that reads has room again at once; one that does not costs no more than a timer. */
  #later(): void {
    const now = performance.now();
    if (this.#at > this.#seenAt) [this.#seenAt, this.#movedMs] = [this.#at, now];
    const again = (): void => this.#push();
    // Not unreferenced: such a one waits for the next timer, and this lasts no longer than a moment.
    if (now - this.#movedMs < SPIN_MS) this.#soon = setImmediate(again);
    else this.#timer = setTimeout(again, RETRY_MS).unref();
  }

  /** True when there is nothing left to write. */
  #tryToWrite(): boolean {
    const data = this.#data ?? Buffer.alloc(0);
    try {
      while (this.#at < data.length) this.#at += writeSync(this.#fd, data, this.#at);
      return true;
    } catch (error) {
      if (hasCode(error, 'EAGAIN')) return false;
      this.#error = error;
      return true;
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
