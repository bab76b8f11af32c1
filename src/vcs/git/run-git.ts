import process from 'node:process';
import { type SimpleGitOptions, simpleGit } from 'simple-git';
import { ok, type Result } from '../../core/failure.ts';

/** Longest that one git process may take, milliseconds. */
const TIMEOUT_MS = 120_000;
/** More output than this is not read, unless a call says otherwise. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Exit code under which simple-git reports that there was no program to start. */
const NO_PROGRAM = -2;

export interface GitOptions {
  readonly input?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Reading ends there, and so does git; the answer then says so. */
  readonly maxBytes?: number;
  /** Exit codes that are an answer. Default 0. */
  readonly exitCodes?: readonly number[];
  /** `-c` settings beside those that keep the repository from running anything. */
  readonly config?: readonly string[];
  /** What was read until a timeout is an answer too. */
  readonly isPartialEnough?: boolean;
}

export interface GitAnswer {
  readonly stdout: Buffer;
  readonly exitCode: number;
  readonly isCut: boolean;
}

export interface GitProblem {
  readonly kind: 'no-program' | 'stopped' | 'too-slow' | 'exit';
  /** First line of what git said. */
  readonly message: string;
}

/** Runs git in one folder. */
export type Git = (args: readonly string[], options?: GitOptions) => Promise<Result<GitAnswer, GitProblem>>;

/**
 * What a repository could otherwise make git execute: its monitor, hooks, diff programs, signature
 * checks. Filters of the working tree are switched off where one is read. Source: git-config(1);
 * research/reliability.md section 4, rows 2 and 3.
 */
const HARMLESS: readonly string[] = [
  'core.fsmonitor=',
  'core.hooksPath=/dev/null',
  'diff.external=',
  'log.showSignature=false',
  'core.quotePath=false',
  'core.pager=cat',
];

/** simple-git refuses these unless told: they are our own switches, set to harmless values. */
const OWN_SWITCHES = {
  allowUnsafeFsMonitor: true,
  allowUnsafeHooksPath: true,
  allowUnsafeDiffExternal: true,
  allowUnsafePager: true,
  allowUnsafeFilter: true,
} as const;

/** No transport at all: a partial clone must not fetch while it is looked at. */
const OWN_ENV = {
  LC_ALL: 'C',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_NO_LAZY_FETCH: '1',
};

/** Git in `folder`. `indexFile` stands in for the repository's own index, as git tells its hooks. */
export function gitIn(folder: string, indexFile?: string): Git {
  const env = environment(indexFile);
  return async (args, options = {}) => {
    const call = new Call(options);
    try {
      await simpleGit({ ...settingsOf(folder, options), abort: call.signal, errors: call.onEnd })
        .env(env)
        .outputHandler((_command, stdout) => stdout.on('data', call.onData))
        .raw(['--no-pager', '--no-optional-locks', '--literal-pathspecs', ...args]);
      return ok(call.answer());
    } catch (error) {
      return call.isCut ? ok(call.answer()) : { ok: false, failure: call.problem(error) };
    }
  };
}

function settingsOf(folder: string, { config = [], input }: GitOptions): Partial<SimpleGitOptions> {
  return {
    baseDir: folder,
    // The exit of git may come before the last of its output has been read.
    completion: { onClose: true, onExit: false },
    config: [...HARMLESS, ...config],
    unsafe: OWN_SWITCHES,
    allowEnvironment: [...Object.keys(OWN_ENV), 'GIT_INDEX_FILE'],
    ...(input !== undefined && { input: () => input }),
  };
}

/** Ours without what would point git at another repository or at programs to run. */
function environment(indexFile: string | undefined): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(GIT_.*|EDITOR|VISUAL|PAGER|PREFIX|SSH_ASKPASS)$/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    ...OWN_ENV,
    ...(indexFile !== undefined && { GIT_INDEX_FILE: indexFile }),
  };
}

/** One process of git: what it said, and why it ended. */
class Call {
  readonly signal: AbortSignal;
  readonly #options: GitOptions;
  readonly #full = new AbortController();
  readonly #slow: AbortSignal;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #exitCode = 0;
  #stderr = '';

  constructor(options: GitOptions) {
    this.#options = options;
    this.#slow = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
    const signals = [this.#full.signal, this.#slow, ...(options.signal ? [options.signal] : [])];
    this.signal = AbortSignal.any(signals);
  }

  readonly onData = (chunk: Buffer): void => {
    const room = (this.#options.maxBytes ?? MAX_BYTES) - this.#size;
    if (chunk.length > room) this.#full.abort();
    if (room <= 0) return;
    this.#chunks.push(chunk.subarray(0, room));
    this.#size += Math.min(room, chunk.length);
  };

  readonly onEnd: NonNullable<SimpleGitOptions['errors']> = (error, { exitCode, stdErr }) => {
    this.#exitCode = exitCode;
    this.#stderr = Buffer.concat(stdErr).toString('utf8');
    return (this.#options.exitCodes ?? [0]).includes(exitCode) ? undefined : (error ?? new Error('exit'));
  };

  /** We ended it because enough had been read. */
  get isCut(): boolean {
    return this.#full.signal.aborted || (this.#options.isPartialEnough === true && this.#slow.aborted);
  }

  answer(): GitAnswer {
    const { isCut } = this;
    return { stdout: Buffer.concat(this.#chunks), exitCode: isCut ? 0 : this.#exitCode, isCut };
  }

  problem(error: unknown): GitProblem {
    if (this.#options.signal?.aborted) return { kind: 'stopped', message: 'stopped' };
    if (this.#slow.aborted) {
      return { kind: 'too-slow', message: `it took longer than ${TIMEOUT_MS / 1000} s` };
    }
    if (this.#exitCode === NO_PROGRAM) return { kind: 'no-program', message: 'git is not on PATH' };
    const said = this.#stderr.trim() === '' ? messageOf(error) : this.#stderr;
    return { kind: 'exit', message: firstLine(said) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function firstLine(text: string): string {
  return (text.trim().split('\n')[0] ?? '').replace(/^(fatal|error): /, '');
}
