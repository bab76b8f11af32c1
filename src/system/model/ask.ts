import type { Failure } from '../../core/failure.ts';
import type { ModelAnswer } from '../../core/model.ts';
import type { ModelSettings } from '../../core/settings/testgen.ts';
import type { Http } from '../../core/stage-ports.ts';

/** A question as it is sent: within its limits, keys left out. */
export interface Question {
  readonly system: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly apiKey?: string;
}

/** What a provider works with. */
interface Place {
  readonly model: ModelSettings;
  readonly http: Http;
  readonly project: string;
  /** Of a program. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What came of one try; `again`: another one soon may fare better. */
export type Asked =
  | { readonly ok: true; readonly answer: ModelAnswer }
  | {
      readonly ok: false;
      readonly failure: Failure;
      readonly again: boolean;
      /** What the provider asks for, milliseconds. */
      readonly retryAfterMs?: number;
    };

export type Ask = (question: Question, place: Place) => Promise<Asked>;

/** A failure in our own words that another try does not heal. */
export function refused(message: string): Asked {
  return { ok: false, failure: { reason: 'reported', message, retryable: false }, again: false };
}
