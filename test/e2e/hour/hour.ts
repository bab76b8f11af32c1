import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What happened in the hour so far. */
export interface Hour {
  /** Empty at first; everything is below it. */
  readonly folder: string;
  readonly facts: { readonly name: string; readonly text: string }[];
  /** Runs a step, prints that it runs, and keeps what it returns and how long it took. */
  readonly step: <T>(name: string, work: () => T | Promise<T>, about?: (value: T) => string) => Promise<T>;
}

export function startHour(folder: string): Hour {
  const facts: Hour['facts'] = [];
  return {
    folder,
    facts,
    step: async (name, work, about) => {
      process.stderr.write(`… ${name}\n`);
      const began = performance.now();
      const value = await work();
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      facts.push({ name, text: [`${seconds} s`, about?.(value)].filter(Boolean).join(', ') });
      return value;
    },
  };
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Options {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are right. Default: 0. */
  readonly codes?: readonly number[];
}

/** Runs a program to its end; throws with its output when it ends with another code. Clients go on asking meanwhile. */
export async function sh(
  program: string,
  args: readonly string[],
  { cwd, env, codes = [0] }: Options,
): Promise<Ran> {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 1));
  });
  if (codes.includes(code)) return { code, stdout, stderr };
  const said = [stdout, stderr].join('\n').trim();
  throw new Error(`${[program, ...args].join(' ')}\n  ended with ${code} in ${cwd}\n${said}`);
}

const AUTHOR = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];

/** Commits everything in the folder; gives the commit's id. */
export async function commitAll(cwd: string, message: string): Promise<string> {
  await sh('git', ['add', '--all'], { cwd });
  await sh('git', [...AUTHOR, 'commit', '--quiet', '--message', message], { cwd });
  return (await sh('git', ['rev-parse', 'HEAD'], { cwd })).stdout.trim();
}

/** Writes a file, its folders too. */
export function write(file: string, text: string | Uint8Array, mode?: number): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
}

export function expectThat(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}
