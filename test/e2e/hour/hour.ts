import { spawnSync } from 'node:child_process';
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

/** Runs a program to its end; throws with its output when it ends with another code. */
export function sh(program: string, args: readonly string[], { cwd, env, codes = [0] }: Options): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const code = status ?? 1;
  if (error || !codes.includes(code)) {
    const said = [error?.message ?? '', stdout, stderr].join('\n').trim();
    throw new Error(`${[program, ...args].join(' ')}\n  ended with ${code} in ${cwd}\n${said}`);
  }
  return { code, stdout, stderr };
}

/** Writes a file, its folders too. */
export function write(file: string, text: string | Uint8Array): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

export function expectThat(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise);
}
