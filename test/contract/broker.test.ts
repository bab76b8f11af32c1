import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Handled, JobBroker } from '../../src/core/queue/broker.ts';
import { createEmbeddedBroker } from '../../src/queue/embedded.ts';
import { connect } from '../support/queue-rig.ts';
import { hasRedis, type RedisServer, startRedis } from '../support/redis.ts';

const WITHIN = { timeout: 20_000 };

/** What every queue promises; run on each. */
function brokerContract(name: string, open: () => Promise<JobBroker>): void {
  describe(`${name} keeps the broker contract`, () => {
    let broker: JobBroker;
    let ids = 0;
    beforeAll(async () => {
      broker = await open();
    });
    afterAll(async () => {
      await broker.close();
    });
    const newId = (): string => `run~step@1~${(ids += 1)}`;
    const value = <T>(result: {
      readonly ok: boolean;
      readonly value?: T;
      readonly failure?: unknown;
    }): T => {
      if (!result.ok || result.value === undefined) throw new Error(JSON.stringify(result.failure));
      return result.value;
    };
    const answering = async (answers: readonly Handled[], id: string): Promise<string[]> => {
      const seen: string[] = [];
      await broker.add('cleanup', { id, data: 'x' });
      const consumer = value(
        await broker.consume('cleanup', {
          concurrency: 1,
          handle: (job) => {
            const answer = answers[seen.length] ?? { state: 'done' };
            seen.push(`${job.data} ${job.delivery} ${job.isLast ? 'last' : 'more'}`);
            return Promise.resolve(answer);
          },
        }),
      );
      await expect
        .poll(async () => value(await broker.facts('cleanup', id)).state, WITHIN)
        .toMatch(/completed|failed/);
      await consumer.pause();
      await consumer.close();
      return seen;
    };

    test('a job waits until it is taken, and is taken once, however often it was put in', async () => {
      const id = newId();
      await broker.add('cleanup', { id, data: 'x' });
      expect(value(await broker.facts('cleanup', id))).toEqual({ state: 'waiting' });
      expect(await answering([], id)).toEqual(['x 1 more']);
      expect(value(await broker.facts('cleanup', id))).toEqual({ state: 'completed' });
      expect(value(await broker.facts('cleanup', 'unknown'))).toEqual({ state: 'absent' });
    });

    test('a job that fails is tried again up to three times, and is then a dead letter with its reason', async () => {
      const id = newId();
      const failure = { state: 'failed', reason: 'no clone', retry: true } as const;
      expect(await answering([failure, failure, failure, failure], id)).toHaveLength(3);
      expect(value(await broker.facts('cleanup', id))).toEqual({ state: 'failed', reason: 'no clone' });
      const [newest] = value(await broker.failedJobs(5));
      expect(newest).toMatchObject({ id, queue: 'cleanup', reason: 'no clone', attempts: 3 });
      expect(value(await broker.retry('cleanup', id))).toBe(true);
      expect(await answering([], id)).toHaveLength(1);
      expect(value(await broker.retry('cleanup', id))).toBe(false);
    });

    test('what cannot heal is a dead letter at once; what is for later comes again and is no try', async () => {
      const refused = newId();
      expect(await answering([{ state: 'failed', reason: 'refused', retry: false }], refused)).toHaveLength(
        1,
      );
      const later = { state: 'later', delayMs: 10 } as const;
      expect(await answering([later, later], newId())).toEqual(['x 1 more', 'x 2 more', 'x 3 more']);
    });

    test('a job that waits can be removed, and all that wait drained', async () => {
      const [first, second] = [newId(), newId()];
      for (const id of [first, second]) await broker.add('cleanup', { id, data: 'x' });
      expect(value(await broker.remove('cleanup', first))).toBe(true);
      const before = value(await broker.counts()).find(({ queue }) => queue === 'cleanup');
      expect(before).toMatchObject({ waiting: 1 });
      expect(before?.oldest_waiting_ms).toBeGreaterThanOrEqual(0);
      expect(value(await broker.drain('cleanup'))).toBe(1);
      expect(value(await broker.facts('cleanup', second))).toEqual({ state: 'absent' });
    });

    test('the first claim and the first result of a step stay', async () => {
      const key = newId();
      expect(value(await broker.record(key))).toEqual({});
      expect(value(await broker.claim(key, 'one'))).toEqual({ claim: 'one' });
      expect(value(await broker.claim(key, 'two'))).toEqual({ claim: 'one' });
      expect(value(await broker.settle(key, 'end'))).toEqual({ claim: 'one', settled: 'end' });
      expect(value(await broker.settle(key, 'other'))).toEqual({ claim: 'one', settled: 'end' });
    });

    test('messages arrive in order, byte for byte, also those from before; a full channel takes no more', async () => {
      const sent = [0, 1, 2, 3].map((at) => Buffer.from([at, 0, 255]));
      const took: boolean[] = [];
      for (const message of sent) took.push(value(await broker.publish('c', message, 2)));
      expect(took).toEqual([true, true, true, false]);
      const stop = new AbortController();
      const got: string[] = [];
      const reading = broker.subscribe(
        'c',
        (message) => void got.push(Buffer.from(message).toString('hex')),
        stop.signal,
      );
      await expect.poll(() => got, WITHIN).toEqual(['0000ff', '0100ff', '0200ff']);
      await expect
        .poll(async () => value(await broker.publish('c', Buffer.from('late'), 0)), WITHIN)
        .toBe(true);
      await expect.poll(() => got, WITHIN).toHaveLength(4);
      stop.abort();
      await reading;
    });

    test('who was heard of lately is present, with what he said', async () => {
      await broker.beat('worker/a*', 'facts', 60_000);
      await broker.beat('worker/b', 'gone', 1);
      await expect.poll(async () => value(await broker.isPresent('worker/b'))).toBe(false);
      expect(value(await broker.isPresent('worker/a*'))).toBe(true);
      expect(value(await broker.present('worker/'))).toEqual({ 'worker/a*': 'facts' });
    });

    test('refused jobs are counted by reason', async () => {
      for (const reason of ['expired', 'forged', 'expired']) await broker.countRefused(reason);
      expect(value(await broker.refused())).toEqual({ expired: 2, forged: 1 });
    });
  });
}

brokerContract('the queue of this process', () =>
  Promise.resolve(createEmbeddedBroker({ maxAttempts: 3, backoffMs: 5, keepCompleted: 100, keepFailed: 50 })),
);

describe.skipIf(!hasRedis())('on Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });
  brokerContract('BullMQ', async () => (await connect(redis)).broker);

  test('a Redis that may throw jobs away is refused, with the command that changes it', async () => {
    redis.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru');
    await expect(connect(redis)).rejects.toThrow(/allkeys-lru.*CONFIG SET maxmemory-policy noeviction/);
    redis.cli('config', 'set', 'maxmemory-policy', 'noeviction');
  });

  test('a Redis that is away is said within seconds, and the password in no message', async () => {
    await redis.kill();
    await expect(connect(redis)).rejects.toThrow(/Redis at 127.0.0.1:\d+: ECONNREFUSED/);
    await expect(connect(redis)).rejects.not.toThrow(redis.password);
    await redis.start();
    await expect(connect({ ...redis, env: { ...redis.env, REDIS_PASSWORD: 'wrong' } })).rejects.toThrow(
      /authentication/,
    );
  });
});
