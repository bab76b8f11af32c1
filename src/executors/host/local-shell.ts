import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { failed, ok, type Result } from '../../core/failure.ts';
import { send } from '../local/processes.ts';
import { obstacle } from '../local/spawn.ts';
import { readerText } from './script-line.ts';
import { LINGER_MS, type ShellEnd, type ShellProcess } from './shell.ts';

/** A shell on this machine, in a process group of its own. */
export async function startLocalShell(
  workdir: string,
  environment: Readonly<Record<string, string>>,
): Promise<Result<ShellProcess>> {
  try {
    const child = spawn('/bin/sh', ['-c', readerText(), 'sh'], {
      cwd: workdir,
      env: environment,
      detached: true,
      stdio: 'pipe',
    });
    const ended = endOf(child);
    const { pid } = child;
    if (pid === undefined) {
      const error = await new Promise<Error>((resolve) => {
        child.once('error', resolve);
      });
      return failed(obstacle(error, { file: '/bin/sh', workdir }));
    }
    child.stdin.on('error', () => undefined);
    return ok({
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      ended,
      kill: (signal) => void send(-pid, `SIG${signal}`),
    });
  } catch (error) {
    return failed(obstacle(error, { file: '/bin/sh', workdir }));
  }
}

function endOf(child: ChildProcess): Promise<ShellEnd> {
  return new Promise((resolve) => {
    let end: ShellEnd = {};
    let timer: NodeJS.Timeout | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(end);
    };
    const linger = (): void => {
      clearTimeout(timer);
      timer = setTimeout(finish, LINGER_MS);
    };
    child.once('exit', (code, signal) => {
      end = { code: code ?? undefined, signal: signal ?? undefined };
      child.stdin?.end();
      linger();
      child.stdout?.on('data', linger);
      child.stderr?.on('data', linger);
    });
    child.once('close', finish);
    child.on('error', () => undefined);
  });
}

/** 128 and the number, as a shell reports it. */
export function codeOfSignal(signal: string): number {
  const known = Object.entries(constants.signals).find(([name]) => name === signal);
  return 128 + (known?.[1] ?? 0);
}
