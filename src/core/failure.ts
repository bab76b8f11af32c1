/**
 * Why a step, a stage or a run did not succeed. Expected outcomes only: a bug throws.
 * JSON-safe and snake_case, so a failure survives the journal and leaves the process unchanged.
 */
export type Failure =
  /** A command ended with another exit code than 0; `tail` holds its last lines. */
  | {
      readonly reason: 'exit-non-zero';
      readonly exit_code: number;
      readonly step?: string;
      readonly tail?: readonly string[];
    }
  /** Exit 127: the shell found no such command. */
  | { readonly reason: 'command-not-found'; readonly step?: string; readonly tail?: readonly string[] }
  /** Exit 126: found, but it may not be executed. */
  | { readonly reason: 'command-not-executable'; readonly step?: string; readonly tail?: readonly string[] }
  /** A command was ended by a signal that we did not send. */
  | {
      readonly reason: 'signal';
      readonly signal: string;
      readonly step?: string;
      readonly tail?: readonly string[];
    }
  /** A limit of the step, of the attempt or of all attempts (`scope`) ran out. */
  | {
      readonly reason: 'timed-out';
      readonly limit_ms: number;
      readonly scope: 'step' | 'attempt' | 'total';
      readonly step?: string;
    }
  /** The kernel ended it at `resources.memory`. */
  | { readonly reason: 'memory-limit'; readonly limit_bytes: number; readonly step?: string }
  /** Stopped for good: Ctrl-C, SIGTERM, or `pipewright cancel`. */
  | { readonly reason: 'cancelled'; readonly by: string }
  /** The process that ran it died; what the step did is unknown. */
  | { readonly reason: 'interrupted'; readonly step?: string; readonly detail: string }
  /** A person said no at a confirmation. */
  | { readonly reason: 'rejected'; readonly by: string; readonly comment?: string }
  /** Nobody answered a confirmation in time, which counts as no. */
  | { readonly reason: 'confirmation-expired'; readonly expired_at: string }
  /** A template value that must not reach a shell; `detail` says which and why. */
  | { readonly reason: 'template-refused'; readonly detail: string }
  /** An `if:` reads what is not there, or does not give true or false. */
  | { readonly reason: 'condition-invalid'; readonly expression: string; readonly detail: string }
  /** A secret's reference could not be resolved, or gave nothing. */
  | { readonly reason: 'secret-unavailable'; readonly name: string; readonly detail: string }
  /** This machine cannot keep a limit of `resources:`, so the command was not started. */
  | { readonly reason: 'limit-unavailable'; readonly detail: string }
  /** Where the command was to run could not be reached. */
  | { readonly reason: 'executor-unreachable'; readonly executor: string; readonly detail: string }
  /** It was reached, but it does not let us in. */
  | { readonly reason: 'authentication'; readonly executor: string; readonly detail: string }
  /** Of a run, or of a stage that runs a pipeline: the stage that failed, and why. */
  | { readonly reason: 'stage-failed'; readonly stage: string; readonly cause?: Failure }
  /** A stage kind's own verdict, in its own words. */
  | { readonly reason: 'reported'; readonly message: string; readonly retryable: boolean }
  /** Undoing did not work either: `cause` says why. */
  | { readonly reason: 'rollback-failed'; readonly stage: string; readonly cause: Failure }
  /** The state folder cannot be written: disk full, read-only, not ours. */
  | { readonly reason: 'state-unwritable'; readonly path: string; readonly detail: string }
  /** A journal was changed or damaged, at this byte of this file. */
  | { readonly reason: 'journal-corrupt'; readonly file: string; readonly byte: number }
  /** Another living process has the run. */
  | { readonly reason: 'run-owned'; readonly run_id: string; readonly pid: number; readonly host: string }
  /** No run, or more than one, has an id that begins so. */
  | { readonly reason: 'run-not-found'; readonly query: string; readonly candidates: readonly string[] }
  /** Too many failures in a row in this environment. */
  | {
      readonly reason: 'locked';
      readonly pipeline: string;
      readonly environment: string;
      readonly consecutive_failures: number;
      readonly since: string;
      /** What a person has to look at, where one run alone has locked it. */
      readonly cause?: string;
    }
  /** The command line or the pipeline asks for something that cannot be; nothing was started. */
  | { readonly reason: 'invalid'; readonly message: string; readonly hint?: string }
  /** A bug, ours or that of a stage kind, with its stack. */
  | { readonly reason: 'unexpected'; readonly message: string; readonly stack?: string };

/** The outcome of an operation that may fail in a way we planned for. */
export type Result<T, F = Failure> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: F };

interface FailureTraits {
  /** Whether another attempt may heal it. */
  readonly retryable: boolean;
  /** What the process that met it exits with; DESIGN section 3. */
  readonly exitCode: number;
  /** The word `retry.on` uses for it. */
  readonly retryClass?: RetryClass;
}

/** What `retry.on` selects where nothing is said. */
export const USUAL_RETRY_CLASSES = ['timeout', 'exit', 'signal', 'unreachable', 'reported'] as const;
/** The classes that `retry.on` selects from. `lost` is only for what may run twice: the first one may still be there. */
export const RETRY_CLASSES = [...USUAL_RETRY_CLASSES, 'lost'] as const;
export type RetryClass = (typeof RETRY_CLASSES)[number];

/** What each reason means to the retry policy and to the shell that called us. */
export const FAILURE_TRAITS: Record<Failure['reason'], FailureTraits> = {
  'exit-non-zero': { retryable: true, exitCode: 1, retryClass: 'exit' },
  'command-not-found': { retryable: false, exitCode: 1 },
  'command-not-executable': { retryable: false, exitCode: 1 },
  signal: { retryable: true, exitCode: 1, retryClass: 'signal' },
  'timed-out': { retryable: true, exitCode: 1, retryClass: 'timeout' },
  'memory-limit': { retryable: false, exitCode: 1 },
  cancelled: { retryable: false, exitCode: 130 },
  interrupted: { retryable: true, exitCode: 1, retryClass: 'lost' },
  rejected: { retryable: false, exitCode: 1 },
  'confirmation-expired': { retryable: false, exitCode: 1 },
  'template-refused': { retryable: false, exitCode: 2 },
  'condition-invalid': { retryable: false, exitCode: 2 },
  'secret-unavailable': { retryable: false, exitCode: 1 },
  'limit-unavailable': { retryable: false, exitCode: 1 },
  'executor-unreachable': { retryable: true, exitCode: 1, retryClass: 'unreachable' },
  authentication: { retryable: false, exitCode: 1 },
  'stage-failed': { retryable: false, exitCode: 1 },
  reported: { retryable: true, exitCode: 1, retryClass: 'reported' },
  'rollback-failed': { retryable: false, exitCode: 1 },
  'state-unwritable': { retryable: false, exitCode: 1 },
  'journal-corrupt': { retryable: false, exitCode: 1 },
  'run-owned': { retryable: false, exitCode: 4 },
  'run-not-found': { retryable: false, exitCode: 2 },
  locked: { retryable: false, exitCode: 4 },
  invalid: { retryable: false, exitCode: 2 },
  unexpected: { retryable: false, exitCode: 1 },
};

/** Turn a thrown value into a failure. The only place where an exception becomes data. */
export function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { reason: 'unexpected', message: String(error) };
  return { reason: 'unexpected', message: error.message, ...(error.stack && { stack: error.stack }) };
}

/** The failure in its own words. */
export function messageOf(failure: Failure): string {
  if ('detail' in failure) return failure.detail;
  return 'message' in failure ? failure.message : failure.reason;
}

/** An expected outcome, and what came of it. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** An expected outcome that is none, and why. */
export function failed(failure: Failure): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure };
}

/** `reported`: a failure in words of our own that another try does not heal. */
export function reported(message: string): ReturnType<typeof failed> {
  return failed({ reason: 'reported', message, retryable: false });
}
