import { afterAll, beforeAll, describe } from 'vitest';
import { bullExecutor, embeddedExecutor } from '../support/queue-rig.ts';
import { hasRedis, type RedisServer, startRedis } from '../support/redis.ts';
import { executorContract } from './executor.contract.ts';

describe('through the queue of this process', () => {
  executorContract('queue, embedded,', (run) => embeddedExecutor(run));
});

describe.skipIf(!hasRedis())('through Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  executorContract('queue, BullMQ,', (run) => bullExecutor(run, redis));
});
