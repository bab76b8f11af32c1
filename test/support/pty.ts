import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import xterm, { type IBuffer } from '@xterm/headless';
import { LAUNCHER, PINNED_NODE } from './cli.ts';

/** The built program on a real pseudo-terminal, its screen kept by an emulator. */
export interface PtyProgram extends AsyncDisposable {
  readonly type: (keys: string) => void;
  /** Resolves with the screen once it has all these texts; rejects with the screen when it never has. */
  readonly shows: (...texts: readonly string[]) => Promise<string>;
  /** Every row, those that have scrolled away too. */
  readonly scrollback: () => string;
  readonly isAlternate: () => boolean;
  /** What is on the screen, cell by cell. */
  readonly buffer: () => IBuffer;
  /** Bytes as the program wrote them. */
  readonly written: () => string;
  /** Number of the program's process. */
  readonly pid: () => number;
  /** The terminal stops reading. */
  readonly stall: () => void;
  /** It reads again. */
  readonly resume: () => void;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

interface PtyOptions {
  readonly cwd: string;
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What is run. Default: the launcher of this checkout. */
  readonly program?: readonly string[];
  /** How long `shows` waits. */
  readonly waitMs?: number;
}

const WAIT_MS = 30_000;

/**
 * script(1) allocates the pseudo-terminal: no native module. Its size is set before the program starts.
 */
export function onPty(
  args: readonly string[],
  { cwd, columns = 80, rows = 24, env = {}, ...options }: PtyOptions,
): PtyProgram {
  const { program: words = [PINNED_NODE, LAUNCHER], waitMs = WAIT_MS } = options;
  const program = [...words, ...args].map((word) => `'${word}'`).join(' ');
  const { CI: _ci, NO_COLOR: _color, ...surroundings } = process.env;
  const child = spawn(
    'script',
    ['-qefc', `stty rows ${rows} cols ${columns}; exec ${program}`, '/dev/null'],
    {
      cwd,
      env: { ...surroundings, TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const term = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  let written = '';
  child.stdout.on('data', (data: Buffer) => {
    written += data.toString();
    term.write(data);
  });
  const { promise: ended, resolve } = Promise.withResolvers<number | null>();
  // What was written last is on the screen, too.
  child.on('close', (code) => term.write('', () => resolve(code)));
  const text = (first: number, count: number): string =>
    Array.from({ length: count }, (_, at) =>
      (term.buffer.active.getLine(first + at)?.translateToString(true) ?? '').trimEnd(),
    ).join('\n');
  const screen = (): string => text(term.buffer.active.baseY, rows);
  return {
    type: (keys) => void child.stdin.write(keys),
    shows: async (...texts) => {
      const deadline = performance.now() + waitMs;
      for (;;) {
        const now = screen();
        if (texts.every((wanted) => now.includes(wanted))) return now;
        if (performance.now() > deadline) throw new Error(`never showed ${JSON.stringify(texts)}:\n${now}`);
        const { promise, resolve: next } = Promise.withResolvers<void>();
        setTimeout(next, 20);
        await promise;
      }
    },
    scrollback: () => text(0, term.buffer.active.length),
    buffer: () => term.buffer.active,
    isAlternate: () => term.buffer.active.type === 'alternate',
    written: () => written,
    pid: () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ')[0]),
    stall: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
