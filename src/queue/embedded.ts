import { ok } from '../core/failure.ts';
import type {
  ConsumerOptions,
  FailedJob,
  JobBroker,
  JobConsumer,
  JobFacts,
  QueueCounts,
  QueuedJob,
  QueueName,
  StepRecord,
} from '../core/queue/broker.ts';
import { QUEUES } from '../core/queue/broker.ts';
import { Mailbox } from './mailbox.ts';

interface EmbeddedOptions {
  readonly maxAttempts: number;
  readonly backoffMs: number;
  readonly keepCompleted: number;
  readonly keepFailed: number;
}

interface Job extends QueuedJob {
  readonly queue: QueueName;
  state: 'waiting' | 'delayed' | 'active' | 'completed' | 'failed';
  /** Monotonic. */
  addedAtMs: number;
  endedAtMs: number;
  failedAt: string;
  attempts: number;
  deliveries: number;
  reason: string | undefined;
}

/** Of what `counts` calls throughput. */
const WINDOW_MS = 10 * 60_000;

/** A queue in this process: the same promises as the one on Redis, for as long as the process lives. */
export function createEmbeddedBroker(options: EmbeddedOptions): JobBroker {
  const queue = new EmbeddedQueue(options);
  const records = new Map<string, StepRecord>();
  const mailboxes = new Map<string, Mailbox>();
  const beats = new Map<string, { readonly facts: string; readonly untilMs: number }>();
  const refused = new Map<string, number>();
  const mailbox = (channel: string): Mailbox => {
    const known = mailboxes.get(channel) ?? new Mailbox();
    mailboxes.set(channel, known);
    return known;
  };
  const write = (
    key: string,
    more: StepRecord,
  ): Promise<{ readonly ok: true; readonly value: StepRecord }> => {
    const record = { ...more, ...records.get(key) };
    records.set(key, record);
    return Promise.resolve(ok(record));
  };
  const there = (prefix: string): [string, string][] =>
    [...beats].flatMap(([name, { facts, untilMs }]) =>
      name.startsWith(prefix) && performance.now() < untilMs ? [[name, facts]] : [],
    );
  return {
    place: 'the queue of this process',
    isDurable: false,
    add: (name, job) => Promise.resolve(ok(queue.add(name, job))),
    facts: (name, id) => Promise.resolve(ok(queue.facts(name, id))),
    remove: (name, id) => Promise.resolve(ok(queue.remove(name, id))),
    consume: (name, given) => Promise.resolve(ok(queue.consume(name, given))),
    claim: (key, claim) => write(key, { claim }),
    settle: (key, settled) => write(key, { settled }),
    record: (key) => Promise.resolve(ok(records.get(key) ?? {})),
    publish: (channel, message, limit) => Promise.resolve(ok(mailbox(channel).put(message, limit))),
    subscribe: async (channel, take, signal) => {
      await mailbox(channel).read(take, signal);
      mailboxes.delete(channel);
    },
    beat: (name, facts, ttlMs) => {
      beats.set(name, { facts, untilMs: performance.now() + ttlMs });
      return Promise.resolve(ok(undefined));
    },
    isPresent: (name) => Promise.resolve(ok(there(name).some(([known]) => known === name))),
    present: (prefix) => Promise.resolve(ok(Object.fromEntries(there(prefix)))),
    showProgress: () => Promise.resolve(ok(undefined)),
    countRefused: (reason) => {
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
      return Promise.resolve();
    },
    refused: () => Promise.resolve(ok(Object.fromEntries(refused))),
    counts: () => Promise.resolve(ok(QUEUES.map((name) => queue.counts(name)))),
    failedJobs: (limit) => Promise.resolve(ok(queue.failed(limit))),
    retry: (name, id) => Promise.resolve(ok(queue.retry(name, id))),
    drain: (name) => Promise.resolve(ok(queue.drain(name))),
    close: () => {
      queue.close();
      return Promise.resolve();
    },
  };
}

/** Jobs by id, oldest first, and whoever takes them. */
class EmbeddedQueue {
  readonly #options: EmbeddedOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #consumers = new Map<QueueName, Set<Consumer>>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: EmbeddedOptions) {
    this.#options = options;
  }

  add(queue: QueueName, { id, data }: QueuedJob): void {
    if (this.#jobs.has(id)) return;
    const fresh = { addedAtMs: performance.now(), endedAtMs: 0, failedAt: '', attempts: 0, deliveries: 0 };
    this.#jobs.set(id, { id, data, queue, state: 'waiting', reason: undefined, ...fresh });
    this.#wake(queue);
  }

  facts(queue: QueueName, id: string): JobFacts {
    const job = this.#find(queue, id);
    if (!job) return { state: 'absent' };
    const state = job.state === 'delayed' ? 'waiting' : job.state;
    return { state, ...(job.reason !== undefined && { reason: job.reason }) };
  }

  remove(queue: QueueName, id: string): boolean {
    const job = this.#find(queue, id);
    if (job?.state === 'active') return false;
    return this.#jobs.delete(id);
  }

  consume(queue: QueueName, options: ConsumerOptions): JobConsumer {
    const consumer: Consumer = {
      concurrency: options.concurrency,
      active: new Set(),
      isPaused: false,
      take: async (job) => this.#handle(job, options),
    };
    const all = this.#consumers.get(queue) ?? new Set();
    this.#consumers.set(queue, all.add(consumer));
    this.#wake(queue);
    const wake = (): void => this.#wake(queue);
    return {
      get concurrency() {
        return consumer.concurrency;
      },
      set concurrency(wanted) {
        consumer.concurrency = wanted;
        wake();
      },
      pause: () => {
        consumer.isPaused = true;
        return Promise.resolve();
      },
      close: async () => {
        consumer.isPaused = true;
        await Promise.all(consumer.active);
        all.delete(consumer);
      },
    };
  }

  counts(queue: QueueName): QueueCounts {
    const jobs = [...this.#jobs.values()].filter((job) => job.queue === queue);
    const count = (state: Job['state']): number => jobs.filter((job) => job.state === state).length;
    const oldest = jobs.find(({ state }) => state === 'waiting');
    const recent = jobs.filter(({ endedAtMs }) => endedAtMs > 0 && performance.now() - endedAtMs < WINDOW_MS);
    return {
      queue,
      waiting: count('waiting'),
      active: count('active'),
      delayed: count('delayed'),
      completed: count('completed'),
      failed: count('failed'),
      ...(oldest && { oldest_waiting_ms: Math.round(performance.now() - oldest.addedAtMs) }),
      per_minute: recent.length / (WINDOW_MS / 60_000),
    };
  }

  failed(limit: number): readonly FailedJob[] {
    const failures = [...this.#jobs.values()].filter(({ state }) => state === 'failed');
    return failures
      .toReversed()
      .slice(0, limit)
      .map(({ id, queue, reason = '', attempts, failedAt }) => ({
        id,
        queue,
        reason,
        attempts,
        failed_at: failedAt,
      }));
  }

  retry(queue: QueueName, id: string): boolean {
    const job = this.#find(queue, id);
    if (job?.state !== 'failed') return false;
    job.attempts = 0;
    this.#toWaiting(job);
    return true;
  }

  drain(queue: QueueName): number {
    const waiting = [...this.#jobs.values()].filter(
      (job) => job.queue === queue && (job.state === 'waiting' || job.state === 'delayed'),
    );
    for (const { id } of waiting) this.#jobs.delete(id);
    return waiting.length;
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #find(queue: QueueName, id: string): Job | undefined {
    const job = this.#jobs.get(id);
    return job?.queue === queue ? job : undefined;
  }

  #wake(queue: QueueName): void {
    for (const consumer of this.#consumers.get(queue) ?? []) {
      while (!consumer.isPaused && consumer.active.size < consumer.concurrency) {
        const next = [...this.#jobs.values()].find((job) => job.queue === queue && job.state === 'waiting');
        if (!next) return;
        next.state = 'active';
        const work = consumer.take(next).finally(() => {
          consumer.active.delete(work);
          this.#wake(queue);
        });
        consumer.active.add(work);
      }
    }
  }

  async #handle(job: Job, { handle }: ConsumerOptions): Promise<void> {
    job.deliveries += 1;
    const isLast = job.attempts + 1 >= this.#options.maxAttempts;
    const handled = await handle({ id: job.id, data: job.data, delivery: job.deliveries, isLast });
    if (handled.state === 'later') return this.#delay(job, handled.delayMs);
    job.attempts += 1;
    if (handled.state === 'failed') {
      job.reason = handled.reason;
      if (handled.retry && !isLast)
        return this.#delay(job, this.#options.backoffMs * 2 ** (job.attempts - 1));
    }
    job.state = handled.state === 'done' ? 'completed' : 'failed';
    job.endedAtMs = performance.now();
    job.failedAt = new Date().toISOString();
    this.#forget(job.state);
  }

  #delay(job: Job, delayMs: number): void {
    job.state = 'delayed';
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (job.state === 'delayed') this.#toWaiting(job);
    }, delayMs).unref();
    this.#timers.add(timer);
  }

  #toWaiting(job: Job): void {
    job.state = 'waiting';
    this.#wake(job.queue);
  }

  /** Only so many ended jobs are kept, the newest. */
  #forget(state: 'completed' | 'failed'): void {
    const keep = state === 'completed' ? this.#options.keepCompleted : this.#options.keepFailed;
    const ended = [...this.#jobs.values()].filter((job) => job.state === state);
    for (const { id } of ended.slice(0, Math.max(0, ended.length - keep))) this.#jobs.delete(id);
  }
}

interface Consumer {
  concurrency: number;
  readonly active: Set<Promise<void>>;
  isPaused: boolean;
  readonly take: (job: Job) => Promise<void>;
}
