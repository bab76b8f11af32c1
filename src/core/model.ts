import type { Failure, Result } from './failure.ts';

/** One question to a language model. */
export interface ModelRequest {
  /** What the model is told about its task; never holds anything that a commit or file says. */
  readonly system: string;
  /** The question, with whatever it is about. Text that looks like a key is left out before it is sent. */
  readonly prompt: string;
  /** Default, and at most: what the settings say. */
  readonly max_tokens?: number;
  /** Default, and at most: what the settings say. */
  readonly timeout_ms?: number;
  readonly signal: AbortSignal;
}

/** What it said. Untrusted text: parse it with a schema, never run it unasked, never show it unsanitised. */
export interface ModelAnswer {
  readonly text: string;
  /** Absent where the provider does not count. */
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  /** Which model answered, or the program's name. */
  readonly model: string;
}

/** The language model of one run, if the project has one. Implemented in src/system. */
export interface Model {
  /** False without a provider: `complete` then always fails, and nothing leaves the machine. */
  readonly isConfigured: boolean;
  /** Who gets the prompts, for people: `the program ollama`, `claude-… at api.anthropic.com`, `nobody`. */
  readonly recipient: string;
  /**
   * Tries again by itself where the provider is busy or away. Fails with `authentication`, `secret-unavailable`,
   * `executor-unreachable`, `timed-out`, `cancelled`, or `reported`: over the budget, refused, cut off, no answer
   * that can be read. Every try is counted and noted in the run's `logs/model.ndjson`, without its text.
   */
  readonly complete: (request: ModelRequest) => Promise<Result<ModelAnswer>>;
}

/** Why a model gave no answer, in a few words. */
export function describeModelFailure(failure: Failure): string {
  if ('message' in failure) return failure.message;
  return 'detail' in failure ? `${failure.reason}: ${failure.detail}` : failure.reason;
}
