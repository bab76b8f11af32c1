import type { RunStatus } from './definition.ts';

/** One line of `state/index.ndjson`. Enough to list runs and to count failures without opening them. */
export type RunRecord =
  | {
      readonly type: 'run.started';
      readonly run_id: string;
      readonly pipeline: string;
      readonly environment: string;
      readonly trigger: string;
      readonly at: string;
      readonly stages: readonly string[];
    }
  | {
      /** Written at each end of a process that ran it: finished, waiting or interrupted. */
      readonly type: 'run.ended';
      readonly run_id: string;
      readonly at: string;
      readonly summary: RunSummary;
      /** Spec 2: this many failures in a row lock the pipeline for its environment. */
      readonly max_consecutive_failures: number;
      /** Locks at once, however many failures there were: what a person has to look at. */
      readonly lock_reason?: string;
      /** What a person had undone: it had failed before, and is not one more failure. */
      readonly is_undo?: boolean;
    }
  | {
      readonly type: 'unlocked';
      readonly pipeline?: string;
      readonly environment?: string;
      readonly by: string;
      readonly at: string;
    };

/** A run in the words of spec 2 (`state/pipeline.json`). */
export interface RunSummary {
  /** The run's id. */
  readonly pipeline_id: string;
  readonly pipeline: string;
  readonly environment: string;
  readonly status: RunStatus;
  readonly trigger: string;
  /** The case that `watch` began it for. */
  readonly case?: string;
  readonly started_at: string;
  readonly finished_at?: string;
  readonly duration_ms?: number;
  readonly stages: readonly {
    readonly name: string;
    readonly status: string;
    readonly duration_ms?: number;
    readonly attempts?: number;
    /** It was undone because it had failed itself. */
    readonly failed?: boolean;
    /** It waits for an answer that nobody can give after this time. */
    readonly expires_at?: string;
  }[];
  readonly changes?: unknown;
  readonly decisions: readonly {
    readonly action: string;
    readonly reason: string;
    readonly stage?: string;
    readonly rule?: string;
  }[];
}

export interface PipelineLock {
  readonly pipeline: string;
  readonly environment: string;
  readonly consecutive_failures: number;
  readonly since: string;
  readonly run_id: string;
  /** Of a lock that one run alone has caused. */
  readonly reason?: string;
}

/** Spec 1's and spec 2's totals. */
export interface RunStats {
  readonly total_runs: number;
  readonly success_count: number;
  readonly failure_count: number;
  /** Of the most recent pipeline and environment; per pair see `consecutive`. */
  readonly consecutive_failures: number;
  /** 0 to 1 over runs that ended; absent before the first. */
  readonly success_rate?: number;
  readonly average_duration_ms?: number;
  readonly per_stage: Readonly<Record<string, StageStats>>;
}

export interface StageStats {
  readonly runs: number;
  readonly failures: number;
  readonly average_duration_ms: number;
}

/** What the index says: newest runs first. */
export interface StateIndex {
  readonly runs: readonly RunSummary[];
  /** Runs without an end record: running, or their process died. */
  readonly current?: string;
  readonly stats: RunStats;
  /** Consecutive failures by `pipeline\u0000environment`. */
  readonly consecutive: Readonly<Record<string, number>>;
  readonly locked: readonly PipelineLock[];
}
