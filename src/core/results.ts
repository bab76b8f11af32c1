import type { Failure, Result } from './failure.ts';

/** What came of bringing rows to the database of results. */
export interface ResultsDelivery {
  /** Runs that were written now. */
  readonly delivered: number;
  /** Runs that the database has not, or not to their end so far; those that run just now are not counted. */
  readonly pending: number;
  /** Why some are pending. */
  readonly failure?: Failure;
}

/** The database that `results` of pipewright.yaml names. */
export interface ResultsDesk {
  /** Brings what is owed; never longer than some seconds. */
  readonly deliver: () => Promise<ResultsDelivery>;
  /** Whether it answers and lets us in. Makes nothing there. */
  readonly look: () => Promise<Result<{ readonly place: string; readonly version: string }>>;
}
