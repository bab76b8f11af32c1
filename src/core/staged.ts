import type { Result } from './failure.ts';

/** A file as the next commit would have it. */
export interface StagedFile {
  /** Relative to the top of the repository, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Undefined when it is too large to be read, and for what is no file. */
  readonly text: Buffer | undefined;
  /** As it is in the last commit; undefined for a new file. */
  readonly before: Buffer | undefined;
}

/** One thing that is wrong with what is about to be committed. */
export interface Finding {
  readonly severity: 'block' | 'warn';
  readonly rule: 'secret' | 'env-file' | 'not-parsable' | 'large-file';
  readonly path: string;
  /** From 1; absent for a whole file. */
  readonly line?: number;
  /** Never holds the secret. */
  readonly message: string;
}

/** The hooks that Pipewright can be. */
export const HOOKS = ['pre-commit', 'pre-push'] as const;
export type HookName = (typeof HOOKS)[number];

/** What was done with one hook. */
export interface HookChange {
  readonly hook: HookName;
  readonly file: string;
  readonly outcome: 'installed' | 'updated' | 'removed' | 'absent' | 'foreign';
  /** A hook that was there before: runs first, or is back in its place. */
  readonly before?: string;
}

/** The hooks of the repository around a folder, and what is about to be committed there. */
export interface GitHooks {
  readonly install: (hooks: readonly HookName[]) => Promise<Result<readonly HookChange[]>>;
  readonly uninstall: () => Promise<Result<readonly HookChange[]>>;
  /** `indexFile`: what git names in GIT_INDEX_FILE, for `git commit FILE` and `-a`. */
  readonly findings: (indexFile: string | undefined) => Promise<Result<readonly Finding[]>>;
}
