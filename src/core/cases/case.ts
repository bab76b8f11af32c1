import type { Result } from '../failure.ts';

/** What stands in the folder under the name of a case: cheap to see, without looking into it. */
export interface SeenCase {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Inode and birth: another one under the same name is another case. */
  readonly identity: string;
  /** `identity`, times and sizes of the entry itself and of its marker or manifest; not of what lies deeper. */
  readonly stamp: string;
  readonly modified_at_ms: number;
}

/** A name in the folder that cannot be a case, and why. */
export interface RefusedName {
  readonly name: string;
  readonly reason: string;
}

export interface CaseScan {
  readonly cases: readonly SeenCase[];
  readonly refused: readonly RefusedName[];
}

/** A case looked into. */
export interface CaseInspection {
  /** Changes whenever anything in the case does: names, sizes, times. */
  readonly tree: string;
  /** Of its priority file; 0 without one. */
  readonly priority: number;
  /** Why its marker or manifest says that it is not whole. */
  readonly missing?: string;
}

/** The folder where cases arrive. Implemented in src/system. */
export interface CaseFolder {
  /** `reported` when it cannot be read. */
  readonly scan: () => Promise<Result<CaseScan>>;
  /** Undefined when it has gone. */
  readonly inspect: (seen: SeenCase) => Promise<CaseInspection | undefined>;
  /**
   * Removes the marker beside a case that has gone, if it is still the one of `stamp`: a later case of that name would be
   * taken for whole while it is only half there.
   */
  readonly removeMarker: (name: string, stamp: string) => Promise<void>;
  /** Calls back when something may have changed, where the file system tells; returns the function that stops it. */
  readonly onChange: (wake: () => void) => () => void;
}

/** Whose case it is: on disk before its run begins, so that it is run once. */
export interface CaseClaim {
  readonly case: string;
  readonly run_id: string;
  /** `host:state folder`: only watchers with this state folder look after it. */
  readonly holder: string;
  /** ISO 8601: first seen, and taken. */
  readonly found_at: string;
  readonly taken_at: string;
  readonly identity: string;
  readonly stamp: string;
  /** The run has ended; from now on a change of `stamp` makes it a new case. */
  readonly ended?: {
    readonly at: string;
    readonly status: string;
    /** Null: the case was gone from the folder. */
    readonly stamp: string | null;
  };
}

/** Claims of one pipeline on the cases of one folder, kept in the folder itself. Implemented in src/persistence. */
export interface CaseClaims {
  readonly list: () => Promise<Result<ReadonlyMap<string, CaseClaim>>>;
  /** False when another one has claimed it in the meantime. Durable when it resolves. */
  readonly take: (claim: CaseClaim) => Promise<Result<boolean>>;
  /** Replaces our own. Durable when it resolves. */
  readonly replace: (claim: CaseClaim) => Promise<Result<void>>;
  readonly remove: (claim: CaseClaim) => Promise<Result<void>>;
}
