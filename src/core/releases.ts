import type { Result } from './failure.ts';

/** What makes a service run: restored as a whole, never in parts. DESIGN section 5, promise 9. */
export interface RollbackUnit {
  /** `sha256:…` of an image, or the id of a release folder. */
  readonly digest: string;
  /** What it is called on the host: `app:abc1234`, or the folder. */
  readonly reference: string;
  /** Variables of the service as they were. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables that are references, resolved when it starts. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** The compose file's text where there is one. */
  readonly compose?: string;
}

/** One deploy of one service to one environment. */
export interface ServiceRelease extends RollbackUnit {
  /** The run that deployed it. */
  readonly run_id: string;
  readonly service: string;
  readonly environment: string;
  readonly commit: string;
  /** It was built from files that are in no commit: nothing can be compared with it. */
  readonly is_dirty?: boolean;
  readonly hosts: readonly string[];
  readonly runtime: 'compose' | 'container' | 'process';
  readonly deployed_at: string;
  /**
   * `healthy` after its watchdog; `deployed` until then; `failed`, `rolled_back`: it must not be a target.
   */
  readonly verdict: 'deployed' | 'healthy' | 'failed' | 'rolled_back';
  /** The schema moved with it: going back over it is not done unasked. */
  readonly has_migration: boolean;
}

/** The same thing runs: going from one to the other would change nothing. */
export function isSameUnit(a: RollbackUnit, b: RollbackUnit): boolean {
  return a.digest === b.digest && JSON.stringify(a.env) === JSON.stringify(b.env) && a.compose === b.compose;
}

/** What `rollback-registry.json` says of one service in one environment. */
export interface ServiceHistory {
  readonly current?: ServiceRelease;
  readonly previous?: ServiceRelease;
  readonly last_healthy?: ServiceRelease;
  /** Newest first, at most 20. */
  readonly releases: readonly ServiceRelease[];
  /** Commits that were rolled back from: deploying one again needs a word. */
  readonly bad_commits: readonly string[];
}

/** `state/rollback-registry.json`. Implemented in src/persistence; safe with several writers. */
export interface ReleaseStore {
  readonly read: (environment: string, service: string) => Promise<Result<ServiceHistory>>;
  /** Every service that the environment knows. */
  readonly services: (environment: string) => Promise<Result<readonly string[]>>;
  /** Adds a release, or replaces the one with the same run and service. */
  readonly record: (release: ServiceRelease) => Promise<Result<void>>;
  readonly markBad: (environment: string, service: string, commit: string) => Promise<Result<void>>;
}
