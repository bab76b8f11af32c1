import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Both ends of a pipe of the kernel. */
export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/**
 * Real pipes, made before any process is started. Node can only give a child a socket pair, which
 * cannot be opened as /dev/stdin, or hand over what it has begun to read itself: bytes were lost.
 * Takes about 2 ms; nothing is left on the disk. Throws the errno error of the obstacle.
 */
export function makePipes(count: number): readonly Pipe[] {
  if (count === 0) return [];
  const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-'));
  try {
    const names = Array.from({ length: count }, (_, index) => path.join(folder, String(index)));
    execFileSync('mkfifo', ['-m', '600', ...names], { stdio: ['ignore', 'ignore', 'pipe'] });
    return names.map(openBothEnds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Opening one end alone would wait for the other for ever. */
function openBothEnds(name: string): Pipe {
  const opener = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const writeFd = openSync(name, constants.O_WRONLY);
    return { writeFd, readFd: openSync(name, constants.O_RDONLY) };
  } finally {
    closeSync(opener);
  }
}
