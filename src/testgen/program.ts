import type { Result } from '../core/failure.ts';

/** A program to run on this machine: words, not a shell's text. It sees no other variables than these. */
export interface Program {
  readonly args: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** How it ended; a limit that ran out is an outcome, a failure is only that it could not be run or was cancelled. */
export interface ProgramEnd {
  readonly exit_code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timed_out: boolean;
}

export type RunProgram = (program: Program) => Promise<Result<ProgramEnd>>;
