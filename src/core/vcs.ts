import type { Result } from './failure.ts';

/** A repository that a project lies in. Implemented in src/vcs; every id is a full one. */
export interface Vcs {
  readonly kind: 'git' | 'svn' | 'hg';
  /** Top of the working copy, absolute. */
  readonly root: string;
  /** `A..B`, `id,id` or `last:N` to full ids, oldest first. `invalid` says what is wrong with the request. */
  readonly resolve: (request: string) => Promise<Result<readonly string[]>>;
  /** The commit that is checked out. */
  readonly head: () => Promise<Result<string>>;
  /** Branches by name; `current` is absent on a detached head. */
  readonly branches: () => Promise<Result<{ readonly current?: string; readonly names: readonly string[] }>>;
  /** Newest first. */
  readonly log: (query: LogQuery, signal?: AbortSignal) => Promise<Result<readonly Commit[]>>;
  /** Files that differ between two trees. `lines: false` looks at no contents: faster, no counts, nothing is binary. */
  readonly changes: (
    range: TreeRange,
    options?: { readonly lines?: boolean },
  ) => Promise<Result<readonly Change[]>>;
  /** A unified diff without colours, cut at a line after `maxBytes`. */
  readonly diff: (
    range: TreeRange,
    options: { readonly path?: string; readonly maxBytes: number },
  ) => Promise<Result<{ readonly text: string; readonly truncated: boolean }>>;
  /** Whether `ancestor` is `commit` or comes before it. */
  readonly isAncestor: (ancestor: string, commit: string) => Promise<Result<boolean>>;
  /**
   * Writes every file of a commit below `folder`, an absolute path that holds nothing yet. Of the repository nothing is run,
   * and its working copy and index stay as they are. Submodules and externals are left out.
   */
  readonly exportTree: (commit: string, folder: string, signal?: AbortSignal) => Promise<Result<void>>;
}

export interface LogQuery {
  /** Branch, tag or commit. Default: what is checked out. */
  readonly from?: string;
  /** Only what is not reachable from it: a full id. */
  readonly since?: string;
  readonly skip: number;
  readonly limit: number;
  /** Plain text, not a pattern, in upper or lower case. */
  readonly author?: string;
  /** Plain text in the message, in upper or lower case. */
  readonly text?: string;
  /** Relative to the root; a folder means all in it. */
  readonly path?: string;
}

export interface Commit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly author: string;
  readonly email: string;
  /** ISO 8601 with zone. */
  readonly date: string;
  readonly subject: string;
  readonly body: string;
  /** Branches and tags that point at it. */
  readonly refs: readonly string[];
  /** Files that it changed against its first parent; absent where counting them costs too much. */
  readonly file_count?: number;
}

/**
 * Two trees: `from` is absent for the empty one (a root commit). `to` may also be `staged` (the index)
 * or `worktree` (the files as they are, untracked ones included); `from` then defaults to what is checked out.
 */
export interface TreeRange {
  readonly from?: string;
  readonly to: string;
}

export interface Change {
  /** Relative to the root, with `/`; any character but NUL may be in it. */
  readonly path: string;
  readonly status: 'added' | 'modified' | 'deleted' | 'renamed' | 'copied' | 'type-changed';
  /** Of a renamed or copied file: where it came from. */
  readonly from_path?: string;
  /** Lines; absent for a binary file or a submodule. */
  readonly added?: number;
  readonly deleted?: number;
  readonly is_binary: boolean;
  readonly is_submodule: boolean;
}
