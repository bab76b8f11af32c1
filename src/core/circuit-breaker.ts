/** How a breaker behaves. All times are milliseconds. */
export interface BreakerOptions {
  /** So many failures in a row open it. Default 3. */
  readonly threshold?: number;
  /** Until one more try is let through; doubled each time that try fails too. Default 15 000. */
  readonly openMs?: number;
  /** Default 120 000. */
  readonly longestOpenMs?: number;
  /** Of a clock that never jumps. */
  readonly nowMs: () => number;
}

/** Whether a try may be made now. */
export type Passage =
  | { readonly state: 'closed' }
  /** The one try that decides; its outcome must be reported. */
  | { readonly state: 'half-open' }
  | {
      readonly state: 'open';
      readonly failures: number;
      readonly retry_in_ms: number;
      /** What the last failure said. */
      readonly last: string;
    };

/**
 * Guards a target that does not answer: after some failures in a row nobody tries for a while, then one does,
 * and its outcome closes the breaker or opens it for longer.
 */
export class CircuitBreaker {
  readonly #threshold: number;
  readonly #openMs: number;
  readonly #longestOpenMs: number;
  readonly #nowMs: () => number;
  #failures = 0;
  #last = '';
  #openUntilMs: number | undefined;
  #waitMs: number;
  #isProbing = false;

  constructor(options: BreakerOptions) {
    this.#threshold = options.threshold ?? 3;
    this.#openMs = options.openMs ?? 15_000;
    this.#longestOpenMs = options.longestOpenMs ?? 120_000;
    this.#nowMs = options.nowMs;
    this.#waitMs = this.#openMs;
  }

  /** Asks for a try. After `closed` and `half-open` its outcome must be reported by `succeeded`, `failed` or `gaveUp`. */
  pass(): Passage {
    if (this.#openUntilMs === undefined) return { state: 'closed' };
    const leftMs = this.#openUntilMs - this.#nowMs();
    if (leftMs <= 0 && !this.#isProbing) {
      this.#isProbing = true;
      return { state: 'half-open' };
    }
    return {
      state: 'open',
      failures: this.#failures,
      retry_in_ms: Math.max(0, Math.ceil(leftMs)),
      last: this.#last,
    };
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openUntilMs = undefined;
    this.#waitMs = this.#openMs;
    this.#isProbing = false;
  }

  failed(detail: string): void {
    this.#failures += 1;
    this.#last = detail;
    if (this.#openUntilMs !== undefined) this.#waitMs = Math.min(this.#waitMs * 2, this.#longestOpenMs);
    if (this.#failures >= this.#threshold) this.#openUntilMs = this.#nowMs() + this.#waitMs;
    this.#isProbing = false;
  }

  /** The try ended in a way that says nothing about the target: it was cancelled. */
  gaveUp(): void {
    this.#isProbing = false;
  }
}
