import { isFilter } from './filter-file.ts';
import { allPids, factsOf, isOfOtherStep, readText } from './processes.ts';

/** Most steps are short or steady: an early look, then few. */
const FIRST_LOOK_MS = 50;
const INTERVAL_MS = 500;
/** A step that has run for long is looked at less often: the kernel keeps each process's own peak meanwhile. */
const LONG_INTERVAL_MS = 2_000;
const LONG_AFTER_MS = 10_000;
/** A look may take this share of the time, on a machine with many processes. */
const BUSY_SHARE = 0.02;

/** Peak resident memory of each watched step's session, by looking at /proc now and then; one look serves all steps. */
export class MemorySampler {
  readonly #peaks = new Map<number, number>();
  /** By lane: the step that it runs. */
  readonly #lanes = new Map<number, string>();
  #timer: NodeJS.Timeout | undefined;
  /** When the newest step began. */
  #newestMs = 0;

  /** `session`: process number of the step's leader; of a lane, counted is only what belongs to step `ofLane`. Returns the function that ends it: bytes, undefined when it was too short to be seen. */
  watch(session: number, ofLane?: string): () => number | undefined {
    if (process.platform !== 'linux') return () => undefined;
    this.#peaks.set(session, 0);
    this.#newestMs = performance.now();
    if (ofLane !== undefined) this.#lanes.set(session, ofLane);
    // Soon for the new one, also when the next look at the others is far.
    this.#lookIn(FIRST_LOOK_MS);
    return () => {
      const peak = this.#peaks.get(session);
      this.#peaks.delete(session);
      this.#lanes.delete(session);
      if (this.#peaks.size === 0) this.#stop();
      return peak === 0 ? undefined : peak;
    };
  }

  #lookIn(delayMs: number): void {
    if (this.#timer && delayMs === FIRST_LOOK_MS) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), delayMs).unref();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const startMs = performance.now();
    const sums = new Map<number, number>();
    for (const pid of allPids()) {
      const session = factsOf(pid)?.session;
      if (session === undefined || !this.#peaks.has(session) || isFilter(pid)) continue;
      const token = this.#lanes.get(session);
      if (token !== undefined && (pid === session || isOfOtherStep(pid, token))) continue;
      const { residentBytes, peakBytes } = memoryOf(pid);
      sums.set(session, (sums.get(session) ?? 0) + residentBytes);
      this.#raise(session, peakBytes);
    }
    for (const [session, bytes] of sums) this.#raise(session, bytes);
    const intervalMs = startMs - this.#newestMs > LONG_AFTER_MS ? LONG_INTERVAL_MS : INTERVAL_MS;
    this.#lookIn(Math.max(intervalMs, (performance.now() - startMs) / BUSY_SHARE));
  }

  #raise(session: number, bytes: number): void {
    this.#peaks.set(session, Math.max(this.#peaks.get(session) ?? 0, bytes));
  }
}

function memoryOf(pid: number): { readonly residentBytes: number; readonly peakBytes: number } {
  const status = readText(`/proc/${pid}/status`) ?? '';
  return {
    residentBytes: kilobytes(status, /^VmRSS:\s+(\d+)/m),
    peakBytes: kilobytes(status, /^VmHWM:\s+(\d+)/m),
  };
}

function kilobytes(status: string, field: RegExp): number {
  return Number(field.exec(status)?.[1] ?? 0) * 1024;
}
