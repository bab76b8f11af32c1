import { statfsSync } from 'node:fs';
import path from 'node:path';
import type { PumpFailure, PumpNode } from '../pump-spec.ts';
import type { Exit, RunningCommand } from './command.ts';

const CODES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user on the disk is used up',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  EISDIR: 'there is a folder of that name',
  EMFILE: 'too many open files (`ulimit -n`)',
  ENFILE: 'too many open files in the whole system',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'the disk reports an error',
  EFBIG: 'the file would be larger than the system allows (`ulimit -f`)',
  EAGAIN: 'no more processes are allowed for this user (`ulimit -u`)',
  E2BIG: 'the values passed to it are larger than the system allows',
  ENOMEM: 'not enough memory',
};

/** An errno error in words. A bug is thrown on. */
export function words(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) throw error;
  return CODES[String(error.code)] ?? `${String(error.code)}: ${error.message}`;
}

/** It cannot be written. */
export function fileFailure(node: PumpNode, file: string, error: unknown): PumpFailure {
  return { node: node.name, kind: 'file', message: `cannot write ${file}: ${words(error)}` };
}

/** Why a command counts as failed; undefined when it does not. SIGPIPE is for the caller to judge. */
export function exitFailure(
  node: PumpNode,
  exit: Exit,
  command: RunningCommand,
  outputFile: string | undefined,
): PumpFailure | undefined {
  const tail = [...command.tail];
  if (exit.obstacle !== undefined) {
    const known = exit.obstacle === 'ENOENT' ? `the folder ${node.folder} does not exist` : undefined;
    const message = `could not be started: ${known ?? CODES[exit.obstacle] ?? exit.obstacle}`;
    return { node: node.name, kind: 'start', message };
  }
  if (exit.signal !== undefined) {
    return {
      node: node.name,
      kind: 'signal',
      message: `was ended by ${exit.signal}`,
      signal: exit.signal,
      tail,
    };
  }
  if (exit.code === 0) return undefined;
  const why =
    outputFile !== undefined && isFull(outputFile) ? `; the disk that holds ${outputFile} is full` : '';
  return {
    node: node.name,
    kind: 'exit',
    message: `exited with ${exit.code}${why}`,
    exit_code: exit.code ?? 1,
    tail,
  };
}

/** Less than one block of a usual file system is free. */
const FULL_BYTES = 4096;

function isFull(file: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(path.dirname(file));
    return bavail * bsize < FULL_BYTES;
  } catch {
    return false;
  }
}
