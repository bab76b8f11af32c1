import { Socket } from 'node:net';
import type { Chunk, Flow, Sink } from './flow.ts';

interface PipeSinkOptions {
  readonly fd: number;
  readonly flow: Flow;
  readonly wrote: (bytes: number) => void;
  /** The reader is gone; whether that is a failure, its exit code will say. */
  readonly broke: () => void;
}

/** Writes to a pipe that a command reads. */
export class PipeSink implements Sink {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #options: PipeSinkOptions;
  readonly #waiting: (Chunk | undefined)[] = [];
  #isOpen = true;
  #isHolding = false;

  constructor(options: PipeSinkOptions) {
    this.#options = options;
    this.#socket = new Socket({ fd: options.fd, readable: false, writable: true });
    // EPIPE; with it every write that waited is called back.
    this.#socket.on('error', () => this.#break());
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.#releaseAll();
        resolve();
      });
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  write(chunk: Chunk): void {
    const { flow, wrote } = this.#options;
    wrote(chunk.bytes.length);
    this.#socket.write(chunk.bytes, this.#written);
    // 0: the pipe took all of it at once and the buffer is free; the callback comes later all the same.
    const waitingBytes = this.#socket.writableLength;
    if (waitingBytes === 0) {
      this.#waiting.push(undefined);
      return;
    }
    chunk.keep();
    this.#waiting.push(chunk);
    if (!this.#isHolding && waitingBytes > flow.lagBytes) {
      this.#isHolding = true;
      flow.hold();
    }
  }

  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.end();
  }

  /** Writes no more, but leaves the pipe open: its reader must not take this for the end of the stream. */
  abort(): void {
    this.#isOpen = false;
  }

  /** The reader has ended. */
  destroy(): void {
    if (this.#isOpen) this.#options.broke();
    this.#isOpen = false;
    this.#socket.destroy();
    this.#options.flow.closed();
  }

  readonly #written = (): void => {
    this.#waiting.shift()?.release();
    if (this.#isHolding && this.#socket.writableLength <= this.#options.flow.lagBytes) this.#letGo();
  };

  #break(): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#socket.destroy();
    this.#letGo();
    if (wasOpen) this.#options.broke();
    this.#options.flow.closed();
  }

  #letGo(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#options.flow.letGo();
  }

  #releaseAll(): void {
    for (const chunk of this.#waiting.splice(0)) chunk?.release();
    this.#letGo();
  }
}
