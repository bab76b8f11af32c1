import type { Executor } from '../../src/core/ports.ts';
import { queueSchema } from '../../src/core/settings/queue.ts';
import { type ConnectedQueue, connectQueue } from '../../src/queue/index.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createSecrets } from '../../src/system/secrets.ts';
import type { RedisServer } from './redis.ts';
import { createEmbeddedBroker } from '../../src/queue/embedded.ts';
import { openSealer } from '../../src/queue/sealer.ts';
import type { QueueLink } from '../../src/core/queue/link.ts';
import { ok } from '../../src/core/failure.ts';
import { startWorker } from '../../src/queue/worker/worker.ts';
import { createExecutors } from '../../src/executors/index.ts';
import { thisProcess } from '../../src/persistence/process-identity.ts';
import type { ExecutorUnderTest } from '../contract/executor.contract.ts';

/** Of a worker that a test plays. */
export const TIMING = { lockMs: 1000, leaseMs: 5000 };

export const embeddedOptions = {
  backend: 'embedded',
  concurrency: 8,
  maxAttempts: 3,
  keepCompleted: 100,
  keepFailed: 50,
} as const;

/** A run whose steps go to a worker in this process. */
export async function embeddedExecutor(run: ExecutorUnderTest): Promise<Executor> {
  const broker = createEmbeddedBroker({ ...embeddedOptions, backoffMs: 20 });
  return queueExecutor(run, { broker, sealer: openSealer, options: embeddedOptions });
}

/** A run whose steps go through Redis to a worker in this process. */
export async function bullExecutor(run: ExecutorUnderTest, redis: RedisServer): Promise<Executor> {
  const queue = await connect(redis);
  const executor = await queueExecutor(run, queue);
  return {
    ...executor,
    close: async () => {
      await executor.close();
      await queue.broker.close();
    },
  };
}

export const SECRET = 'a secret that nobody guesses';

/** What a producer or a worker has of the queue. */
export async function connect(redis: RedisServer): Promise<ConnectedQueue> {
  const settings = queueSchema.parse({
    secret: 'env:SHARED',
    lock_duration: '1s',
    stalled_interval: '500ms',
  });
  const env = { ...redis.env, SHARED: SECRET };
  const queue = await connectQueue(settings, { env, secrets: createSecrets({ env, project: '/' }) });
  if (!queue.ok) throw new Error(JSON.stringify(queue.failure));
  return queue.value;
}

/** The same through any queue. */
export async function queueExecutor(
  run: ExecutorUnderTest,
  { broker, sealer }: ConnectedQueue,
): Promise<Executor> {
  const self = thisProcess();
  const worker = await startWorker(
    {
      clock: systemClock,
      broker,
      sealer,
      self: { worker: `w-${run.runId}`, host: 'here', place: 'here', process: self },
      isGone: () => undefined,
      executor: (of) => createExecutors({ ...of, graceMs: run.graceMs }).open('local'),
      runFolder: () => run.folder,
      tree: () => Promise.resolve(ok(run.folder)),
      here: run.folder,
      clean: () => Promise.resolve([]),
      timing: TIMING,
      say: () => undefined,
    },
    { queues: ['test-execution'], concurrency: 8, maxConcurrency: 8 },
  );
  if (!worker.ok) throw new Error(JSON.stringify(worker.failure));
  const link: QueueLink = {
    clock: systemClock,
    tree: 'here',
    commit: () => Promise.resolve(ok('')),
    open: () =>
      Promise.resolve(
        ok({
          broker,
          sealer,
          close: () => Promise.resolve(),
        }),
      ),
    timing: { ...TIMING, expiresMs: 60_000, patienceMs: 10_000 },
    say: () => undefined,
  };
  const opened = await createExecutors({
    ...run,
    project: run.folder,
    queue: () => Promise.resolve(link),
  }).open('queue');
  if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
  return {
    ...opened.value,
    close: async () => {
      await opened.value.close();
      await worker.value.stop(0);
    },
  };
}
