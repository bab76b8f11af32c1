import type { RunStatus } from '../definition.ts';
import type { Failure } from '../failure.ts';

/** What `watch` says, as it leaves the process with --json. Each has `at` beside these. */
export type CaseEvent =
  | {
      readonly type: 'watch.started';
      readonly pipeline: string;
      readonly folder: string;
      readonly max_parallel: number;
    }
  /** A name that cannot be a case. */
  | { readonly type: 'case.refused'; readonly case: string; readonly reason: string }
  | { readonly type: 'case.found'; readonly case: string; readonly path: string }
  /** It is there and not taken; said again when the reason changes. */
  | { readonly type: 'case.waiting'; readonly case: string; readonly reason: string }
  /** Claimed: its run begins. `again`: it was run before and has changed since. */
  | { readonly type: 'case.taken'; readonly case: string; readonly run_id: string; readonly again: boolean }
  /** Its run had been interrupted and goes on. */
  | { readonly type: 'case.continued'; readonly case: string; readonly run_id: string }
  | {
      readonly type: 'case.finished';
      readonly case: string;
      readonly run_id: string;
      readonly status: RunStatus;
      /** Of the run. */
      readonly duration_ms: number;
      /** From the moment it was seen to its end. */
      readonly processing_ms: number;
      readonly failure?: Failure;
    }
  /** Nothing is taken for this reason; looked at again later. */
  | { readonly type: 'watch.blocked'; readonly failure: Failure }
  | { readonly type: 'watch.unblocked' }
  /** Asked to stop: nothing new is taken, what runs ends. */
  | { readonly type: 'watch.draining'; readonly cause: string; readonly running: number }
  | ({ readonly type: 'watch.stopped'; readonly cause: string } & CaseFigures);

/** Of the cases that one watcher has brought to an end. */
export interface CaseFigures {
  readonly finished: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Runs that wait for an answer or can be continued. */
  readonly open: number;
  readonly processing_ms: { readonly median: number; readonly p95: number; readonly longest: number } | null;
}

/** Times that are kept for the figures: the newest. */
const MOST_TIMES = 10_000;

/** Counts cases as they end; its size does not grow with them. */
export class CaseTally {
  #succeeded = 0;
  #failed = 0;
  #open = 0;
  readonly #times: number[] = [];

  add({ status, processing_ms: ms }: { readonly status: RunStatus; readonly processing_ms: number }): void {
    if (status === 'waiting' || status === 'interrupted') this.#open += 1;
    else if (status === 'success' || status === 'warning') this.#succeeded += 1;
    else this.#failed += 1;
    this.#times.push(ms);
    if (this.#times.length > MOST_TIMES) this.#times.shift();
  }

  figures(): CaseFigures {
    const times = this.#times.toSorted((a, b) => a - b);
    const rank = (share: number): number => times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? 0;
    return {
      finished: this.#succeeded + this.#failed,
      succeeded: this.#succeeded,
      failed: this.#failed,
      open: this.#open,
      processing_ms: times.length > 0 ? { median: rank(0.5), p95: rank(0.95), longest: rank(1) } : null,
    };
  }
}
