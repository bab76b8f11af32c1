import type { Result } from '../failure.ts';
import type { Clock } from '../ports.ts';
import type { JobBroker, Sealer } from './broker.ts';

/** How the steps of a run get to workers. */
export interface QueueLink {
  readonly clock: Clock;
  /** Opened when the first step goes there, and once. */
  readonly open: () => Promise<Result<OpenQueue>>;
  readonly tree: 'commit' | 'here';
  /** The commit that workers prepare; fails where there is none, or files differ from it. */
  readonly commit: () => Promise<Result<string>>;
  readonly timing: {
    /** A job that waited longer is refused. */
    readonly expiresMs: number;
    /** Longest that an outage of the queue is waited for. */
    readonly patienceMs: number;
    /** After so long without us a step is ended. */
    readonly leaseMs: number;
    /** After so long without a word we count as absent. */
    readonly lockMs: number;
  };
  /** For a person, on the terminal. */
  readonly say: (line: string) => void;
}

/** A queue that can be used. */
export interface OpenQueue {
  readonly broker: JobBroker;
  readonly sealer: Sealer;
  readonly close: () => Promise<void>;
}
