import type { Change, Commit } from '../core/vcs.ts';

/** The commits screen: what of a repository a run is about. */
export interface CommitsState {
  /** The pipeline that runs with the choice. */
  readonly target: string;
  /** The branch that is shown; absent: what is checked out. */
  readonly branch?: string | undefined;
  /** The branch that is checked out. */
  readonly current?: string | undefined;
  readonly branches: readonly string[];
  readonly query: CommitQuery;
  /** Loaded so far, newest first; in front what is not committed yet. */
  readonly entries: readonly CommitEntry[];
  readonly isComplete: boolean;
  readonly isLoading: boolean;
  /** Place of the chosen entry. */
  readonly at: number;
  readonly marked: ReadonlySet<string>;
  /** Where a range began. */
  readonly anchor?: number | undefined;
  /** The last commit that was deployed, or that a run ended well for. */
  readonly deployed?: LastDeploy | undefined;
  /** What `a` marked: the newest of them, and how many. */
  readonly sinceDeploy?: { readonly newest: string; readonly count: number } | undefined;
  /** Of the chosen entry, once it was read. */
  readonly details?: CommitDetails | undefined;
  readonly focus: 'list' | 'diff';
  /** First line of the details that is seen. */
  readonly top: number;
  /** The details have the whole screen. */
  readonly isZoomed: boolean;
}

export interface CommitQuery {
  readonly text: string;
  readonly author: string;
  readonly path: string;
}

export type CommitEntry =
  | { readonly type: 'commit'; readonly id: string; readonly commit: Commit }
  /** Not committed yet: it can be looked at, but no run is about it. */
  | { readonly type: 'uncommitted'; readonly id: 'worktree' | 'staged'; readonly fileCount: number };

export interface CommitDetails {
  readonly id: string;
  readonly changes: readonly Change[];
  /** Of the diff; as it came, made safe when it is drawn. */
  readonly diff: readonly string[];
  readonly isTruncated: boolean;
  /** Why there is none. */
  readonly problem?: string;
}

export const NO_QUERY: CommitQuery = { text: '', author: '', path: '' };

export function chosenEntry({ entries, at }: CommitsState): CommitEntry | undefined {
  return entries[at];
}

/** Places between the anchor of a range and the choice, both included. */
export function rangeOf({ anchor, at }: CommitsState): readonly [number, number] | undefined {
  return anchor === undefined ? undefined : [Math.min(anchor, at), Math.max(anchor, at)];
}

/** Ids that the run would be about: the marked ones, else the chosen one. */
export function chosenIds(state: CommitsState): readonly string[] {
  if (state.marked.size > 0) return [...state.marked];
  const entry = chosenEntry(state);
  return entry?.type === 'commit' ? [entry.id] : [];
}

export interface LastDeploy {
  readonly id: string;
  /** It serves; otherwise nothing was deployed yet, and a run of the pipeline ended well for it. */
  readonly isRelease: boolean;
}

/** Enough of an id to be the only one in a repository of any size. */
const ID_LENGTH = 12;

/** The choice as `--commits` takes it. */
export function commitsText(state: CommitsState): string {
  const { marked, sinceDeploy, deployed } = state;
  const isAll = sinceDeploy !== undefined && sinceDeploy.count === marked.size;
  if (isAll && deployed !== undefined && marked.has(sinceDeploy.newest)) {
    return `${deployed.id.slice(0, ID_LENGTH)}..${sinceDeploy.newest.slice(0, ID_LENGTH)}`;
  }
  return chosenIds(state)
    .map((id) => id.slice(0, ID_LENGTH))
    .join(',');
}
