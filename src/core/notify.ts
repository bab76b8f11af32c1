import type { RunStatus, StageStatus } from './definition.ts';
import type { Failure } from './failure.ts';
import type { NotifySettings } from './settings/notify.ts';

/** What somebody may want to hear of. */
export type NoticeEvent = NotifySettings['on'][number];

/** How a run ended, for people who did not watch. JSON-safe: a webhook gets it as it is. */
export interface Notice {
  /** The one that says most; `test` when somebody only wants to know whether notices arrive. */
  readonly event: NoticeEvent | 'test';
  /** Everything that it is: a run that was rolled back has failed, too. */
  readonly events: readonly (NoticeEvent | 'test')[];
  readonly project: string;
  readonly pipeline: string;
  readonly environment: string;
  readonly run_id: string;
  readonly status: RunStatus;
  readonly trigger: string;
  readonly by: string;
  readonly commits: readonly string[];
  readonly started_at?: string;
  readonly finished_at?: string;
  readonly duration_ms?: number;
  /** Stages that did not pass, in order; those that wait for an answer among them. */
  readonly stages: readonly NoticeStage[];
  readonly failure?: Failure;
  /** Of the pipeline in this environment, where it is locked now. */
  readonly consecutive_failures?: number;
}

export interface NoticeStage {
  readonly name: string;
  readonly status: StageStatus;
  readonly failure?: Failure;
  /** What it asks. */
  readonly question?: string;
}

/** What became of a notice on one way. */
export interface Delivery {
  readonly channel: 'command' | 'webhook' | 'email';
  readonly ok: boolean;
  readonly tries: number;
  readonly duration_ms: number;
  /** Why it did not arrive; no secret is in it. */
  readonly detail?: string;
}

/** Tells people. Implemented in src/system. */
export interface Notifier {
  /**
   * Sends the notice on every way that the settings name; resolves when each has worked or was given up. Never rejects:
   * what fails is recorded beside the run and changes nothing else. Aborting `signal` gives up what is under way.
   */
  readonly send: (
    notice: Notice,
    settings: NotifySettings,
    signal: AbortSignal,
  ) => Promise<readonly Delivery[]>;
}
