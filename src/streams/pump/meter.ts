import type { StreamMetrics } from '../../core/stream-report.ts';

/** A rate is taken over at least so long, in milliseconds: shorter ones jump. */
const WINDOW_MS = 2000;
const PEAK_MS = 200;

/** Bytes over time. */
export class Meter {
  bytes = 0;
  readonly #startedMs: number;
  readonly #samples: { readonly atMs: number; readonly bytes: number }[];
  #peak = 0;
  #endedMs: number | undefined;

  constructor(nowMs: number) {
    this.#startedMs = nowMs;
    this.#samples = [{ atMs: nowMs, bytes: 0 }];
  }

  /** To be called every 200 ms or so. */
  sample(nowMs: number): void {
    const last = this.#samples.at(-1);
    if (!last || this.#endedMs !== undefined) return;
    const elapsedMs = nowMs - last.atMs;
    if (elapsedMs < PEAK_MS / 2) return;
    this.#peak = Math.max(this.#peak, ((this.bytes - last.bytes) / elapsedMs) * 1000);
    this.#samples.push({ atMs: nowMs, bytes: this.bytes });
    while (this.#samples.length > 2 && nowMs - (this.#samples[1]?.atMs ?? nowMs) >= WINDOW_MS) {
      this.#samples.shift();
    }
  }

  end(nowMs: number): void {
    this.sample(nowMs);
    this.#endedMs ??= nowMs;
  }

  /** Bytes per second of the last two seconds. */
  get rate(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs === first.atMs) return 0;
    return Math.round(((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000);
  }

  get peak(): number {
    return Math.round(this.#peak);
  }

  metrics(nowMs: number): StreamMetrics {
    const elapsedMs = Math.max(1, (this.#endedMs ?? nowMs) - this.#startedMs);
    const average = Math.round((this.bytes / elapsedMs) * 1000);
    return {
      total_bytes: this.bytes,
      average_speed: average,
      // Shorter than one sample: the average is the only rate there was.
      peak_speed: Math.max(this.peak, average),
    };
  }
}
