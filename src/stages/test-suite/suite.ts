import type { JsonObject } from '../../core/json.ts';
import type { StepResult } from '../../core/stage-kind.ts';
import type { StepProgress } from '../../core/stream-report.ts';

/** In the order in which they are shown. */
export const SUITES = ['unit', 'e2e', 'performance', 'security'] as const;
export type SuiteName = (typeof SUITES)[number];

/**
 * What a suite says. `inconclusive`: it was begun and came to no answer. `unmeasured`: nothing was measured,
 * which is neither good nor bad.
 */
export type Verdict = 'passed' | 'failed' | 'inconclusive' | 'unmeasured';

/** JSON-safe: it becomes an output of the stage. */
export type SuiteResult = {
  readonly verdict: Verdict;
  /** What a failure of this suite is to the stage. */
  readonly level: 'critical' | 'warning';
  readonly duration_ms: number;
  /** One sentence; absent when it passed. */
  readonly reason?: string;
  /** Each counts as one warning of the stage. */
  readonly warnings?: readonly string[];
  readonly passed?: number;
  readonly failed?: number;
  readonly skipped?: number;
  /** Names of tests that failed, at most 20. */
  readonly failures?: readonly string[];
  readonly runner?: string;
  readonly coverage_percent?: number;
  readonly scores?: Readonly<Record<string, number | null>>;
  readonly findings?: readonly JsonObject[];
  readonly allowed?: readonly JsonObject[];
};

/** What one look at a running suite shows. */
export type SuiteLook = Pick<StepProgress, 'counts' | 'result'>;

/** A suite that only needs to be started: one command, watched while it runs, judged when it has ended. */
export interface ReadySuite {
  readonly name: SuiteName;
  /** As people see it. */
  readonly text: string;
  /** For /bin/sh, in the stage's folder. */
  readonly script: string;
  readonly kind: 'tests' | 'report';
  readonly timeoutMs?: number;
  readonly look: () => SuiteLook;
  readonly judge: (ended: StepResult) => Promise<SuiteResult>;
}

/** What became of the question whether a suite is run. */
export type PlannedSuite =
  | { readonly state: 'ready'; readonly suite: ReadySuite }
  /** Nothing to run, and why: not in this project, left out by the analysis. */
  | { readonly state: 'absent'; readonly reason: string }
  /** It cannot be run, and that is its result. */
  | { readonly state: 'settled'; readonly result: SuiteResult };

/** Where a suite works and what it leaves. */
export interface SuitePlace {
  /** Folder of the project, or the stage's `workdir` in it; absolute. */
  readonly folder: string;
  /** `artifacts/<stage>` of the run, absolute. */
  readonly reports: string;
  /** Folder of the logs of the run, absolute. */
  readonly logs: string;
  readonly stage: string;
  readonly attempt: number;
  /** Somebody named the suite: what cannot be run is then a failure, otherwise it is unmeasured. */
  readonly isNamed: boolean;
  /** Globs of tests that the analysis leaves out. */
  readonly leaveOut: readonly string[];
  /** Today, YYYY-MM-DD. */
  readonly today: string;
  /** Keeps a text beside the reports; for the artifacts of the run. */
  readonly keep: (name: string, text: string) => Promise<void>;
  readonly now: () => string;
}

/** A suite that cannot be run: failed where somebody asked for it by name, otherwise unmeasured. */
export function cannotRun(
  place: Pick<SuitePlace, 'isNamed'>,
  level: SuiteResult['level'],
  reason: string,
): PlannedSuite {
  return {
    state: 'settled',
    result: { verdict: place.isNamed ? 'failed' : 'unmeasured', level, reason, duration_ms: 0 },
  };
}

/** Failures that say nothing about the tests: it was stopped, or ran out of something. */
export function inconclusiveReason({ failure }: StepResult): string | undefined {
  switch (failure?.reason) {
    case 'timed-out':
      return `it did not end within ${failure.limit_ms / 1000} s`;
    case 'signal':
      return `it was ended by ${failure.signal}`;
    case 'memory-limit':
      return 'it needed more memory than the stage has';
    default:
      return undefined;
  }
}
