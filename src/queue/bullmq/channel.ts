import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';

interface Channel {
  /** Only for this: it waits for messages. */
  readonly reader: Redis;
  readonly client: Redis;
  readonly stream: string;
  readonly take: (message: Uint8Array) => void | Promise<void>;
  readonly signal: AbortSignal;
}

const BLOCK_MS = 1000;
const AFTER_ERROR_MS = 200;
const AT_ONCE = 16;

/** Reads a stream of Redis from its beginning; what was taken is removed, so what is there is what was not. */
export async function readChannel({ reader, client, stream, take, signal }: Channel): Promise<void> {
  // It may sit in a question that Redis answers only later, or never: one that waits to be sent is forgotten by
  // `disconnect`, not rejected.
  const ended = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  void ended.then(() => reader.disconnect());
  let last = '0';
  while (!signal.aborted) {
    try {
      const answer = await Promise.race([
        reader.xreadBuffer('COUNT', AT_ONCE, 'BLOCK', BLOCK_MS, 'STREAMS', stream, last),
        ended,
      ]);
      const entries = entriesOf(answer);
      for (const { id, message } of entries) {
        if (signal.aborted) break;
        await take(message);
        last = id;
      }
      if (entries.length > 0) await client.xtrim(stream, 'MINID', after(last));
    } catch {
      // Redis is away, or comes back: from where we were.
      if (!signal.aborted) await delay(AFTER_ERROR_MS);
    }
  }
}

/** The id that comes next: all before it is trimmed. */
function after(id: string): string {
  const [ms = '0', sequence = '0'] = id.split('-');
  return `${ms}-${BigInt(sequence) + 1n}`;
}

function entriesOf(answer: unknown): { readonly id: string; readonly message: Uint8Array }[] {
  if (!Array.isArray(answer)) return [];
  return answer.flatMap((stream: unknown) => {
    const entries: unknown = Array.isArray(stream) ? stream[1] : undefined;
    return Array.isArray(entries) ? entries.flatMap(entryOf) : [];
  });
}

function entryOf(entry: unknown): { readonly id: string; readonly message: Uint8Array }[] {
  if (!Array.isArray(entry)) return [];
  const [id, fields]: unknown[] = entry;
  const message: unknown = Array.isArray(fields) ? fields[1] : undefined;
  if (!(id instanceof Uint8Array)) return [];
  // A message of somebody else's making, without our field: skipped, but passed.
  return [
    { id: Buffer.from(id).toString(), message: message instanceof Uint8Array ? message : new Uint8Array() },
  ];
}
