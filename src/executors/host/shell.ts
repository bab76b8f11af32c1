import type { Readable, Writable } from 'node:stream';
import type { Result } from '../../core/failure.ts';

/** How a shell ended. */
export interface ShellEnd {
  /** Undefined when a signal ended it, or nobody knows. */
  readonly code?: number | undefined;
  /** `SIGTERM` */
  readonly signal?: string | undefined;
  /** Why nobody knows: the link broke. */
  readonly lost?: string | undefined;
}

/** One shell that runs somewhere and reads its script from standard input (script-line.ts). */
export interface ShellProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Once it has ended and its output is all there. */
  readonly ended: Promise<ShellEnd>;
  /** To its whole process group. */
  readonly kill: (signal: 'TERM' | 'KILL') => void;
}

export type StartShell = () => Promise<Result<ShellProcess>>;

/** Output of something that a script left running does not hold up its end for longer than this without a byte. */
export const LINGER_MS = 2000;
