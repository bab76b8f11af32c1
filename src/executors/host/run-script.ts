import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { HostCommand, HostOutcome } from '../../core/hosts.ts';
import { stopFailure } from '../local/outcome.ts';
import { codeOfSignal } from './local-shell.ts';
import { lineProblem, scriptLine } from './script-line.ts';
import type { ShellEnd, ShellProcess, StartShell } from './shell.ts';

const DEFAULT_MAX_BYTES = 1024 * 1024;
const GRACE_MS = 3000;
/** A link that is half open takes no signal and gives no end. */
const KILL_WAIT_MS = 3000;

interface ScriptOptions {
  /** The context's name, for failures. */
  readonly name: string;
  readonly start: StartShell;
}

/** Runs one script in a shell that `start` gives, and collects what it says. */
export async function runScript(
  { name, start }: ScriptOptions,
  request: HostCommand,
  signal: AbortSignal,
): Promise<Result<HostOutcome>> {
  if (signal.aborted) return failed(stopFailure(signal.reason));
  const line = { ...request, isWatched: request.stdin === undefined };
  const problem = lineProblem(line);
  if (problem !== undefined) return failed({ reason: 'invalid', message: problem });
  const began = performance.now();
  const shell = await start();
  if (!shell.ok) return shell;
  const { maxBytes = DEFAULT_MAX_BYTES } = request;
  const stdout = collect(shell.value.stdout, maxBytes, request.onStdout);
  const stderr = collect(shell.value.stderr, maxBytes, request.onStderr);
  const feeding = feed(shell.value, scriptLine(line), request.stdin);
  const end = await endOrStop(shell.value, signal);
  shell.value.stdin.destroy();
  const inputFailure = await feeding;
  if (signal.aborted) return failed(stopFailure(signal.reason));
  if (inputFailure) return failed(inputFailure);
  const exitCode = end.code ?? (end.signal === undefined ? undefined : codeOfSignal(end.signal));
  if (exitCode === undefined) {
    const detail = `the connection to ${name} broke before the exit code came: ${end.lost ?? 'its session was ended'}`;
    return failed({ reason: 'executor-unreachable', executor: name, detail });
  }
  return ok({
    exit_code: exitCode,
    stdout: stdout(),
    stderr: stderr(),
    duration_ms: Math.round(performance.now() - began),
  });
}

/** Always reads, also what nobody wants: an unread stream stops the command for ever. */
function collect(
  stream: Readable,
  maxBytes: number,
  give: ((chunk: Uint8Array) => void) | undefined,
): () => string {
  const chunks: Buffer[] = [];
  let room = give ? 0 : maxBytes;
  stream.on('data', (chunk: Buffer) => {
    give?.(chunk);
    if (room > 0) chunks.push(chunk.subarray(0, room));
    room -= chunk.length;
  });
  stream.on('error', () => undefined);
  return () => Buffer.concat(chunks).toString('utf8');
}

/** A failure only when the source of the input breaks; that the command does not read it all is its own affair. */
async function feed(
  { stdin, kill }: ShellProcess,
  line: string,
  input: HostCommand['stdin'],
): Promise<Failure | undefined> {
  stdin.on('error', () => undefined);
  stdin.write(line);
  if (input === undefined) return undefined;
  if (typeof input === 'string') {
    stdin.end(input);
    return undefined;
  }
  const gone = finished(stdin, { readable: false }).catch(() => undefined);
  try {
    for await (const chunk of input) {
      if (stdin.destroyed || stdin.writableEnded) return undefined;
      if (stdin.write(chunk)) continue;
      await Promise.race([new Promise((resolve) => stdin.once('drain', resolve)), gone]);
    }
  } catch (error) {
    // The command must not take the beginning for the whole.
    kill('KILL');
    stdin.destroy();
    const message = error instanceof Error ? error.message : String(error);
    return { reason: 'reported', message: `the input of the command broke: ${message}`, retryable: true };
  }
  stdin.end();
  return undefined;
}

async function endOrStop(shell: ShellProcess, signal: AbortSignal): Promise<ShellEnd> {
  let timers: NodeJS.Timeout[] = [];
  const givenUp = Promise.withResolvers<ShellEnd>();
  const stop = (): void => {
    shell.kill('TERM');
    timers = [
      setTimeout(() => shell.kill('KILL'), GRACE_MS),
      setTimeout(() => givenUp.resolve({ lost: 'it took no signal' }), GRACE_MS + KILL_WAIT_MS),
    ];
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([shell.ended, givenUp.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
    for (const timer of timers) clearTimeout(timer);
  }
}
