import type { Result } from '../../core/failure.ts';
import type { Clock, Executor } from '../../core/ports.ts';
import type { JobBroker, Sealer } from '../../core/queue/broker.ts';
import type { WorkerPlace } from '../../core/queue/messages.ts';

/** What a worker needs of the rest of the program. */
export interface WorkerParts {
  readonly clock: Clock;
  readonly broker: JobBroker;
  readonly sealer: Sealer;
  readonly self: WorkerPlace;
  /** Whether a process is gone; undefined when that cannot be told from here. */
  readonly isGone: (process: WorkerPlace['process']) => boolean | undefined;
  /** Where commands of a run are executed. */
  readonly executor: (run: WorkedRun) => Promise<Result<Executor>>;
  /** Folder of a run's files on this machine, absolute; made when it is not there. */
  readonly runFolder: (runId: string) => string;
  /** The folder of a run's commit; made when it is not there. */
  readonly tree: (runId: string, commit: string) => Promise<Result<string>>;
  /** Where jobs run that want the project as it is; absent where they are refused. */
  readonly here?: string;
  /** Removes what is older, of runs that are not among `busy`; says what it was. */
  readonly clean: (olderThanMs: number, busy: readonly string[]) => Promise<readonly string[]>;
  readonly timing: WorkerTiming;
  readonly say: (line: string) => void;
}

/** Milliseconds. */
export interface WorkerTiming {
  /** After so long without a word a worker counts as absent. */
  readonly lockMs: number;
  /** After so long without the queue, or without its producer, a step is ended. */
  readonly leaseMs: number;
}

/** A run of which a worker has steps. */
export interface WorkedRun {
  readonly runId: string;
  readonly folder: string;
  /** Environment variables that its commands do not see. */
  readonly hidden: readonly string[];
}
