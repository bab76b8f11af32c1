import { isatty } from 'node:tty';
import { errorCode } from '../core/error-code.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import type { Common } from './command.ts';
import { createTtyOutputs, type OpenTty } from './tty-output.ts';

/** This process's standard streams, as commands use them. */
export interface Terminal {
  /** The text as it is. Resolves when there is room for more, or when the other end is gone. */
  readonly write: (text: string) => Promise<void>;
  /** Lines for people, on stdout; what is in them cannot steer the terminal, colours apart. */
  readonly print: (lines: readonly string[]) => Promise<void>;
  /** For people, on stderr; as harmless as what is printed. */
  readonly say: (text: string) => void;
  /** What is said stays unsaid, because a screen is drawn, until the function that this returns is called. */
  readonly holdBack: () => () => void;
  /** `say`, when `--log-level` is at least this. */
  readonly log: (level: Common['logLevel'], text: string) => void;
  /** Somebody can be asked: stdin and stdout are a terminal. */
  readonly isInteractive: boolean;
  readonly hasColor: boolean;
  readonly stdin: () => NodeJS.ReadStream;
  /** Nobody waits any more for a terminal that has stopped reading: what it has not taken is dropped. */
  readonly giveUp: () => void;
  /** Aborts when stdout cannot be written any more: closed pipe, closed terminal. */
  readonly closed: AbortSignal;
}

/** Our own colours pass. */
const KEEP_COLOR = { keepColor: true };
const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

type Streams = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>;

/**
 * Takes the streams over: their errors never become exceptions. A closed terminal gives EIO on
 * stdout while its SIGHUP is still being handled, a closed pipe EPIPE. Node writes to terminals synchronously, so one
 * that does not read (Ctrl-S, a connection that hangs) would stop this process and its signals: through `openTty` nobody
 * waits for it.
 */
export function createTerminal(streams: Streams, common: Common, openTty: OpenTty): Terminal {
  const { stdout, stderr, env } = streams;
  const closed = new AbortController();
  const onError = (error: NodeJS.ErrnoException): void => closed.abort(error.code ?? 'closed');
  stdout.on('error', onError);
  stderr.on('error', () => {
    // Nobody reads what we say; the work goes on.
  });
  const ttys = createTtyOutputs(openTty, (error) => closed.abort(errorCode(error) ?? 'closed'));
  let held: string[] | undefined;
  const say = (text: string): void => {
    if (held) held.push(text);
    else void (ttys.of(stderr) ?? stderr).write(`${sanitizeText(text, KEEP_COLOR)}\n`);
  };
  const write = async (text: string): Promise<void> => {
    if (closed.signal.aborted) return;
    const tty = ttys.of(stdout);
    if (tty) return tty.write(text);
    if (stdout.write(text)) return;
    await roomIn(stdout, closed.signal);
  };
  return {
    write,
    print: (lines) => write(`${sanitizeText(lines.join('\n'), KEEP_COLOR)}\n`),
    say,
    holdBack: () => {
      held ??= [];
      return () => {
        const unsaid = held ?? [];
        held = undefined;
        for (const text of unsaid) say(text);
      };
    },
    log: (level, text) => {
      if (LEVELS.indexOf(level) <= LEVELS.indexOf(common.logLevel)) say(text);
    },
    isInteractive: isatty(0) && stdout.isTTY,
    hasColor: stdout.isTTY && !common.noColor && env['TERM'] !== 'dumb',
    // Opened only when somebody is asked: an open stdin takes part in job control.
    stdin: () => streams.stdin,
    giveUp: ttys.giveUp,
    closed: closed.signal,
  };
}

async function roomIn(stdout: NodeJS.WriteStream, closed: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  stdout.once('drain', done);
  closed.addEventListener('abort', done, { once: true });
  await promise;
  stdout.off('drain', done);
  closed.removeEventListener('abort', done);
}
