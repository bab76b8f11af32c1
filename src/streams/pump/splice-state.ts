/** What a splice thread and the thread that started it tell each other while bytes flow. */
export class SpliceState {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Float64Array;

  constructor(sinkCount: number, shared = new SharedArrayBuffer(8 * (2 + 2 * sinkCount))) {
    this.shared = shared;
    this.#bytes = new Float64Array(shared, 0, 1 + sinkCount);
    this.#words = new Int32Array(shared, this.#bytes.byteLength, 2 + sinkCount);
  }

  get outcome(): Outcome | undefined {
    return OUTCOMES[Atomics.load(this.#words, 0)];
  }

  set outcome(outcome: Outcome) {
    Atomics.store(this.#words, 0, OUTCOMES.indexOf(outcome));
  }

  get isStopped(): boolean {
    return Atomics.load(this.#words, 1) === 1;
  }

  stop(): void {
    Atomics.store(this.#words, 1, 1);
  }

  /** Neither broken nor given up. */
  isOpen(sink: number): boolean {
    return Atomics.load(this.#words, 2 + sink) === 0;
  }

  close(sink: number): void {
    Atomics.store(this.#words, 2 + sink, 1);
  }

  /** Read from the source so far. */
  get totalBytes(): number {
    return this.#bytes[0] ?? 0;
  }

  bytesOf(sink: number): number {
    return this.#bytes[1 + sink] ?? 0;
  }

  addTotal(bytes: number): void {
    this.#bytes[0] = this.totalBytes + bytes;
  }

  add(sink: number, bytes: number): void {
    this.#bytes[1 + sink] = this.bytesOf(sink) + bytes;
  }
}

/** How the thread ended: the source did, no sink was left, it was stopped, the system refused. */
export type Outcome = 'source-ended' | 'no-sink-left' | 'stopped' | 'failed';

const OUTCOMES: readonly (Outcome | undefined)[] = [
  undefined,
  'source-ended',
  'no-sink-left',
  'stopped',
  'failed',
];

/** What the thread is started with. */
export interface SpliceSettings {
  readonly sinkCount: number;
  readonly needsCopy: boolean;
}

/** Its answer: undefined `inner` where it cannot work. */
export interface SpliceReady {
  readonly isAble: boolean;
  /** Both ends of a pipe of its own, where one of the sinks is to be read in this process. */
  readonly copy?: { readonly readFd: number; readonly writeFd: number };
}

/** Its one order. */
export interface SpliceOrder {
  readonly sourceFd: number;
  readonly sinkFds: readonly number[];
  readonly shared: SharedArrayBuffer;
}
