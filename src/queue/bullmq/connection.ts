import { Redis } from 'ioredis';
import { errorCode } from '../../core/error-code.ts';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';

/** Where Redis is, secrets resolved. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: boolean;
}

/** Longest that one question to Redis may take, milliseconds; `Queue.add` itself would wait for ever. */
const ANSWER_MS = 3000;
const RECONNECT_MS = 1000;

/** For messages; never with the password. */
export function placeOf({ host, port, db }: RedisAddress): string {
  return `Redis at ${host.includes(':') ? `[${host}]` : host}:${port}${db === 0 ? '' : ` (database ${db})`}`;
}

interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: { readonly servername: string };
  readonly connectTimeout: number;
  readonly retryStrategy: (times: number) => number;
  readonly maxRetriesPerRequest: null;
}

/** What both kinds of connections have in common. */
export function redisOptions(address: RedisAddress): ConnectionOptions {
  const { host, port, username, password, db, tls } = address;
  return {
    host,
    port,
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: { servername: host } }),
    connectTimeout: ANSWER_MS,
    // Again and again, soon: an outage of Redis is waited for.
    retryStrategy: (times) => Math.min(100 * times, RECONNECT_MS),
    maxRetriesPerRequest: null,
  };
}

/**
 * A connection on which a question is answered within three seconds or fails: what was not sent is not kept for
 * later, so nothing happens after somebody has given it up.
 */
export async function connect(address: RedisAddress): Promise<Result<Redis>> {
  const client = new Redis({
    ...redisOptions(address),
    lazyConnect: true,
    enableOfflineQueue: false,
    commandTimeout: ANSWER_MS,
  });
  let last: unknown;
  client.on('error', (error: unknown) => {
    last = error;
  });
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(last ?? new Error('no answer')), ANSWER_MS);
  try {
    await Promise.race([client.connect(), late.promise]);
    await client.ping();
    return ok(client);
  } catch (error) {
    client.disconnect();
    return failed(redisFailure(address, last ?? error));
  } finally {
    clearTimeout(timer);
  }
}

/** One question; what Redis or the network says against it as a failure. */
export async function ask<T>(address: RedisAddress, question: () => Promise<T>): Promise<Result<T>> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('it does not answer')), ANSWER_MS + RECONNECT_MS);
  try {
    return ok(await Promise.race([question(), late]));
  } catch (error) {
    return failed(redisFailure(address, error));
  } finally {
    clearTimeout(timer);
  }
}

const LOGIN = /^(?:WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR Client sent AUTH)/;

function redisFailure(address: RedisAddress, error: unknown): Failure {
  const place = placeOf(address);
  const message = error instanceof Error ? error.message : String(error);
  if (LOGIN.test(message)) {
    return { reason: 'authentication', executor: 'queue', detail: `${place} refuses the login: ${message}` };
  }
  const detail = SILENT.test(message) ? 'does not answer' : (errorCode(error) ?? message);
  return { reason: 'executor-unreachable', executor: 'queue', detail: `${place}: ${detail}` };
}

/** What the client says when it has no connection, or waited for too long. */
const SILENT = /Command timed out|Connection is closed|enableOfflineQueue|no answer|does not answer/;

/** What keeps jobs from being lost when the memory of Redis is full; undefined when it is right. */
export async function evictionProblem(
  client: Redis,
  address: RedisAddress,
): Promise<Result<string | undefined>> {
  const info = await ask(address, () => client.info('memory'));
  if (!info.ok) return info;
  const policy = /^maxmemory_policy:(\S+)/m.exec(info.value)?.[1];
  if (policy === undefined || policy === 'noeviction') return ok(undefined);
  return ok(
    `${placeOf(address)} has maxmemory-policy ${policy}: when its memory is full it throws jobs away without a word. ` +
      `Change it: redis-cli -h ${address.host} -p ${address.port} CONFIG SET maxmemory-policy noeviction`,
  );
}
