/** A run that a webhook asked for. What came with it is data: names of parameters are those of our settings. */
export interface HookJob {
  /** Chosen when the delivery was accepted; the run has it too. */
  readonly run_id: string;
  readonly hook: string;
  readonly pipeline: string;
  readonly environment?: string;
  readonly params: Readonly<Record<string, string>>;
  readonly branch?: string;
  readonly commit?: string;
}

/** One line of `state/serve/deliveries.ndjson`. */
export type DeliveryRecord =
  | {
      readonly type: 'accepted';
      readonly at: string;
      /** Each of them alone tells that it came before: the sender's id, the hash of what was signed. */
      readonly keys: readonly string[];
      readonly job: HookJob;
    }
  | { readonly type: 'started'; readonly at: string; readonly run_id: string }
  | {
      /** Nothing more is to be done for it. */
      readonly type: 'ended';
      readonly at: string;
      readonly run_id: string;
      /** `superseded`: a newer one for the same branch took its place. `refused`: it could not be started. */
      readonly outcome: 'finished' | 'superseded' | 'refused';
      /** Of `pipewright run`. */
      readonly exit_code?: number;
      /** Its last words. */
      readonly detail?: string;
    };

/** Deliveries as they are on disk: what was accepted survives a crash, and what came twice is known. */
export interface DeliveryLog {
  /** What was there when it was opened, oldest first. */
  readonly records: readonly DeliveryRecord[];
  /** Durable when it resolves. Rejects with errors of the operating system. */
  readonly append: (record: DeliveryRecord) => Promise<void>;
  readonly close: () => void;
}
