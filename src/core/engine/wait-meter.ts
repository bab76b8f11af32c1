/**
 * Tells waiting from working: time counts as waiting while something waits and nothing works.
 * With commands side by side the waits overlap; this does not count them twice.
 */
export class WaitMeter {
  #waiting = 0;
  #working = 0;
  #since = 0;
  #totalMs = 0;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Milliseconds waited so far. */
  get totalMs(): number {
    return this.#totalMs + (this.#isBlocked() ? this.#nowMs() - this.#since : 0);
  }

  /** Counts until `work` resolves or rejects. */
  async wait<T>(work: () => Promise<T>): Promise<T> {
    this.#change(1, 0);
    try {
      return await work();
    } finally {
      this.#change(-1, 0);
    }
  }

  async work<T>(work: () => Promise<T>): Promise<T> {
    this.#change(0, 1);
    try {
      return await work();
    } finally {
      this.#change(0, -1);
    }
  }

  #isBlocked(): boolean {
    return this.#waiting > 0 && this.#working === 0;
  }

  #change(waiting: number, working: number): void {
    const now = this.#nowMs();
    if (this.#isBlocked()) this.#totalMs += now - this.#since;
    this.#waiting += waiting;
    this.#working += working;
    this.#since = now;
  }
}
