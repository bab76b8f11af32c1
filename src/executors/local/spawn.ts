import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, statSync, writeFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { shellQuote } from '../../core/shell-quote.ts';
import { failed, type Failure, ok, type Result } from '../../core/failure.ts';
import type { Command, CommandOutput } from '../../core/ports.ts';
import { CaptureCopy, openForAppend } from './capture.ts';
import { FILTER_FILE } from './filter-file.ts';
import { BOOT_ID } from './processes.ts';
import type { StepFiles } from './records.ts';
import { isTooLongForArgument, shimScript, type ShimOptions } from './shim.ts';

/** In place of an error code: the filter was killed, or never began. */
export const FILTER_ENDED = 'ENDED';

/** A started step. */
export interface Started {
  readonly pid: number;
  /** Code, or signal, of the shim. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** All output is written (also when a daemon still holds the pipe); system error codes of what was not. Absent without a filter. */
  readonly drained?: Promise<readonly string[]>;
  readonly copy?: CaptureCopy;
}

interface StepStart {
  readonly command: Command;
  readonly output: CommandOutput;
  readonly files: StepFiles;
  readonly environment: Readonly<Record<string, string>>;
  readonly limit: string;
}

/** Starts the shim, in a session of its own. Every expected obstacle is a failure. */
export async function start(step: StepStart): Promise<Result<Started>> {
  const opened: number[] = [];
  let file = step.output.logFile;
  try {
    const logFd = openForAppend(file);
    opened.push(logFd);
    const mode = outputMode(step.output);
    let outFd = logFd;
    if (mode === 'direct' && step.output.capture) {
      file = step.files.out;
      outFd = openForAppend(file);
      opened.push(outFd);
    }
    const child = spawnShim(step, mode, [outFd, logFd]);
    const failure = await startFailure(child, step.command);
    if (failure || child.pid === undefined) return failed(failure ?? NO_PROCESS);
    const drained = mode === 'direct' ? undefined : sendSecrets(child, step.output.secrets);
    if (outFd === logFd) return ok({ pid: child.pid, exited: exitOf(child), ...(drained && { drained }) });
    // The copy goes on writing to the log.
    opened.splice(opened.indexOf(logFd), 1);
    return ok({ pid: child.pid, exited: exitOf(child), copy: new CaptureCopy(file, logFd) });
  } catch (error) {
    return failed(obstacle(error, { file, workdir: step.command.workdir }));
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function outputMode({ secrets, capture }: CommandOutput): ShimOptions['output'] {
  if (secrets.length === 0) return 'direct';
  return capture ? 'masked-capture' : 'masked';
}

function spawnShim(
  { command, output, files, environment, limit }: StepStart,
  mode: ShimOptions['output'],
  [outFd, logFd]: readonly [number, number],
): ChildProcess {
  const script = scriptArgument(command.script, files.script);
  const filter = [process.execPath, FILTER_FILE, files.out, String((output.capture?.limitBytes ?? 0) + 1)];
  const channels = { direct: 0, masked: 1, 'masked-capture': 2 }[mode];
  return spawn(
    '/bin/sh',
    [
      '-c',
      shimScript({ output: mode, limit, script }),
      // What the script's error messages begin with.
      'sh',
      files.claim,
      files.exit,
      BOOT_ID,
      script,
      ...(mode === 'direct' ? [] : filter),
    ],
    {
      detached: true,
      cwd: command.workdir,
      env: environment,
      stdio: ['ignore', outFd, logFd, ...Array.from({ length: channels }, () => 'pipe' as const)],
    },
  );
}

function scriptArgument(script: string, file: string): string {
  if (!isTooLongForArgument(script)) return script;
  writeFileSync(file, script, { mode: 0o600 });
  return `. ${shellQuote(file)}`;
}

/** A process that could not be started has no number, and says why a moment later. */
function startFailure(child: ChildProcess, command: Command): Promise<Failure | undefined> | undefined {
  if (child.pid !== undefined) return undefined;
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(obstacle(error, { file: '/bin/sh', workdir: command.workdir })));
  });
}

function exitOf(child: ChildProcess): Started['exited'] {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Over pipes that only the filters read: no argument, no environment, no file. */
async function sendSecrets(child: ChildProcess, secrets: readonly string[]): Promise<readonly string[]> {
  const channels = child.stdio.slice(3).filter((stream) => stream instanceof Duplex);
  const replies = await Promise.all(
    channels.map(
      (channel) =>
        new Promise<string>((resolve) => {
          let reply = '';
          channel.setEncoding('utf8');
          channel.on('data', (text: string) => {
            reply += text;
            if (!reply.endsWith('done\n')) return;
            resolve(reply);
            channel.destroy();
          });
          channel.on('close', () => resolve(reply));
          channel.on('error', () => undefined);
          channel.write(`${JSON.stringify(secrets)}\n`);
        }),
    ),
  );
  return replies.flatMap((reply) =>
    reply.endsWith('done\n')
      ? [...reply.matchAll(/^error (.+)$/gm)].map(([, code = '']) => code)
      : [FILTER_ENDED],
  );
}

const NO_PROCESS: Failure = {
  reason: 'executor-unreachable',
  executor: 'local',
  detail: 'the system started no process and gave no reason',
};

const SCARCE: Readonly<Record<string, string>> = {
  EAGAIN: 'no more processes are allowed for this user (`ulimit -u`)',
  EMFILE: 'too many open files (`ulimit -n`)',
  ENFILE: 'too many open files in the whole system',
  ENOMEM: 'not enough memory to start a process',
};

/** What the system's refusal means to the user. A bug is thrown on. */
export function obstacle(
  error: unknown,
  { file, workdir = '/' }: { readonly file: string; readonly workdir?: string },
): Failure {
  const code = errorCode(error);
  const scarce = SCARCE[code];
  if (scarce) {
    return { reason: 'executor-unreachable', executor: 'local', detail: `cannot start a command: ${scarce}` };
  }
  if (code === 'E2BIG') {
    return {
      reason: 'invalid',
      message: 'the values passed to this command are larger than the system allows',
    };
  }
  if (code === 'ERR_INVALID_ARG_VALUE') {
    return { reason: 'invalid', message: 'a command and its values must not contain NUL bytes' };
  }
  const message = error instanceof Error ? error.message : code;
  if (message.startsWith('spawn ')) return spawnObstacle(code, workdir);
  return { reason: 'state-unwritable', path: file, detail: message };
}

export function errorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  throw error;
}

function spawnObstacle(code: string, workdir: string): Failure {
  // The system reports a missing working folder as if it were the shell.
  if (!statSync(workdir, { throwIfNoEntry: false })?.isDirectory()) {
    return { reason: 'invalid', message: `working folder does not exist: ${workdir}` };
  }
  return { reason: 'executor-unreachable', executor: 'local', detail: `cannot start /bin/sh: ${code}` };
}
