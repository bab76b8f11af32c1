import { open } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../core/error-code.ts';
import { failed, ok, type Result } from '../core/failure.ts';
import type { Secrets } from '../core/ports.ts';

interface SecretsOptions {
  readonly env: NodeJS.ProcessEnv;
  /** `file:` is relative to it, `cmd:` runs in it. */
  readonly project: string;
  /** Milliseconds until a `cmd:` is given up; default 30 000. */
  readonly timeoutMs?: number;
}

interface Reading extends SecretsOptions {
  readonly signal?: AbortSignal;
}

/** A longer one would not fit into an environment variable with the rest. */
const MAX_BYTES = 64 * 1024;

/**
 * Resolves `env:NAME`, `file:PATH` and `cmd:COMMAND` when they are used. One line feed at the end is cut, as
 * editors and commands add it. Fails with `secret-unavailable`; the value itself is never in a message.
 */
export function createSecrets(options: SecretsOptions): Secrets {
  return {
    resolve: async (name, reference, signal) => {
      const value = await read(reference, { ...options, ...(signal && { signal }) });
      if (!value.ok) return unavailable(name, value.failure);
      const secret = value.value.replace(/\r?\n$/, '');
      if (secret === '') return unavailable(name, `${kindOf(reference)} is empty`);
      if (secret.includes('\0')) return unavailable(name, `${kindOf(reference)} holds a NUL byte`);
      return ok(secret);
    },
  };
}

async function read(reference: string, options: Reading): Promise<Result<string, string>> {
  const colon = reference.indexOf(':');
  const rest = reference.slice(colon + 1);
  switch (reference.slice(0, Math.max(colon, 0))) {
    case 'env':
      return fromEnvironment(rest, options.env);
    case 'file':
      return fromFile(path.resolve(options.project, rest));
    case 'cmd':
      return fromCommand(rest, options);
    default:
      return { ok: false, failure: 'a reference begins with env:, file: or cmd:' };
  }
}

function fromEnvironment(variable: string, env: NodeJS.ProcessEnv): Result<string, string> {
  const value = env[variable];
  return value === undefined
    ? { ok: false, failure: `environment variable ${variable} is not set` }
    : { ok: true, value };
}

async function fromFile(file: string): Promise<Result<string, string>> {
  try {
    const handle = await open(file, 'r');
    try {
      const facts = await handle.stat();
      if (!facts.isFile()) return { ok: false, failure: `${file} is not a file` };
      if (facts.size > MAX_BYTES) return { ok: false, failure: `${file} is larger than 64 KiB` };
      return { ok: true, value: await handle.readFile('utf8') };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return { ok: false, failure: `${file}: ${codeOf(error)}` };
  }
}

async function fromCommand(command: string, options: Reading): Promise<Result<string, string>> {
  const { execa } = await import('execa');
  const done = await execa('/bin/sh', ['-c', command], {
    cwd: options.project,
    env: options.env,
    extendEnv: false,
    // What it prints there may hold the secret.
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: options.timeoutMs ?? 30_000,
    killSignal: 'SIGKILL',
    // In a process group of its own, so that Ctrl-C at the terminal is for us to answer.
    killDescendants: true,
    ...(options.signal && { cancelSignal: options.signal }),
    maxBuffer: MAX_BYTES,
    stripFinalNewline: false,
    reject: false,
  });
  return done.failed ? { ok: false, failure: commandProblem(done) } : ok(done.stdout);
}

function commandProblem(done: {
  readonly timedOut: boolean;
  readonly isCanceled: boolean;
  readonly isMaxBuffer: boolean;
  readonly exitCode?: number | undefined;
}): string {
  if (done.isCanceled) return 'its command was stopped';
  if (done.timedOut) return 'its command took too long';
  if (done.isMaxBuffer) return 'its command printed more than 64 KiB';
  return done.exitCode === undefined
    ? 'its command failed: ended by a signal'
    : `its command exited with code ${done.exitCode}`;
}

function codeOf(error: unknown): string {
  return errorCode(error) ?? 'cannot be read';
}

function kindOf(reference: string): string {
  return reference.startsWith('cmd:') ? 'the output of its command' : reference;
}

function unavailable(name: string, detail: string): Result<string> {
  return failed({ reason: 'secret-unavailable', name, detail });
}
