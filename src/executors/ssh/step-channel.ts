import type { Duplex, Readable } from 'node:stream';
import type { Failure, Result } from '../../core/failure.ts';
import { BOOTSTRAP } from '../host/script-line.ts';
import type { StepOutput, StepStream } from './step-output.ts';

/** A program at the other end: written to it is its input, read from it its output. */
export type StepChannel = Duplex & { readonly stderr: Readable };

/** A channel, and what it is on. */
export interface StepSession {
  readonly session: StepChannel;
  readonly connection: {
    /** Why it broke; undefined while it lives. */
    readonly lost: string | undefined;
    /** Calls back once when it breaks; returns what takes the call back. */
    readonly onLost: (give: (error: Error) => void) => () => void;
  };
  /** Gives the place back. */
  readonly release: () => void;
}

/** A way to where steps run. */
export interface StepLink {
  /** The context's name. */
  readonly name: string;
  /** For messages: where claims and exit records lie there. */
  readonly recordsName: string;
  /** That folder, absolute. Default: ~/.pipewright/runs. */
  readonly records?: string;
  /** Starts a command through a shell there. */
  readonly exec: (command: string) => Promise<Result<StepSession>>;
  /** It is in doubt: the next use makes another. */
  readonly abandon: () => void;
  /** It will never connect again. */
  readonly isClosed: boolean;
}

/** What came of following a step over one channel. */
export type Followed =
  /** The program has said its last word. */
  | { readonly type: 'said'; readonly word: string }
  /** The line was not sent: nothing began. */
  | { readonly type: 'unopened'; readonly failure: Failure }
  /** The link broke; what the step does is unknown. */
  | { readonly type: 'lost'; readonly detail: string };

interface Following {
  readonly link: StepLink;
  readonly line: string;
  readonly nonce: string;
  readonly isCaptured: boolean;
  readonly output: StepOutput;
  readonly signal: AbortSignal;
  readonly graceMs: number;
}

/** Of the error stream, what may be the beginning of the last word. */
const HELD_BYTES = 4096;
/** Time for the remote side to end what must be stopped, beyond the grace that it gives. */
const STOP_MARGIN_MS = 15_000;

/** Sends `line` to a shell there and takes in what comes back until its last word. */
export async function followStep(following: Following): Promise<Followed> {
  const opened = await following.link.exec(BOOTSTRAP);
  if (!opened.ok) return { type: 'unopened', failure: opened.failure };
  const { session: channel, connection, release } = opened.value;
  channel.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    channel.once('close', () => {
      release();
      resolve();
    });
    connection.onLost(() => resolve());
  });
  const words = new LastWord(following);
  channel.write(following.line);
  const stopStopping = stopOnAbort(channel, following);
  const acknowledge = (): void => {
    if (!words.isComplete(following.output)) return;
    following.output.finish();
    channel.end('done\n');
  };
  await Promise.all([
    drain(channel, (chunk) => {
      following.output.take(following.isCaptured ? 'out' : 'log', chunk);
      acknowledge();
    }),
    drain(channel.stderr, (chunk) => {
      words.take(chunk);
      acknowledge();
    }),
    closed,
  ]);
  stopStopping();
  channel.destroy();
  const word = words.word;
  if (word !== undefined) return { type: 'said', word };
  return { type: 'lost', detail: connection.lost ?? 'its session was ended' };
}

/** Waits while the output is written: a slow disk here slows the step's follower there, not our memory. */
async function drain(stream: Readable, take: (chunk: Buffer) => void): Promise<void> {
  try {
    for await (const chunk of stream) take(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
  } catch {
    // Cut short: the missing last word says so.
  }
}

function stopOnAbort(channel: StepChannel, { signal, graceMs, link }: Following): () => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (channel.writable) channel.write(`stop ${Math.ceil(graceMs / 100)}\n`);
    timer = setTimeout(() => {
      // It answers no more: the whole link is in doubt.
      link.abandon();
    }, graceMs + STOP_MARGIN_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  return () => {
    signal.removeEventListener('abort', stop);
    clearTimeout(timer);
  };
}

/** Finds the program's last word at the end of its error stream; what comes before belongs to the step, if it is captured. */
class LastWord {
  readonly #mark: string;
  readonly #output: StepOutput;
  readonly #stream: StepStream | undefined;
  #held: Buffer = Buffer.alloc(0);
  #isEnded = false;
  word: string | undefined;

  constructor({ nonce, output, isCaptured }: Following) {
    this.#mark = `\n${nonce} `;
    this.#output = output;
    this.#stream = isCaptured ? 'log' : undefined;
  }

  take(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const at = this.#held.lastIndexOf(this.#mark);
    if (at >= 0 && this.#held.at(-1) === 0x0a) {
      this.word = this.#held
        .subarray(at + this.#mark.length)
        .toString('utf8')
        .trimEnd();
      this.#pass(at);
      this.#held = Buffer.alloc(0);
      return;
    }
    this.#pass(Math.max(0, this.#held.length - HELD_BYTES));
  }

  /** The step has ended and all it said is here: once. */
  isComplete(output: StepOutput): boolean {
    if (this.#isEnded || this.word === undefined) return false;
    const { log = 0, out = 0 } = endOf(this.word) ?? {};
    this.#isEnded = output.offsets.log >= log && output.offsets.out >= out;
    return this.#isEnded;
  }

  #pass(length: number): void {
    if (length === 0) return;
    if (this.#stream) this.#output.take(this.#stream, this.#held.subarray(0, length));
    this.#held = this.#held.subarray(length);
  }
}

/** Sizes of the step's files and its exit record, out of `end <log> <out> <record>`. */
export function endOf(
  word: string,
): { readonly log: number; readonly out: number; readonly record: string } | undefined {
  const [, log, out, record = ''] = /^end (\d+) (\d+) ?(.*)$/s.exec(word) ?? [];
  return log === undefined
    ? undefined
    : { log: Number(log), out: Number(out), record: record.replaceAll('|', '\n') };
}
