import type { PipelineDefinition, RunStatus, StageStatus } from './definition.ts';
import type { Failure } from './failure.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { Amounts } from './resources/amounts.ts';
import type { StageSettings } from './settings/index.ts';

/**
 * A fact about a run, in the past tense. Appended once, never changed.
 * The journal stores events; the store and the reporters fold them: replaying a journal
 * rebuilds the same state. These objects leave the process as they are (`--output json`).
 */
export type RunEvent =
  | RunCreated
  | RunResumed
  | RunWaiting
  | RunInterrupted
  | RunFinished
  | CancelRequested
  | StageDecided
  | StageStarted
  | StagePlaced
  | StageRetried
  | StageFinished
  | StageReset
  | StepStarted
  | StepFinished
  | ConfirmationRequested
  | ConfirmationAnswered
  | RollbackStarted
  | RollbackFinished
  | InterruptionAnswered
  | LeftoversStopped;

interface EventBase {
  /** Position in this run's log, from 0, without gaps. */
  readonly seq: number;
  /** ISO 8601 with zone. */
  readonly at: string;
  readonly run_id: string;
}

/** The first event: all that the run is about, so that nothing else has to be read to continue it. */
export interface RunCreated extends EventBase {
  readonly type: 'run.created';
  /** Version of this event format. */
  readonly format: 1;
  readonly pipeline: string;
  readonly definition: PipelineDefinition;
  readonly params: JsonObject;
  readonly environment: string;
  /** What started it: `manual`, `continue`, a hook, a queue. */
  readonly trigger: string;
  /** Who: user@host. */
  readonly by: string;
  readonly commits: readonly string[];
  readonly selection: Selection;
  /** SHA-256 (hex) over definition, params, environment, commits and selection: what a confirmation is bound to. */
  readonly plan_hash: string;
  readonly project: string;
  /** Where commands run unless a stage says otherwise. */
  readonly context: string;
  /** `--yes`: confirmations are answered by the command line. */
  readonly assume_yes: boolean;
  /** Sections of pipewright.yaml as they were; absent in journals of versions that had none. */
  readonly settings?: StageSettings;
}

/** `--skip`, `--only`, `--from`: stage names. */
export interface Selection {
  readonly skip: readonly string[];
  readonly only: readonly string[];
  readonly from?: string;
}

/** Another process (or a later one) took the run over. */
export interface RunResumed extends EventBase {
  readonly type: 'run.resumed';
  readonly by: string;
  readonly pid: number;
  readonly assume_yes: boolean;
}

/** The run cannot go on before somebody answers; its process ends with exit code 3. */
export interface RunWaiting extends EventBase {
  readonly type: 'run.waiting';
  readonly status: 'waiting';
  readonly stages: readonly string[];
  /** Of this process's part of the run. */
  readonly duration_ms: number;
}

/** Its process ended on purpose with stages still open: a signal, a closed terminal, a full disk. */
export interface RunInterrupted extends EventBase {
  readonly type: 'run.interrupted';
  readonly status: 'interrupted';
  readonly cause: string;
  /** Of this process's part of the run. */
  readonly duration_ms: number;
}

/** The last event of a run, unless `continue` or `rerun` opens it again. */
export interface RunFinished extends EventBase {
  readonly type: 'run.finished';
  readonly status: Exclude<RunStatus, 'running' | 'waiting' | 'interrupted'>;
  /** Of all parts together; the time between them, when no process ran it, is not in it. */
  readonly duration_ms: number;
  readonly exit_code: number;
  readonly failure?: Failure;
}

/** Somebody asked to stop the run for good. */
export interface CancelRequested extends EventBase {
  readonly type: 'cancel.requested';
  readonly by: string;
}

/** Why a stage runs, or does not. The record that `why` prints. */
export interface Decision {
  readonly action: 'run' | 'skip' | 'reuse' | 'wait';
  /** Short id of the rule: `needs-met`, `condition-false`, `disabled`, `not-selected`, `need-unmet`, `cache-hit`, … */
  readonly rule: string;
  readonly reason: string;
  readonly evidence: readonly Evidence[];
  /** What would have to be different for the opposite decision. */
  readonly would_flip?: string;
}

/** One value that was looked at. */
export interface Evidence {
  readonly name: string;
  readonly value: JsonValue;
}

/** A rule said whether the stage runs; a later one of the same stage replaces it. */
export interface StageDecided extends EventBase {
  readonly type: 'stage.decided';
  readonly stage: string;
  readonly decision: Decision;
}

/** An attempt of the stage begins. */
export interface StageStarted extends EventBase {
  readonly type: 'stage.started';
  readonly stage: string;
  readonly kind: string;
  /** Its kind can undo what it does. */
  readonly undoable?: true;
  /** From 1. */
  readonly attempt: number;
  readonly max_attempts: number;
}

/** A host was found for an attempt, and what it asks for is held there. */
export interface StagePlaced extends EventBase {
  readonly type: 'stage.placed';
  readonly stage: string;
  readonly attempt: number;
  readonly context: string;
  /** It was picked out of this group. */
  readonly group?: string;
  /** Its name on the host. */
  readonly lease: string;
  /** What the lease holds; sizes are bytes. */
  readonly resources: Amounts;
  /** Numbers of the graphics processors that are meant. */
  readonly gpus?: readonly number[];
}

/** An attempt failed, and another one follows after `delay_ms`. */
export interface StageRetried extends EventBase {
  readonly type: 'stage.retried';
  readonly stage: string;
  /** The attempt that failed. */
  readonly attempt: number;
  readonly max_attempts: number;
  readonly failure: Failure;
  readonly delay_ms: number;
  readonly duration_ms: number;
}

/** The stage is over, as far as this process is concerned. */
export interface StageFinished extends EventBase {
  readonly type: 'stage.finished';
  readonly stage: string;
  readonly status: Extract<
    StageStatus,
    'passed' | 'warning' | 'failed' | 'skipped' | 'cancelled' | 'interrupted'
  >;
  /** 0 when it never started. */
  readonly attempt: number;
  /** Work: from the first start to the end, without the waits below. */
  readonly duration_ms: number;
  /** Between attempts, for a free worker and for answers. */
  readonly wait_ms: number;
  readonly failure?: Failure;
  readonly warnings: readonly string[];
  /** What later stages and conditions may read. */
  readonly outputs: JsonObject;
  /** The result was taken from the cache. */
  readonly cached: boolean;
}

/** Open again: chosen by `rerun`, or downstream of a chosen one. */
export interface StageReset extends EventBase {
  readonly type: 'stage.reset';
  readonly stage: string;
  readonly by: string;
  readonly reason: string;
}

/** A command is about to begin: on disk before it does. */
export interface StepStarted extends EventBase {
  readonly type: 'step.started';
  readonly stage: string;
  readonly step: string;
  readonly attempt: number;
  /** Position in its stage, from 1. */
  readonly index: number;
  /** Steps of its stage. */
  readonly total: number;
  /** As its author wrote it, values not filled in. */
  readonly command: string;
  readonly context: string;
  /** Relative to the run's folder. */
  readonly log: string;
  /** Identifies this try to the executor, for recovery after a crash. */
  readonly token: string;
}

/** A command has ended. */
export interface StepFinished extends EventBase {
  readonly type: 'step.finished';
  readonly stage: string;
  readonly step: string;
  readonly attempt: number;
  readonly duration_ms: number;
  readonly exit_code?: number;
  readonly failure?: Failure;
  readonly usage?: Usage;
  /** Bytes in its log. */
  readonly log_bytes: number;
  /** Captured standard output, where the step asked for it. */
  readonly variable?: { readonly name: string; readonly value: string };
  /** Of a task: what it found or made. */
  readonly outputs?: JsonObject;
  /** It ended while no Pipewright process watched; its exit record was read later. */
  readonly adopted: boolean;
}

/** What a command and its children used, as far as the system tells. */
export interface Usage {
  readonly cpu_user_ms?: number;
  readonly cpu_system_ms?: number;
  /** Peak resident memory of the whole process tree. */
  readonly peak_memory_bytes?: number;
}

/** The stage waits for a person. */
export interface ConfirmationRequested extends EventBase {
  readonly type: 'confirmation.requested';
  readonly stage: string;
  readonly message: string;
  readonly plan_hash: string;
  readonly expires_at: string;
}

/** Somebody, or the clock, answered. */
export interface ConfirmationAnswered extends EventBase {
  readonly type: 'confirmation.answered';
  readonly stage: string;
  readonly answer: 'approved' | 'rejected' | 'skipped';
  readonly by: string;
  /** `terminal`, `command`, `--yes`, `expiry`. */
  readonly via: string;
  readonly comment?: string;
  readonly plan_hash: string;
}

/** Stages are about to be undone. */
export interface RollbackStarted extends EventBase {
  readonly type: 'rollback.started';
  /** Stages to undo, in the order of undoing. */
  readonly stages: readonly string[];
  /** The stage whose failure it answers. */
  readonly cause: string;
  /** Who asked for it; absent when `on_failure: rollback` did. */
  readonly by?: string;
}

/** One stage was undone, or could not be. */
export interface RollbackFinished extends EventBase {
  readonly type: 'rollback.finished';
  readonly stage: string;
  readonly failure?: Failure;
  readonly duration_ms: number;
}

/** What a person said about a step whose outcome a crash left unknown. */
export interface InterruptionAnswered extends EventBase {
  readonly type: 'interruption.answered';
  readonly stage: string;
  readonly answer: 'retry' | 'skip' | 'fail';
  readonly by: string;
}

/** Processes that outlived their steps were ended. */
export interface LeftoversStopped extends EventBase {
  readonly type: 'leftovers.stopped';
  readonly count: number;
  readonly commands: readonly string[];
}

/** An event before the log has stamped it. */
export type Draft<E extends RunEvent = RunEvent> = E extends RunEvent ? Omit<E, keyof EventBase> : never;
