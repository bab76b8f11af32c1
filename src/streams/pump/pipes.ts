import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Both ends of a pipe of the kernel. */
export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/** File descriptors 3 to 9: a shell need not know more of them. */
const PER_SHELL = 7;
/** What a here-document leaves in its pipe. */
const LEFT_IN_PIPE = 'x\n';

/**
 * Real pipes, made before any process is started. Node can only give a child a socket pair, which
 * cannot be opened as /dev/stdin, or hand over what it has begun to read itself: bytes were lost.
 * On Linux they have no name: whoever opens one as /dev/stdin after its writer has ended sees its end, where a
 * named one makes him wait for another writer for ever (fifo(7)). Elsewhere they are named ones whose name is gone.
 * Takes a few milliseconds; nothing is left on the disk. Throws the errno error of the obstacle.
 */
export async function makePipes(
  count: number,
  system: NodeJS.Platform = process.platform,
): Promise<readonly Pipe[]> {
  if (count === 0) return [];
  return (system === 'linux' ? await unnamedPipes(count) : undefined) ?? namedPipes(count);
}

/** Undefined where there is no /proc, or where the shell does not put here-documents into pipes. */
async function unnamedPipes(count: number): Promise<readonly Pipe[] | undefined> {
  const shells = Array.from({ length: Math.ceil(count / PER_SHELL) }, (_, index) =>
    pipesOfShell(Math.min(PER_SHELL, count - index * PER_SHELL)),
  );
  const found = await Promise.all(shells);
  const pipes = found.flat();
  if (found.every((some) => some.length > 0)) return pipes;
  for (const { readFd, writeFd } of pipes) {
    closeSync(readFd);
    closeSync(writeFd);
  }
  return undefined;
}

/**
 * Pipes that a shell makes for here-documents, opened once more by us while it holds them. It has ended when
 * they are given back, so that nobody else keeps one open. Empty when it could not.
 */
function pipesOfShell(count: number): Promise<readonly Pipe[]> {
  const fds = Array.from({ length: count }, (_, index) => index + 3);
  const script = [...fds.map((fd) => `exec ${fd}<<E\nx\nE`), 'echo; read line', ''].join('\n');
  const shell = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const pipes: Pipe[] = [];
  return new Promise((resolve) => {
    shell.stdout.once('data', () => {
      pipes.push(...openAll(fds.map((fd) => `/proc/${shell.pid}/fd/${fd}`)));
      shell.stdin.end();
    });
    shell.stdin.on('error', () => undefined);
    shell.once('error', () => resolve([]));
    shell.once('exit', () => resolve(pipes));
  });
}

function openAll(names: readonly string[]): readonly Pipe[] {
  const pipes: Pipe[] = [];
  try {
    for (const name of names) pipes.push(openBothEnds(name));
    const isEach = pipes.every(({ readFd }) => fstatSync(readFd).isFIFO() && isEmptied(readFd));
    if (isEach) return pipes;
  } catch {
    // Not ours to open: the caller has another way.
  }
  for (const { readFd, writeFd } of pipes) {
    closeSync(readFd);
    closeSync(writeFd);
  }
  return [];
}

function isEmptied(fd: number): boolean {
  const bytes = Buffer.alloc(LEFT_IN_PIPE.length);
  return readSync(fd, bytes) === bytes.length && bytes.toString() === LEFT_IN_PIPE;
}

function namedPipes(count: number): readonly Pipe[] {
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
    try {
      return { writeFd, readFd: openSync(name, constants.O_RDONLY) };
    } catch (error) {
      closeSync(writeFd);
      throw error;
    }
  } finally {
    closeSync(opener);
  }
}
