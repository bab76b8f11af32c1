import type { DeliveryLog, HookJob } from '../core/deliveries.ts';
import type { Result } from '../core/failure.ts';
import type { Clock, Ids, RunStore } from '../core/ports.ts';
import type { RunRecord } from '../core/run-index.ts';
import type { HookSettings, ServeSettings } from '../core/settings/serve.ts';

/** What the server needs of the rest of the program; filled by the composition root. */
export interface ServerParts {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly version: string;
  readonly settings: ServeSettings;
  /** Resolved. */
  readonly token?: string;
  readonly hooks: Readonly<Record<string, ServedHook>>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly store: Pick<RunStore, 'find' | 'read' | 'follow' | 'index'>;
  readonly documents: RunDocuments;
  readonly deliveries: DeliveryLog;
  readonly launcher: Launcher;
  /** Records of the index that were not read before; see `src/persistence/index-tail.ts`. */
  readonly newRecords: () => Iterable<{ readonly records: readonly RunRecord[]; readonly isFresh: boolean }>;
  readonly machine: Machine;
  readonly log: ServerLog;
}

/** A webhook with its secret. */
export interface ServedHook extends HookSettings {
  readonly name: string;
  readonly key: string;
  readonly isBranchMeant: (branch: string) => boolean;
}

/** Runs as the commands print them with `--json`: one source for both. */
export interface RunDocuments {
  readonly runs: (query: RunsQuery) => Promise<Result<object>>;
  /** `runId` exists. */
  readonly show: (runId: string) => Promise<Result<object>>;
  /** `invalid` when the run has no such stage. */
  readonly logs: (runId: string, stage: string) => Promise<Result<readonly LogPiece[]>>;
  /** The text of a log, safe for a terminal. */
  readonly text: (file: string, lines: number | undefined) => AsyncIterable<string>;
}

export interface RunsQuery {
  readonly limit: number;
  readonly statuses: readonly string[];
  readonly pipeline?: string;
}

/** The log of one command. */
export interface LogPiece {
  /** Absolute. */
  readonly file: string;
  /** What stands above it where there are several. */
  readonly head: string;
  /** Not of the stage itself. */
  readonly isOfStep: boolean;
}

/** Starts runs of webhooks as processes of their own, which outlive this one. */
export interface Launcher {
  /** Whether the pipeline takes these parameters: what `run` would say before it begins. */
  readonly check: (job: HookJob) => Promise<Result<void>>;
  /** Resolves when the run's process has ended. */
  readonly run: (job: HookJob, update: string | undefined) => Promise<LaunchEnd>;
  /** Resolves when no process owns the run any more; undefined when there is no such run. */
  readonly ended: (runId: string) => Promise<void> | undefined;
}

/** How a process that was to run a job ended. */
export interface LaunchEnd {
  /** Of `pipewright run`; absent when it did not come to that. */
  readonly exitCode?: number;
  /** Last words on stderr. */
  readonly detail: string;
}

/** What health and metrics ask of the machine. */
export interface Machine {
  /** Bytes for us on the disk of the state folder. */
  readonly freeBytes: () => Promise<number>;
  /** Whether a file can be made there: undefined, or why not. */
  readonly whyUnwritable: () => Promise<string | undefined>;
  /** When a run last wrote anything, Unix epoch in milliseconds. */
  readonly lastSignMs: (runId: string) => Promise<number>;
  readonly memoryBytes: () => number;
}

/** One line on stderr for each event; text or JSON. */
export type ServerLog = (
  level: 'error' | 'warn' | 'info' | 'debug',
  event: string,
  fields: Readonly<Record<string, string | number | boolean | null>>,
) => void;
