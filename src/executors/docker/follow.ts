import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import { ask, type Connection, failureOf, raced, readable } from './connection.ts';

/** One line of a long answer: progress, output or an error. The engine answers 200 before it knows how it ends. */
export interface EngineMessage {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: unknown;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
}

interface Following {
  readonly signal: AbortSignal;
  readonly onMessage: (message: EngineMessage) => void;
}

/** An error that the engine wrote into its answer. */
export interface EngineError {
  readonly message: string;
  readonly exitCode?: number;
}

/**
 * Starts long work and reads its messages to the end. The value is the error that the work ended with, if any.
 * Fails when the connection breaks, when the engine gives no sign of life, and when `signal` aborts: that ends the work.
 */
export async function follow(
  connection: Connection,
  start: (signal: AbortSignal) => Promise<NodeJS.ReadableStream>,
  { signal, onMessage }: Following,
): Promise<Result<EngineError | undefined>> {
  let error: EngineError | undefined;
  const read = async (stream: Readable): Promise<void> => {
    for await (const line of linesOf(stream)) {
      const message: EngineMessage = JSON.parse(line);
      if (message.error !== undefined) error = errorOf(message);
      onMessage(message);
    }
  };
  const worked = await working(connection, start, { signal, read });
  return worked.ok ? ok(error) : worked;
}

/** Long work whose answer `read` reads to the end; watched as `follow` says. */
export async function working(
  connection: Connection,
  start: (signal: AbortSignal) => Promise<NodeJS.ReadableStream>,
  {
    signal,
    read,
  }: {
    readonly signal: AbortSignal;
    readonly read: (stream: Readable) => Promise<void>;
  },
): Promise<Result<void>> {
  const ended = new AbortController();
  const given = AbortSignal.any([signal, ended.signal]);
  let silence: Failure | undefined;
  const pulse = watchPulse(connection, given, (failure) => {
    silence = failure;
    ended.abort();
  });
  let stream: Readable | undefined;
  try {
    stream = readable(await raced(start(given), given));
    await raced(read(stream), given);
    return ok(undefined);
  } catch (error) {
    if (silence) return failed(silence);
    if (signal.aborted) return failed({ reason: 'cancelled', by: 'the run' });
    return failed(failureOf(connection.name, error));
  } finally {
    ended.abort();
    stream?.destroy();
    await pulse;
  }
}

/** A build may say nothing for an hour; whether the engine is still there must be asked for. */
async function watchPulse(
  connection: Connection,
  signal: AbortSignal,
  onSilence: (failure: Failure) => void,
): Promise<void> {
  while (!signal.aborted) {
    const slept = await delay(connection.patience.pulseMs, true, { signal, ref: false }).catch(() => false);
    if (!slept) return;
    const answer = await ask(connection, () => raced(connection.docker.ping(), signal));
    if (!answer.ok && !signal.aborted) return onSilence(answer.failure);
  }
}

async function* linesOf(stream: Readable): AsyncIterable<string> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    rest += String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line.trim() !== '');
  }
  if (rest.trim() !== '') yield rest;
}

function errorOf({ error = '', errorDetail }: EngineMessage): EngineError {
  return {
    message: errorDetail?.message ?? error,
    ...(errorDetail?.code !== undefined && { exitCode: errorDetail.code }),
  };
}
