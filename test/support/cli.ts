import { spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
export const LAUNCHER = path.join(ROOT, 'bin/pipewright.js');
export const PINNED_NODE = path.join(ROOT, 'node_modules/node/bin/node');

export interface CliResult {
  /** 128 and the signal's number where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program while it runs. */
export interface RunningCli {
  readonly kill: (signal: NodeJS.Signals) => void;
  /** As `head` does when it has read enough. */
  readonly closeStdout: () => void;
}

interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Another Node than the pinned one. */
  readonly node?: string;
  /** Another launcher than that of this checkout. */
  readonly launcher?: string;
  /** Called with all of stdout so far, after each piece; may send signals. */
  readonly onOutput?: (stdout: string, child: RunningCli) => void;
}

/** Runs the built program with the pinned Node; resolves when it has ended. No terminal. */
export function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const child = spawn(options.node ?? PINNED_NODE, [options.launcher ?? LAUNCHER, ...args], {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: 'pipe',
  });
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    options.onOutput?.(stdout, {
      kill: (signal) => void child.kill(signal),
      closeStdout: () => void child.stdout.destroy(),
    });
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const { promise, resolve, reject } = Promise.withResolvers<CliResult>();
  child.on('error', reject);
  child.on('close', (code, signal) => {
    const result = { code: code ?? 128 + (signal ? os.constants.signals[signal] : 0), stdout, stderr };
    ran.push(`pipewright ${args.join(' ')}: ${textOf(result)}`);
    resolve(result);
  });
  return promise;
}

/** What ran for the test that runs now. */
const ran: string[] = [];

/** What each program of this test said and how it ended; the next call begins anew. */
export function whatRan(): readonly string[] {
  return ran.splice(0);
}

/** For what a test needs before it can begin: throws with all that the program said when it ends with another code. */
export function mustEnd(result: CliResult, code = 0): CliResult {
  if (result.code !== code) throw new Error(`it should have ended with ${code}: ${textOf(result)}`);
  return result;
}

function textOf({ code, stdout, stderr }: CliResult): string {
  return [`exit code ${code}`, `stdout: ${stdout.trimEnd()}`, `stderr: ${stderr.trimEnd()}`].join('\n');
}

/** Nothing of the surroundings may decide a test. */
function cleanEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];
  return Object.fromEntries(
    kept.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** A project in a temporary folder, removed at the end of the `using` block. */
export interface TemporaryProject extends Disposable {
  readonly root: string;
  readonly write: (file: string, text: string) => void;
  readonly run: (args: readonly string[], options?: Partial<CliOptions>) => Promise<CliResult>;
  /** Runs with --json and parses what it prints. */
  readonly json: (args: readonly string[]) => Promise<unknown>;
}

export function temporaryProject(files: Readonly<Record<string, string>> = {}): TemporaryProject {
  const root = mkdtempSync(path.join(os.tmpdir(), 'pipewright-e2e-'));
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  };
  write('pipewright.yaml', '');
  for (const [file, text] of Object.entries(files)) write(file, text);
  const run: TemporaryProject['run'] = (args, options) => runCli(args, { cwd: root, ...options });
  return {
    root,
    write,
    run,
    json: async (args) => {
      const result = await run([...args, '--json']);
      if (result.stdout === '') throw new Error(`no JSON on stdout: ${textOf(result)}`);
      return JSON.parse(result.stdout);
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}
