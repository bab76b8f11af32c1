import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { failed, ok, type Result } from '../../core/failure.ts';
import type {
  FailedJob,
  JobBroker,
  JobFacts,
  QueueCounts,
  QueueName,
  StepRecord,
} from '../../core/queue/broker.ts';
import { QUEUES } from '../../core/queue/broker.ts';
import { readChannel } from './channel.ts';
import { ask, connect, evictionProblem, placeOf, type RedisAddress, redisOptions } from './connection.ts';
import { openConsumer } from './consumer.ts';

export interface BullOptions {
  readonly address: RedisAddress;
  /** BullMQ's: its keys are `<prefix>:<queue>:…`. */
  readonly prefix: string;
  readonly maxAttempts: number;
  readonly backoffMs: number;
  readonly keepCompleted: number;
  readonly keepFailed: number;
  readonly lockMs: number;
  readonly stalledMs: number;
}

/** Claims and results outlive the longest wait of a job, and a weekend. */
const RECORD_MS = 7 * 24 * 3_600_000;
const CHANNEL_MS = 24 * 3_600_000;
/** Of BullMQ's per-minute figures. */
const MINUTES = 10;

/** Jobs in BullMQ's queues, the rest in keys beside them. Fails where Redis may throw jobs away. */
export async function openBullBroker(options: BullOptions): Promise<Result<JobBroker>> {
  const { address } = options;
  const connected = await connect(address);
  if (!connected.ok) return connected;
  const client = connected.value;
  const problem = await evictionProblem(client, address);
  if (!problem.ok || problem.value !== undefined) {
    client.disconnect();
    return problem.ok ? failed({ reason: 'invalid', message: problem.value ?? '' }) : problem;
  }
  return ok(createBroker(options, client));
}

function createBroker(options: BullOptions, client: Redis): JobBroker {
  const { address, prefix } = options;
  const queues = new Map<QueueName, Queue>();
  const readers = new Set<Redis>();
  const queue = (name: QueueName): Queue => {
    const known = queues.get(name) ?? openQueue(name, options, client);
    queues.set(name, known);
    return known;
  };
  const key = (kind: string, name: string): string => `pipewright:${prefix}:${kind}:${name}`;
  const asking = <T>(question: () => Promise<T>): Promise<Result<T>> => ask(address, question);
  return {
    place: placeOf(address),
    isDurable: true,
    add: (name, { id, data }) =>
      asking(async () => {
        await queue(name).add('job', { sealed: data }, { jobId: id });
      }),
    facts: (name, id) => asking(() => factsOf(queue(name), id)),
    remove: (name, id) => asking(async () => (await queue(name).remove(id)) === 1),
    consume: (name, given) => openConsumer(name, options, given),
    claim: (name, claim) => asking(() => writeOnce(client, key('step', name), 'claim', claim)),
    settle: (name, settled) => asking(() => writeOnce(client, key('step', name), 'settled', settled)),
    record: (name) => asking(async () => recordOf(await client.hgetall(key('step', name)))),
    publish: (channel, message, limit) =>
      asking(async () => {
        const stream = key('channel', channel);
        if (limit !== undefined && (await client.xlen(stream)) > limit) return false;
        await client.multi().xadd(stream, '*', 'm', Buffer.from(message)).pexpire(stream, CHANNEL_MS).exec();
        return true;
      }),
    subscribe: async (channel, take, signal) => {
      const reader = new Redis({ ...redisOptions(address) });
      reader.on('error', () => undefined);
      readers.add(reader);
      try {
        await readChannel({ reader, client, stream: key('channel', channel), take, signal });
      } finally {
        readers.delete(reader);
        reader.disconnect();
      }
    },
    beat: (name, facts, ttlMs) =>
      asking(async () => {
        await client.set(key('present', name), facts, 'PX', ttlMs);
      }),
    isPresent: (name) => asking(async () => (await client.exists(key('present', name))) === 1),
    present: (start) => asking(() => presentOnes(client, key('present', ''), start)),
    showProgress: (runId, document) =>
      asking(async () => {
        await client.set(`progress:${runId}`, document, 'PX', CHANNEL_MS);
      }),
    countRefused: async (reason) => {
      await asking(() => client.hincrby(key('refused', 'jobs'), reason, 1));
    },
    refused: () =>
      asking(async () => {
        const counts = Object.entries(await client.hgetall(key('refused', 'jobs')));
        return Object.fromEntries(counts.map(([reason, count]) => [reason, Number(count)]));
      }),
    counts: () => asking(() => Promise.all(QUEUES.map((name) => countsOf(queue(name), name)))),
    failedJobs: (limit) => asking(() => failures(QUEUES.map(queue), limit)),
    retry: (name, id) => asking(() => retry(queue(name), id)),
    drain: (name) => asking(() => drain(queue(name))),
    close: async () => {
      for (const reader of readers) reader.disconnect();
      await Promise.all([...queues.values()].map((each) => each.close()));
      client.disconnect();
    },
  };
}

function openQueue(name: QueueName, options: BullOptions, client: Redis): Queue {
  const queue = new Queue(name, {
    connection: client,
    prefix: options.prefix,
    skipVersionCheck: true,
    defaultJobOptions: {
      attempts: options.maxAttempts,
      backoff: { type: 'exponential', delay: options.backoffMs },
      removeOnComplete: options.keepCompleted,
      removeOnFail: options.keepFailed,
      stackTraceLimit: 0,
    },
  });
  queue.on('error', () => undefined);
  return queue;
}

async function writeOnce(
  client: Redis,
  name: string,
  field: 'claim' | 'settled',
  value: string,
): Promise<StepRecord> {
  const answers = await client
    .multi()
    .hsetnx(name, field, value)
    .pexpire(name, RECORD_MS)
    .hgetall(name)
    .exec();
  const [error, record] = answers?.[2] ?? [new Error('no answer'), undefined];
  if (error) throw error;
  return recordOf(record);
}

function recordOf(hash: unknown): StepRecord {
  if (typeof hash !== 'object' || hash === null) return {};
  const text = (name: string): string | undefined => {
    const value = Object.entries(hash).find(([known]) => known === name)?.[1];
    return typeof value === 'string' ? value : undefined;
  };
  const [claim, settled] = [text('claim'), text('settled')];
  return { ...(claim !== undefined && { claim }), ...(settled !== undefined && { settled }) };
}

async function factsOf(queue: Queue, id: string): Promise<JobFacts> {
  const state = await queue.getJobState(id);
  switch (state) {
    case 'unknown':
      return { state: 'absent' };
    case 'failed': {
      const job = await queue.getJob(id);
      return { state, reason: job?.failedReason ?? '' };
    }
    case 'active':
    case 'completed':
      return { state };
    default:
      return { state: 'waiting' };
  }
}

async function presentOnes(client: Redis, space: string, start: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const pattern = `${space}${start}`.replaceAll(/[\\*?[\]]/g, String.raw`\$&`);
  let cursor = '0';
  do {
    const [next, names] = await client.scan(cursor, 'MATCH', `${pattern}*`, 'COUNT', 200);
    for (const name of names) {
      const facts = await client.get(name);
      if (facts !== null) found[name.slice(space.length)] = facts;
    }
    cursor = next;
  } while (cursor !== '0');
  return found;
}

async function countsOf(queue: Queue, name: QueueName): Promise<QueueCounts> {
  const counts = await queue.getJobCounts(
    'waiting',
    'prioritized',
    'active',
    'delayed',
    'completed',
    'failed',
  );
  const of = (state: string): number => counts[state] ?? 0;
  const [oldest] = await queue.getWaiting(0, 0);
  const ended = await Promise.all([
    queue.getMetrics('completed', 0, MINUTES - 1),
    queue.getMetrics('failed', 0, MINUTES - 1),
  ]);
  const perMinute = ended.flatMap(({ data }) => data.map(Number));
  return {
    queue: name,
    waiting: of('waiting') + of('prioritized'),
    active: of('active'),
    delayed: of('delayed'),
    completed: of('completed'),
    failed: of('failed'),
    ...(oldest && { oldest_waiting_ms: Math.max(0, Date.now() - oldest.timestamp) }),
    per_minute: perMinute.reduce((sum, count) => sum + count, 0) / MINUTES,
  };
}

async function failures(queues: readonly Queue[], limit: number): Promise<readonly FailedJob[]> {
  const found = await Promise.all(
    queues.map(async (queue) => {
      const jobs = await queue.getFailed(0, limit - 1);
      const name = QUEUES.find((known) => known === queue.name) ?? 'test-execution';
      return jobs.map((job) => ({
        id: job.id ?? '',
        queue: name,
        reason: job.failedReason ?? '',
        attempts: job.attemptsMade,
        failed_at: new Date(job.finishedOn ?? 0).toISOString(),
      }));
    }),
  );
  return found
    .flat()
    .toSorted((a, b) => b.failed_at.localeCompare(a.failed_at))
    .slice(0, limit);
}

async function retry(queue: Queue, id: string): Promise<boolean> {
  const job = await queue.getJob(id);
  if (!job || !(await job.isFailed())) return false;
  await job.retry('failed', { resetAttemptsMade: true });
  return true;
}

async function drain(queue: Queue): Promise<number> {
  const counts = await queue.getJobCounts('waiting', 'prioritized', 'delayed');
  await queue.drain(true);
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
