export interface Checkpoint {
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** What was counted before it, or a time: never less than in the checkpoint before. */
  readonly count: number;
}

/**
 * Sparse map between places in a file and a count that grows along it. Memory is bounded: when full, or
 * from the start with `gapBytes`, a checkpoint whose neighbours lie at most a gap apart is left out.
 * So two neighbours that lie farther apart are exact: nothing was left out between them.
 */
export class Checkpoints {
  readonly #maxEntries: number;
  #gapBytes: number;
  #offsets = new Float64Array(64);
  #counts = new Float64Array(64);
  #size = 0;

  constructor(options: { readonly gapBytes?: number; readonly maxEntries?: number } = {}) {
    this.#gapBytes = options.gapBytes ?? 0;
    this.#maxEntries = options.maxEntries ?? 65_536;
  }

  get size(): number {
    return this.#size;
  }

  get gapBytes(): number {
    return this.#gapBytes;
  }

  /** `offset` is greater than in the call before, or the same. The newest one is always kept. */
  push(offset: number, count: number): void {
    const isClose =
      this.#gapBytes > 0 && this.#size >= 2 && offset - this.#offset(this.#size - 2) <= this.#gapBytes;
    if (isClose) this.#size -= 1;
    else if (this.#size === this.#maxEntries) this.#thin();
    else if (this.#size === this.#offsets.length) this.#grow();
    this.#offsets[this.#size] = offset;
    this.#counts[this.#size] = count;
    this.#size += 1;
  }

  at(index: number): Checkpoint | undefined {
    if (index < 0 || index >= this.#size) return undefined;
    return { offset: this.#offset(index), count: this.#counts[index] ?? 0 };
  }

  /** Index of the last checkpoint at or before the offset; -1 when there is none. */
  indexAtOffset(offset: number): number {
    return lastAtMost(this.#offsets, this.#size, offset);
  }

  /** Index of the last checkpoint whose count is at most `count`; -1 when there is none. */
  indexAtCount(count: number): number {
    return lastAtMost(this.#counts, this.#size, count);
  }

  #offset(index: number): number {
    return this.#offsets[index] ?? 0;
  }

  #thin(): void {
    while (this.#size > this.#maxEntries / 2) {
      const span = this.#offset(this.#size - 1) - this.#offset(0);
      this.#gapBytes = Math.max(this.#gapBytes * 2, Math.ceil((span * 2) / this.#maxEntries), 1);
      const { size } = this;
      this.#size = 0;
      // In place: what is kept never overtakes what is read.
      for (let index = 0; index < size; index += 1) this.push(this.#offset(index), this.#counts[index] ?? 0);
    }
  }

  #grow(): void {
    const length = Math.min(this.#maxEntries, this.#offsets.length * 2);
    const offsets = new Float64Array(length);
    const counts = new Float64Array(length);
    offsets.set(this.#offsets);
    counts.set(this.#counts);
    this.#offsets = offsets;
    this.#counts = counts;
  }
}

function lastAtMost(values: Float64Array, size: number, limit: number): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
