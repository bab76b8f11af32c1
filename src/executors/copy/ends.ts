import type { Failure } from '../../core/failure.ts';

/** Copies are compared and taken up again in blocks of this size. */
export const BLOCK_BYTES = 4 * 1024 * 1024;

/** An expected obstacle inside a copy; `copyFile` turns it into its failure. */
export class CopyObstacle extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.reason);
    this.name = 'CopyObstacle';
    this.failure = failure;
  }
}

/** To be thrown: the copy cannot be made, for this reason. */
export function refuse(message: string, retryable = false): CopyObstacle {
  return new CopyObstacle({ reason: 'reported', message, retryable });
}

/** A file that is read, wherever it lies. Everything rejects with `CopyObstacle`. */
export interface SourceFile {
  /** For messages: `prod:/backups/a.tgz`. */
  readonly label: string;
  readonly size: number;
  readonly mode: number;
  /** So many blocks may be read side by side. */
  readonly lanes: number;
  /** Exactly `length` bytes. */
  readonly read: (offset: number, length: number) => Promise<Buffer>;
  /** Of the whole file, hex. */
  readonly sha256: () => Promise<string>;
  /** Of its first `count` blocks, hex. */
  readonly blockHashes: (count: number) => Promise<readonly string[]>;
  readonly close: () => Promise<void>;
}

/** What is there before a copy begins. */
export interface Earlier {
  /** SHA-256 of the file under its final name, where it has the right size already. */
  readonly whole?: string | undefined;
  /** SHA-256 of each block of what an earlier try left. */
  readonly blocks: readonly string[];
}

/** A file that is written beside its final name (`.part`) and takes it at the end. */
export interface SinkFile {
  readonly label: string;
  readonly lanes: number;
  /** Makes the folder and the `.part`, looks at what is there. */
  readonly begin: (size: number) => Promise<Earlier>;
  readonly write: (offset: number, bytes: Buffer, onBytes: (count: number) => void) => Promise<void>;
  /** The file is there already: takes the `.part` away again. */
  readonly discard: () => Promise<void>;
  /** Compares what was written with `sha256` and gives it its name. */
  readonly finish: (file: { size: number; mode: number; sha256: string }) => Promise<void>;
  readonly close: () => Promise<void>;
}
