import { fstatSync } from 'node:fs';

/** Writes to a terminal and never waits for it: one piece at a time, `done` when the terminal has taken all of it. */
interface TtyWriter {
  readonly write: (data: Buffer, done: (error?: unknown) => void) => void;
}

/** Opens the terminal behind a descriptor; undefined where that cannot be done. */
export type OpenTty = (fd: number) => TtyWriter | undefined;

/** Text for a terminal, in order. */
interface TtyOutput {
  /** Resolves when the terminal has taken it, or when it is given up. */
  readonly write: (text: string) => Promise<void>;
  /** Nobody waits for it any more: what was not taken is dropped, and so is whatever comes. */
  readonly giveUp: () => void;
}

/** What nobody waits for is kept up to so many bytes while the terminal does not read. */
const MOST_WAITING_BYTES = 1 << 20;

/** Keeps the process alive while the terminal has something to take. */
const ALIVE_MS = 60_000;

interface Piece {
  readonly text: string;
  readonly done: () => void;
}

/**
 * A queue in front of a terminal that may stop reading: Ctrl-S, a connection that hangs. `gone` is told when it is closed.
 */
function createTtyOutput(writer: TtyWriter, gone: (error: unknown) => void): TtyOutput {
  let queue: Piece[] = [];
  /** On its way. */
  let taken: Piece[] = [];
  let waitingBytes = 0;
  let leftOut = 0;
  let isGivenUp = false;
  let alive: NodeJS.Timeout | undefined;
  const rest = (): void => {
    clearInterval(alive);
    alive = undefined;
  };
  const next = (): void => {
    if (taken.length > 0 || isGivenUp) return;
    const text = queue.map((piece) => piece.text).join('') + noteOf(leftOut);
    if (text === '') return rest();
    // The note alone is a piece too.
    taken = queue.length > 0 ? queue : [{ text: '', done: () => undefined }];
    queue = [];
    leftOut = 0;
    alive ??= setInterval(() => undefined, ALIVE_MS);
    writer.write(Buffer.from(text), (error) => {
      const written = taken;
      taken = [];
      waitingBytes -= written.reduce((sum, piece) => sum + piece.text.length, 0);
      for (const { done } of written) done();
      if (error !== undefined) gone(error);
      next();
    });
  };
  return {
    write: (text) => {
      if (isGivenUp) return Promise.resolve();
      if (waitingBytes > MOST_WAITING_BYTES) {
        leftOut += text.split('\n').length - 1;
        return Promise.resolve();
      }
      waitingBytes += text.length;
      const { promise, resolve } = Promise.withResolvers<void>();
      queue.push({ text, done: resolve });
      next();
      return promise;
    },
    giveUp: () => {
      isGivenUp = true;
      rest();
      for (const { done } of [...taken, ...queue]) done();
      queue = [];
    },
  };
}

function noteOf(leftOut: number): string {
  return leftOut === 0
    ? ''
    : `… ${leftOut} lines were not shown: this terminal did not read; the logs have them\n`;
}

/** A standard stream of this process. */
interface TtyStream {
  readonly isTTY?: boolean;
  readonly fd: number;
}

/** The terminals behind the streams of this process; undefined for what is none, or cannot be opened. */
export interface TtyOutputs {
  readonly of: (stream: TtyStream) => TtyOutput | undefined;
  readonly giveUp: () => void;
}

/** Each is opened when something is written to it first; streams on the same terminal share one, so that their order holds. */
export function createTtyOutputs(open: OpenTty, gone: (error: unknown) => void): TtyOutputs {
  const opened = new Map<number, TtyOutput | undefined>();
  let isGivenUp = false;
  return {
    of: (stream) => {
      if (!stream.isTTY) return undefined;
      const terminal = fstatSync(stream.fd).rdev;
      if (!opened.has(terminal)) {
        const writer = open(stream.fd);
        const output = writer && createTtyOutput(writer, gone);
        opened.set(terminal, output);
        if (isGivenUp) output?.giveUp();
      }
      return opened.get(terminal);
    },
    giveUp: () => {
      isGivenUp = true;
      for (const output of opened.values()) output?.giveUp();
    },
  };
}
