/**
 * What a stream stage tells while it runs (`artifacts/<stage>/progress.json`, replaced every 200 ms) and
 * afterwards (`streams.json`, and the stage's outputs). Sizes are bytes, rates bytes per second.
 */
export interface StreamOperation {
  readonly id: string;
  readonly type: 'pipeline-stream';
  readonly pipeline: string;
  readonly streams: readonly StreamRecord[];
}

/** One connection, or one tee with its branches. */
export interface StreamRecord {
  readonly id: string;
  readonly type: 'pipe' | 'tee';
  /** A step; inside a branch `tee/branch/step`. */
  readonly from: string;
  /** Only of a pipe. */
  readonly to?: string;
  /** Absent where it could not be counted. */
  readonly bytes_transferred?: number;
  /**
   * `pump`: each byte passed through our process. `kernel`: the two commands are joined directly and the
   * system's count of what the first one wrote is given, which includes files it wrote beside.
   */
  readonly metering?: 'pump' | 'kernel';
  readonly duration_ms: number;
  /** Of the built-in step that a pipe leads to: its checksum or count. */
  readonly result?: string;
  readonly metrics?: StreamMetrics;
  readonly file?: StreamFile;
  readonly branches?: readonly BranchRecord[];
}

export interface BranchRecord {
  readonly name: string;
  readonly status: StreamStatus;
  readonly bytes_transferred: number;
  /** It stopped reading before the end, on purpose: its command ended with 0. */
  readonly ended_early?: boolean;
  readonly result?: string;
  readonly metrics?: StreamMetrics;
  readonly file?: StreamFile;
  readonly exit_code?: number;
  readonly failure?: string;
}

export interface StreamMetrics {
  readonly total_bytes: number;
  readonly average_speed: number;
  readonly peak_speed: number;
}

/** What stands under its final name. */
export interface StreamFile {
  readonly path: string;
  readonly bytes: number;
  /** Read back from the disk and compared with what was written. */
  readonly verified?: boolean;
}

export type StreamStatus = 'running' | 'passed' | 'failed' | 'stopped';

/** One look at a running stage: a stream, or whatever shows what its steps are doing. */
export interface StreamProgress {
  readonly stage: string;
  readonly elapsed_ms: number;
  readonly steps: readonly StepProgress[];
}

/** A step, or a branch of a tee. */
export interface StepProgress {
  readonly name: string;
  /** `tar cf - {{.source}}`, `tee`, `checksum sha256`. */
  readonly what: string;
  readonly kind: string;
  readonly status: StreamStatus;
  /** Bytes that it has taken in; absent where they do not pass through us. */
  readonly bytes?: number;
  /** What a progress step expects. */
  readonly size?: number;
  /** Of the last seconds. */
  readonly bytes_per_second?: number;
  readonly peak_bytes_per_second?: number;
  readonly eta_ms?: number;
  readonly result?: string;
  /** Of a suite of tests: those that have ended. */
  readonly counts?: TestCounts;
  readonly branches?: readonly StepProgress[];
}

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}
