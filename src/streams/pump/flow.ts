/** Where bytes go. */
export interface Sink {
  /** False: it takes no more, for whatever reason. */
  readonly isOpen: boolean;
  /** Uses the bytes before it returns, or keeps the chunk until it has. */
  readonly write: (chunk: Chunk) => void;
  /** The stream ended well. */
  readonly end: () => void;
  /** The stream ended badly: nothing may look complete. */
  readonly abort: () => void;
}

/** The capacity of a pipe on Linux: reading with a larger buffer gets no more. */
const CHUNK_BYTES = 64 * 1024;

/**
 * One source and the sinks it feeds. Holds the source back while a sink has more waiting than it may,
 * so the slowest one governs, and counts the buffers, so memory is bounded.
 */
export class Flow {
  /** What a sink may have waiting before the source stops, in bytes. */
  readonly lagBytes: number;
  readonly #mostOut: number;
  readonly #free: Buffer[] = [];
  #out = 0;
  #holds = 0;
  #changed: () => void = () => undefined;

  constructor(lagBytes: number) {
    this.lagBytes = lagBytes;
    this.#mostOut = Math.max(1, Math.ceil(lagBytes / CHUNK_BYTES));
  }

  get isHeld(): boolean {
    return this.#holds > 0 || this.#out > this.#mostOut;
  }

  /** Called when the source may look again whether to go on, or whether anybody still listens. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  hold(): void {
    this.#holds += 1;
  }

  letGo(): void {
    this.#holds -= 1;
    if (!this.isHeld) this.#changed();
  }

  /** A sink takes no more. */
  closed(): void {
    this.#changed();
  }

  buffer(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
  }

  kept(): void {
    this.#out += 1;
  }

  back(buffer: Buffer): void {
    this.#out -= 1;
    this.recycle(buffer);
    if (!this.isHeld) this.#changed();
  }

  recycle(buffer: Buffer): void {
    if (this.#free.length <= this.#mostOut) this.#free.push(buffer);
  }
}

/** Bytes that several sinks may keep at once; the buffer is used again when none does. */
export class Chunk {
  readonly bytes: Buffer;
  readonly #whole: Buffer;
  readonly #flow: Flow;
  #keepers = 0;

  constructor(flow: Flow, whole: Buffer, length: number) {
    this.#flow = flow;
    this.#whole = whole;
    this.bytes = length === whole.length ? whole : whole.subarray(0, length);
  }

  get isKept(): boolean {
    return this.#keepers > 0;
  }

  keep(): void {
    if (this.#keepers++ === 0) this.#flow.kept();
  }

  release(): void {
    if (--this.#keepers === 0) this.#flow.back(this.#whole);
  }
}

/** Gives each chunk to all; open as long as one is. */
export class FanOut implements Sink {
  readonly #sinks: readonly Sink[];
  constructor(sinks: readonly Sink[]) {
    this.#sinks = sinks;
  }

  get isOpen(): boolean {
    return this.#sinks.some((sink) => sink.isOpen);
  }

  write(chunk: Chunk): void {
    for (const sink of this.#sinks) if (sink.isOpen) sink.write(chunk);
  }

  end(): void {
    for (const sink of this.#sinks) sink.end();
  }

  abort(): void {
    for (const sink of this.#sinks) sink.abort();
  }
}

/** Looks at each chunk on its way to `next`, and is open as long as that is; without `next`, always. */
export class Tap implements Sink {
  readonly #see: (bytes: Buffer) => void;
  readonly #next: Sink | undefined;
  readonly #ended: (well: boolean) => void;
  #isOver = false;

  constructor(see: (bytes: Buffer) => void, ended: (well: boolean) => void, next?: Sink) {
    this.#see = see;
    this.#ended = ended;
    this.#next = next;
  }

  get isOpen(): boolean {
    return !this.#isOver && (this.#next?.isOpen ?? true);
  }

  write(chunk: Chunk): void {
    this.#see(chunk.bytes);
    this.#next?.write(chunk);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended(true);
    this.#next?.end();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended(false);
    this.#next?.abort();
  }
}
