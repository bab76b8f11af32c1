import { spawn } from 'node:child_process';
import process from 'node:process';
import { failed, type Failure, ok, type Result } from '../core/failure.ts';

/** Longest that one process may take, milliseconds. */
const TIMEOUT_MS = 120_000;
/** More output than this is not read, unless a call says otherwise. */
const MAX_BYTES = 256 * 1024 * 1024;
const MAX_STDERR = 64 * 1024;

export interface ToolOptions {
  readonly signal?: AbortSignal | undefined;
  /** Reading ends there, and so does the tool; the answer then says so. */
  readonly maxBytes?: number;
}

export interface ToolAnswer {
  readonly stdout: Buffer;
  readonly isCut: boolean;
}

/** Why a tool gave no answer; `said` is what it said last. */
export interface ToolProblem {
  readonly failure: Failure;
  readonly said: string;
  readonly stdout: Buffer;
}

export type Tool = (
  args: readonly string[],
  options?: ToolOptions,
) => Promise<Result<ToolAnswer, ToolProblem>>;

/** A program of a version control system, without a terminal and without input. Every argument is its own word. */
export function toolIn(
  folder: string,
  {
    program,
    args,
    env,
  }: {
    readonly program: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  },
): Tool {
  return (more, { signal, maxBytes = MAX_BYTES } = {}) => {
    const { promise, resolve } = Promise.withResolvers<Result<ToolAnswer, ToolProblem>>();
    const chunks: Buffer[] = [];
    let [room, stderr, isCut] = [maxBytes, '', false];
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    const problem = (failure: Failure): void =>
      resolve({ ok: false, failure: { failure, said: stderr, stdout: Buffer.concat(chunks) } });
    const child = spawn(program, [...args, ...more], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C is for us to answer: it must not end what only reads in the middle of a deploy.
      detached: true,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    child.stdout.on('data', (chunk: Buffer) => {
      if (isCut) return;
      isCut = chunk.length > room;
      chunks.push(chunk.subarray(0, room));
      room -= chunk.length;
      if (isCut) child.kill();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(0, MAX_STDERR);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) problem({ reason: 'cancelled', by: 'caller' });
      else if (error.code === 'ENOENT') problem(said(`${program} is needed, and it is not on PATH`));
      else
        problem(said(limit.aborted ? `${program} took longer than ${TIMEOUT_MS / 1000} s` : error.message));
    });
    child.on('close', (code) => {
      if (isCut || code === 0) resolve(ok({ stdout: Buffer.concat(chunks), isCut }));
      else problem(said(`${program}: ${firstLine(stderr)}`));
    });
    return promise;
  };
}

/** The value, or the failure without the rest. */
export function answered<T>(result: Result<T, ToolProblem>): Result<T> {
  return result.ok ? result : failed(result.failure.failure);
}

function said(message: string): Failure {
  return { reason: 'invalid', message };
}

function firstLine(text: string): string {
  const line = text.trim().split('\n')[0] ?? '';
  return line.replace(/^(abort|svn): /, '') || 'it failed without a word';
}
