import { failed, ok, type Result } from '../core/failure.ts';
import type { Secrets } from '../core/ports.ts';
import type { QueueSettings } from '../core/settings/queue.ts';
import { REDIS_PASSWORD } from '../core/settings/index.ts';
import type { RedisAddress } from './bullmq/connection.ts';

/** `queue` of pipewright.yaml with the environment's words where it has none, and every default. */
export interface QueueOptions {
  readonly backend: 'redis' | 'embedded';
  readonly concurrency: number;
  readonly maxAttempts: number;
  readonly keepCompleted: number;
  readonly keepFailed: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A secret that is shorter could be guessed. */
const SHORTEST_SECRET = 16;

/** Fails with `invalid` for a variable that is no number. */
export function queueOptions(settings: QueueSettings, env: Environment): Result<QueueOptions> {
  const numbers = {
    concurrency: settings.concurrency ?? numberIn(env, 'QUEUE_CONCURRENCY', 2),
    maxAttempts: settings.max_attempts ?? numberIn(env, 'QUEUE_MAX_ATTEMPTS', 3),
    keepCompleted: settings.remove_on_complete ?? numberIn(env, 'QUEUE_REMOVE_ON_COMPLETE', 100),
    keepFailed: settings.remove_on_fail ?? numberIn(env, 'QUEUE_REMOVE_ON_FAIL', 50),
  };
  const wrong = wrongNumber(env, ['QUEUE_CONCURRENCY', 'QUEUE_MAX_ATTEMPTS'], 1);
  const negative = wrongNumber(env, ['QUEUE_REMOVE_ON_COMPLETE', 'QUEUE_REMOVE_ON_FAIL'], 0);
  const problem = wrong ?? negative;
  if (problem !== undefined) return failed({ reason: 'invalid', message: problem });
  return ok({ backend: backendOf(settings, env), ...numbers });
}

/** The one that is named; otherwise Redis where anything says where it is. */
export function backendOf(settings: QueueSettings, env: Environment): QueueOptions['backend'] {
  const hasRedis = settings.redis !== undefined || env['REDIS_HOST'] !== undefined;
  return settings.backend ?? (hasRedis ? 'redis' : 'embedded');
}

/** Where Redis is; secrets are resolved now. */
export async function redisAddress(
  { redis = {} }: QueueSettings,
  env: Environment,
  secrets: Secrets,
): Promise<Result<RedisAddress>> {
  if (redis.url !== undefined) return addressOf(redis.url, redis, secrets);
  const problem = wrongNumber(env, ['REDIS_PORT', 'REDIS_DB'], 0);
  if (problem !== undefined) return failed({ reason: 'invalid', message: problem });
  const password = await passwordOf(redis.password, env, secrets);
  if (!password.ok) return password;
  return ok({
    host: redis.host ?? env['REDIS_HOST'] ?? 'localhost',
    port: redis.port ?? numberIn(env, 'REDIS_PORT', 6379),
    db: redis.db ?? numberIn(env, 'REDIS_DB', 0),
    tls: redis.tls ?? false,
    ...(redis.username !== undefined && { username: redis.username }),
    ...(password.value !== undefined && { password: password.value }),
  });
}

/** What jobs are signed with. */
export async function sharedSecret(settings: QueueSettings, secrets: Secrets): Promise<Result<string>> {
  if (settings.secret === undefined) {
    return failed({
      reason: 'invalid',
      message: 'queue.secret is not set: whoever can write to Redis could have workers run anything',
      hint: 'Make one (openssl rand -base64 32), give it to producers and workers, and say queue: {secret: env:PIPEWRIGHT_QUEUE_SECRET}.',
    });
  }
  const secret = await secrets.resolve('queue.secret', settings.secret);
  if (!secret.ok || secret.value.length >= SHORTEST_SECRET) return secret;
  const detail = `it has fewer than ${SHORTEST_SECRET} characters`;
  return failed({ reason: 'secret-unavailable', name: 'queue.secret', detail });
}

async function passwordOf(
  reference: string | undefined,
  env: Environment,
  secrets: Secrets,
): Promise<Result<string | undefined>> {
  if (reference !== undefined) return secrets.resolve('queue.redis.password', reference);
  // Empty, as it stands in files of examples, is none.
  return (env['REDIS_PASSWORD'] ?? '') === ''
    ? ok(undefined)
    : secrets.resolve('REDIS_PASSWORD', REDIS_PASSWORD);
}

async function addressOf(
  written: string,
  redis: NonNullable<QueueSettings['redis']>,
  secrets: Secrets,
): Promise<Result<RedisAddress>> {
  const text = /^rediss?:\/\//.test(written)
    ? ok(written)
    : await secrets.resolve('queue.redis.url', written);
  if (!text.ok) return text;
  const url = URL.parse(text.value);
  if (!url || !/^rediss?:$/.test(url.protocol) || !/^\/?\d*$/.test(url.pathname)) {
    return failed({
      reason: 'invalid',
      message: 'queue.redis.url does not lead to a redis:// or rediss:// address',
    });
  }
  const password =
    redis.password === undefined
      ? ok(decodeURIComponent(url.password))
      : await secrets.resolve('queue.redis.password', redis.password);
  if (!password.ok) return password;
  return ok({ ...placeIn(url, redis), ...(password.value !== '' && { password: password.value }) });
}

/** What is said beside the address goes over it. */
function placeIn(url: URL, redis: NonNullable<QueueSettings['redis']>): RedisAddress {
  const username = redis.username ?? decodeURIComponent(url.username);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost',
    port: Number(url.port || 6379),
    db: redis.db ?? Number(url.pathname.slice(1)),
    tls: redis.tls ?? url.protocol === 'rediss:',
    ...(username !== '' && { username }),
  };
}

function numberIn(env: Environment, name: string, otherwise: number): number {
  const text = env[name] ?? '';
  return text === '' ? otherwise : Number(text);
}

function wrongNumber(env: Environment, names: readonly string[], least: number): string | undefined {
  const wrong = names.find((name) => {
    const value = numberIn(env, name, least);
    return !Number.isInteger(value) || value < least;
  });
  return wrong && `${wrong} is ${JSON.stringify(env[wrong])}, which is not a whole number from ${least} on`;
}
