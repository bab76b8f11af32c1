import type { ContainerEngines } from './containers.ts';
import type { ResourceLimits } from './definition.ts';
import type { Evidence, RunEvent, Usage } from './events.ts';
import type { Failure, Result } from './failure.ts';
import type { Hosts } from './hosts.ts';
import type { JsonObject } from './json.ts';
import type { RunState } from './run-state.ts';
import type { RunRecord, StateIndex } from './run-index.ts';

export interface Clock {
  /** Now, ISO 8601 with the zone's offset, milliseconds. */
  readonly now: () => string;
  /** Unix epoch, milliseconds; jumps when the system's clock is set. */
  readonly nowMs: () => number;
  /** Milliseconds since an arbitrary point; never jumps. For durations. */
  readonly monotonicMs: () => number;
  /** False when `signal` aborted first. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<boolean>;
}

export interface Ids {
  /** `YYYYMMDD-HHMMSS-<7>`: of the commit where one is given, otherwise random hex. */
  readonly runId: (nowMs: number, commit?: string) => string;
  /** SHA-256 in hex. */
  readonly sha256: (text: string) => string;
  /** 0 up to, not including, 1. */
  readonly random: () => number;
}

/** Who we are, for records: `user@host`, and this process. */
export interface Identity {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
}

// ---------------------------------------------------------------- executors

/** A command to run, values already bound. */
export interface Command {
  /** Text for `/bin/sh`. Values are read from `env`, never pasted in. */
  readonly script: string;
  /** Added to the environment of the executor. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute, on the executor's machine. */
  readonly workdir: string;
  readonly limits?: ResourceLimits;
  /** Identifies this try inside its run: letters, digits, `.`, `_`, `-`, `@`. Used for recovery after a crash. */
  readonly token: string;
  /**
   * What to do with it when this process dies: let it end by itself within `finish_ms`
   * and kill it then (0: at once), or leave it running for `adopt`.
   */
  readonly orphan: { readonly policy: 'kill'; readonly finish_ms: number } | { readonly policy: 'keep' };
}

/** Where the output of one command goes: a log file, byte for byte, secrets masked. */
export interface CommandOutput {
  /** Absolute path; appended to; created 0600. */
  readonly logFile: string;
  /** Values to mask in it. */
  readonly secrets: readonly string[];
  /** Standard output goes here as well as to the log, up to this many bytes. */
  readonly capture?: { readonly limitBytes: number };
}

/** How a command ended. The same facts whether it succeeded or not. */
export interface CommandOutcome {
  /** Absent when it exited with 0. */
  readonly failure?: Failure;
  readonly exitCode?: number;
  readonly usage?: Usage;
  /** Standard output, where `capture` asked for it; masked. */
  readonly captured?: string;
  readonly capturedTruncated?: boolean;
  /** It began, and whoever ran it is gone: what it did is unknown, as `Recovered` says of a crash of ours. */
  readonly lost?: true;
}

/** What became of a command whose process died watching it. */
export type Recovered =
  /** It never began and, from now on, cannot. */
  | { readonly state: 'never-ran' }
  | { readonly state: 'finished'; readonly outcome: CommandOutcome }
  /** It began and left no exit record. */
  | { readonly state: 'lost'; readonly detail: string };

/** A place that can run commands, opened for one run. Implemented in src/executors. */
export interface Executor {
  readonly name: string;
  /** Where commands start unless they say otherwise, on its machine. Absent: in the project's folder, here. */
  readonly workdir?: string;
  /**
   * Resolves once the command and its children in its process group are gone.
   * Aborting `signal` ends them (TERM, then KILL after a grace) and yields `cancelled`
   * by the signal's reason; expected failures never reject.
   */
  readonly run: (command: Command, output: CommandOutput, signal: AbortSignal) => Promise<CommandOutcome>;
  /** What became of the try `command.token`; waits while it still runs, until `signal` aborts and ends it. */
  readonly recover: (command: Command, output: CommandOutput, signal: AbortSignal) => Promise<Recovered>;
  /** Ends every process of the run that is still there (also those that left their group); says what they were. */
  readonly stopLeftovers: () => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
}

/** Opens executors by context name, once per run. */
export interface Executors {
  /** `invalid` when no such context is declared. */
  readonly open: (context: string) => Promise<Result<Executor>>;
  /** Names that a pipeline may use. */
  readonly contexts: readonly string[];
  /** The machines behind the contexts, over the same connections. */
  readonly hosts: Hosts;
  readonly engines: ContainerEngines;
  /** Ends connections; executors are closed by themselves. */
  readonly close: () => Promise<void>;
}

// ---------------------------------------------------------------- persistence

/** Durable, append-only record of one run. Implemented in src/persistence. */
export interface Journal {
  /**
   * Resolves when the events are on disk (fdatasync; writes that wait are grouped).
   * Rejects with a `JournalError` when they cannot be written; from then on it always rejects.
   */
  readonly append: (events: readonly RunEvent[]) => Promise<void>;
}

/** Thrown by a journal: a run that could not be resumed must not go on. */
export class JournalError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.reason);
    this.name = 'JournalError';
    this.failure = failure;
  }
}

/** A request from another process to the one that owns a run. */
export type RunRequest =
  | {
      readonly type: 'approve' | 'reject' | 'skip';
      readonly stage: string;
      readonly by: string;
      readonly plan_hash: string;
      readonly comment?: string;
    }
  | { readonly type: 'cancel'; readonly by: string };

/** Ownership of one run: only its holder writes. */
export interface RunHandle {
  readonly runId: string;
  /** `state/runs/<id>`, absolute. */
  readonly folder: string;
  readonly journal: Journal;
  /** What the journal held when the run was opened. */
  readonly events: readonly RunEvent[];
  /** Calls back for each request of another process, once; returns the function that stops it. */
  readonly onRequest: (handle: (request: RunRequest) => void) => () => void;
  /** A text file below `artifacts/`; returns its absolute path. */
  readonly writeArtifact: (name: string, text: string) => Promise<string>;
  /** Replaces a file below `artifacts/` that is only of use while the run lives. Not durable; errors are ignored. */
  readonly writeProgress: (name: string, text: string) => Promise<void>;
  /** Appends to `logs/<name>`. */
  readonly appendLog: (name: string, text: string) => Promise<void>;
  /** Write `run.json`. Never needed for correctness; errors are ignored. */
  readonly snapshot: (state: RunState) => Promise<void>;
  readonly release: () => Promise<void>;
}

/** A run as it is on disk, without owning it. */
export interface StoredRun {
  readonly runId: string;
  readonly folder: string;
  readonly events: readonly RunEvent[];
  /** The live process that owns it. */
  readonly owner?: { readonly pid: number; readonly host: string };
  /** Damage in the middle of the journal: what was read up to there is in `events`. */
  readonly damage: readonly { readonly file: string; readonly byte: number; readonly detail: string }[];
  /** An unfinished record at the end, as a crash leaves it; harmless. */
  readonly tornBytes: number;
}

export interface RunStore {
  /** `state-unwritable` when the folder cannot take it. */
  readonly create: (runId: string) => Promise<Result<RunHandle>>;
  /** `run-owned` while a live process holds it, `journal-corrupt`, `state-unwritable`. */
  readonly open: (runId: string) => Promise<Result<RunHandle>>;
  readonly read: (runId: string) => Promise<Result<StoredRun>>;
  /** A full id from an unambiguous prefix or `last`; `run-not-found` lists candidates. */
  readonly find: (query: string) => Promise<Result<string>>;
  /** Leaves a request for the process that owns the run. */
  readonly request: (runId: string, request: RunRequest) => Promise<Result<void>>;
  /** New events as the owner writes them, oldest first, until `signal` aborts or the run's owner ends. */
  readonly follow: (runId: string, fromSeq: number, signal: AbortSignal) => AsyncIterable<RunEvent>;
  readonly index: () => Promise<Result<StateIndex>>;
  /** One durable line in the index; then the snapshot `pipeline.json` is brought up to date. */
  readonly record: (record: RunRecord) => Promise<Result<void>>;
}

/** Results of stages that may be reused. */
export interface StageCache {
  readonly get: (key: string) => Promise<CachedResult | undefined>;
  readonly put: (key: string, result: CachedResult) => Promise<void>;
}

export interface CachedResult {
  readonly run_id: string;
  readonly stored_at: string;
  readonly outputs: JsonObject;
}

/** Looks at the user's files. */
export interface Files {
  /** Hash over names and contents of the files that match; deterministic. */
  readonly fingerprint: (
    root: string,
    globs: readonly string[],
  ) => Promise<{ readonly hash: string; readonly count: number }>;
  /** The last lines of a text file, at most `maxLines`, sanitised for display. */
  readonly tail: (file: string, maxLines: number) => Promise<readonly string[]>;
  readonly size: (file: string) => Promise<number>;
}

// ---------------------------------------------------------------- decisions

/** Evaluates `if:`. Implemented in src/config with a CEL library. */
export interface Conditions {
  /** Awaited before the first of the others, where a pipeline has a condition at all. */
  readonly load?: () => Promise<void>;
  /** `condition-invalid` when it is no CEL, names something unknown or is not a boolean. */
  readonly evaluate: (
    expression: string,
    variables: JsonObject,
  ) => Result<{ readonly value: boolean; readonly read: readonly Evidence[] }>;
  /** Names at the top of the expression that it reads (`params`, `stages`, `changes`, …). */
  readonly reads: (expression: string) => readonly string[];
}

/** Resolves a secret reference at the moment of use. */
export interface Secrets {
  /** Aborting `signal` ends a command that is asked for it. */
  readonly resolve: (name: string, reference: string, signal?: AbortSignal) => Promise<Result<string>>;
}

export type Answer = 'approved' | 'rejected' | 'skipped' | 'nobody';

/** Asks a person at this terminal. */
export interface Prompter {
  /** `nobody` when there is no terminal to ask at; aborting `signal` also yields `nobody`. */
  readonly confirm: (
    question: { readonly stage: string; readonly message: string; readonly details: () => readonly string[] },
    signal: AbortSignal,
  ) => Promise<{ readonly answer: Answer; readonly comment?: string }>;
  /** After a crash in the middle of a step. */
  readonly interrupted: (
    question: { readonly stage: string; readonly step: string; readonly detail: string },
    signal: AbortSignal,
  ) => Promise<'retry' | 'skip' | 'fail' | 'nobody'>;
}
