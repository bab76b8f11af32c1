import type { RetryClass } from './failure.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { Amounts } from './resources/amounts.ts';

/**
 * A pipeline as the engine runs it: every default filled in, every file it names read.
 * JSON-safe: it is stored in the journal when a run is created, so that a later edit of the
 * file cannot change a run that has begun. Times are milliseconds, sizes bytes.
 */
export interface PipelineDefinition {
  readonly name: string;
  readonly version?: string;
  readonly description?: string;
  /** Where it was read: absolute path and the SHA-256 of the text (hex). */
  readonly source: { readonly file: string; readonly sha256: string };
  readonly params: Readonly<Record<string, ParameterDefinition>>;
  readonly env: Readonly<Record<string, CommandTemplate>>;
  /** Environment variable name to reference (`env:NAME`, `file:PATH`, `cmd:COMMAND`); never a value. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Commands that may run at the same time in the whole run. */
  readonly max_workers: number;
  readonly stages: readonly StageDefinition[];
  /** Run at the end in order, whatever the outcome was. */
  readonly finally: readonly StageDefinition[];
}

export const PARAMETER_TYPES = ['string', 'int', 'bool', 'path', 'choice', 'list'] as const;
export type ParameterType = (typeof PARAMETER_TYPES)[number];

export interface ParameterDefinition {
  readonly type: ParameterType;
  readonly description?: string;
  readonly required: boolean;
  readonly default?: JsonValue;
  /** Only for `choice`. */
  readonly choices?: readonly string[];
  /** Only for `int`. */
  readonly min?: number;
  readonly max?: number;
  /** A regular expression that a `string` must match as a whole. */
  readonly pattern?: string;
}

/** The context of workers; `--executor queue` is short for it. */
export const QUEUE_CONTEXT = 'queue';

export interface StageDefinition {
  readonly name: string;
  /** The stage kind. */
  readonly uses: string;
  readonly enabled: boolean;
  /** Stage name to the statuses of it that are accepted. */
  readonly needs: Readonly<Record<string, readonly StageStatus[]>>;
  /** CEL; false means skipped. */
  readonly if?: string;
  /** Of each attempt. */
  readonly timeout_ms?: number;
  /** Of all attempts and the waits between them. */
  readonly total_timeout_ms?: number;
  readonly retry: RetryPolicy;
  readonly confirmation?: ConfirmationDefinition;
  /** Steps side by side, at most `max_workers` of them. */
  readonly parallel: boolean;
  readonly max_workers: number;
  readonly cache?: CacheDefinition;
  readonly on_failure: 'stop' | 'continue' | 'rollback';
  readonly on_interrupt: 'ask' | 'retry' | 'keep';
  readonly env: Readonly<Record<string, CommandTemplate>>;
  /** Names out of the pipeline's `secrets` that its commands receive. */
  readonly secrets: readonly string[];
  /** Relative to the project folder. */
  readonly workdir?: string;
  /** Name of the context where its commands run. */
  readonly context: string;
  readonly resources?: ResourceLimits;
  /** What it needs of a host that shares its resources out. */
  readonly asks?: Amounts;
  /** Undo, for `on_failure: rollback` of this or a later stage. */
  readonly rollback: readonly StepDefinition[];
  /** The kind's own keys, validated by its schema. */
  readonly config: JsonObject;
  /** The pipeline that a stage of kind `pipeline` runs, read when the outer one was. */
  readonly pipeline?: PipelineDefinition;
  /** Line of the stage in its file, from 1. */
  readonly line: number;
}

export interface ConfirmationDefinition {
  readonly message?: string;
  /** Unanswered for so long counts as rejected. */
  readonly expires_ms: number;
}

export interface RetryPolicy {
  /** Total number of tries, at least 1. */
  readonly max_attempts: number;
  readonly delay_ms: number;
  readonly backoff: 'fixed' | 'linear' | 'exponential';
  readonly max_delay_ms: number;
  /** Share of the delay that is random, 0 to 1. */
  readonly jitter: number;
  /** Which failures are tried again. */
  readonly on: readonly RetryClass[];
}

export interface CacheDefinition {
  /** Globs, relative to the project folder. The stage's own definition and its values are always part of the key. */
  readonly key: readonly string[];
  readonly ttl_ms?: number;
}

export interface ResourceLimits {
  readonly memory_bytes?: number;
  /** In cores: 1.5 is one and a half. */
  readonly cpus?: number;
}

export interface StepDefinition {
  readonly name: string;
  readonly command: CommandTemplate;
  readonly context?: string;
  readonly env: Readonly<Record<string, CommandTemplate>>;
  readonly workdir?: string;
  readonly timeout_ms?: number;
  /** Standard output (at most 64 KiB, its last newline cut) becomes this variable. */
  readonly variable?: string;
}

/**
 * Text with `{{.name}}` places, compiled so that a value can never become code.
 * As a command, `script` reads each value from an environment variable as one shell word.
 */
export interface CommandTemplate {
  /** As the author wrote it; for display. */
  readonly text: string;
  /** What the shell gets (for a command), or `text` (for an environment value, which no shell sees). */
  readonly script: string;
  readonly values: readonly TemplateValue[];
}

export interface TemplateValue {
  /** Environment variable that carries it, e.g. `PW_VALUE_1`; for an environment value the placeholder's text. */
  readonly variable: string;
  /** Name or dotted path: `source`, `stages.build.outputs.digest`. */
  readonly path: string;
  /** The value begins a shell word, so one that begins with `-` would be read as an option. */
  readonly leads_word: boolean;
  /** `{{raw .name}}`: pasted into the script as code, because its author asked for it. */
  readonly raw: boolean;
}

export const STAGE_STATUSES = [
  'pending',
  'waiting',
  'running',
  'passed',
  'warning',
  'failed',
  'skipped',
  'cancelled',
  'interrupted',
  'rolled_back',
] as const;
export type StageStatus = (typeof STAGE_STATUSES)[number];

export const RUN_STATUSES = [
  'running',
  'waiting',
  'success',
  'warning',
  'failed',
  'rolled_back',
  'cancelled',
  'interrupted',
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
