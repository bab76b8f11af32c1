import { DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq';
import { ok, type Result } from '../../core/failure.ts';
import type { ConsumerOptions, JobConsumer, QueueName } from '../../core/queue/broker.ts';
import { unreachable } from '../../core/queue/messages.ts';
import type { BullOptions } from './broker.ts';
import { connect, placeOf, redisOptions } from './connection.ts';

/** How long a worker waits for Redis before it says that there is none. */
const READY_MS = 5000;
const HOUR_MINUTES = 60;

/**
 * A BullMQ worker. Its lock is short, so that the jobs of a worker that was killed are found within seconds; our
 * processors only wait for child processes, so the lock is always renewed in time.
 */
export async function openConsumer(
  name: QueueName,
  options: BullOptions,
  { concurrency, handle }: ConsumerOptions,
): Promise<Result<JobConsumer>> {
  const worker = new Worker(name, (job, token) => process(job, token, handle), {
    connection: redisOptions(options.address),
    prefix: options.prefix,
    skipVersionCheck: true,
    concurrency,
    lockDuration: options.lockMs,
    stalledInterval: options.stalledMs,
    maxStalledCount: 1,
    runRetryDelay: 1000,
    // Delayed jobs are looked for after an idle wait.
    drainDelay: 1,
    metrics: { maxDataPoints: HOUR_MINUTES },
  });
  // It tries again by itself; the worker's own heartbeat says that Redis is away.
  worker.on('error', () => undefined);
  if (!(await isReady(worker))) {
    await worker.close(true).catch(() => undefined);
    return unreachable(placeOf(options.address), 'does not answer');
  }
  return ok({
    get concurrency() {
      return worker.concurrency;
    },
    set concurrency(wanted) {
      worker.concurrency = wanted;
    },
    pause: () => worker.pause(true),
    close: () => endOf(worker, options),
  });
}

/** With a goodbye to Redis, or cut: where Redis is away a goodbye would wait for it, and this process with it. */
async function endOf(worker: Worker, { address }: BullOptions): Promise<void> {
  const reached = await connect(address);
  if (reached.ok) reached.value.disconnect();
  await worker.close(!reached.ok);
}

async function isReady(worker: Worker): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), READY_MS);
  const ready = worker.waitUntilReady().then(
    () => true,
    () => false,
  );
  return Promise.race([ready, late]).finally(() => clearTimeout(timer));
}

async function process(
  job: Job,
  token: string | undefined,
  handle: ConsumerOptions['handle'],
): Promise<void> {
  const data: unknown = job.data;
  const handled = await handle({
    id: job.id ?? '',
    data: typeof data === 'object' && data !== null && 'sealed' in data ? String(data.sealed) : '',
    delivery: job.attemptsStarted,
    isLast: job.attemptsMade + 1 >= (job.opts.attempts ?? 1),
  });
  switch (handled.state) {
    case 'done':
      return;
    case 'later':
      await job.moveToDelayed(Date.now() + handled.delayMs, token);
      throw new DelayedError();
    case 'failed':
      throw handled.retry ? new Error(handled.reason) : new UnrecoverableError(handled.reason);
    default:
      handled satisfies never;
  }
}
