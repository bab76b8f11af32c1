import { ok, type Result } from '../../core/failure.ts';
import type { ConsumerOptions, JobConsumer, QueueName } from '../../core/queue/broker.ts';
import { CLEANUP_QUEUE, STEP_QUEUE } from '../../core/queue/broker.ts';
import {
  type Report,
  orderSchema,
  pack,
  runChannel,
  unpack,
  workerChannel,
  workerName,
} from '../../core/queue/messages.ts';
import type { RunningWorker, WorkerFacts } from '../../core/queue/worker.ts';
import { every, patiently } from '../../core/queue/patience.ts';
import { CleanupProcessor } from './cleanup.ts';
import type { WorkerParts } from './parts.ts';
import { RunExecutors } from './run-executors.ts';
import { nextConcurrency } from './scaling.ts';
import { StepProcessor } from './steps.ts';

export interface WorkerOptions {
  readonly queues: readonly QueueName[];
  readonly concurrency: number;
  /** With more than `concurrency` of them it grows while jobs wait, and shrinks again. */
  readonly maxConcurrency: number;
}

/** A heartbeat that does not come through for so many of its intervals is missed. */
const BEATS_PER_LOCK = 3;
const WATCH_MS = 1000;
/** After everything was ended: for the news of it to leave. */
const FAREWELL_MS = 5000;

/** Takes jobs until it is stopped. Fails where the queue cannot be reached, or may lose jobs. */
export async function startWorker(
  parts: WorkerParts,
  options: WorkerOptions,
): Promise<Result<RunningWorker>> {
  const worker = new QueueWorker(parts, options);
  const started = await worker.start();
  return started.ok ? ok({ facts: () => worker.facts(), stop: (graceMs) => worker.stop(graceMs) }) : started;
}

class QueueWorker {
  readonly #parts: WorkerParts;
  readonly #options: WorkerOptions;
  readonly #executors: RunExecutors;
  readonly #steps: StepProcessor;
  readonly #cleanup: CleanupProcessor;
  readonly #consumers = new Map<QueueName, JobConsumer>();
  readonly #stopping = new AbortController();
  /** Nothing is waited for any more. */
  readonly #closed = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #lastBeatMs = performance.now();
  #isReachable = true;

  constructor(parts: WorkerParts, options: WorkerOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#executors = new RunExecutors(parts);
    this.#steps = new StepProcessor(parts, this.#executors, this.#closed.signal);
    this.#cleanup = new CleanupProcessor(parts, this.#closed.signal);
  }

  async start(): Promise<Result<void>> {
    const { broker, timing, self, clock } = this.#parts;
    await this.#beat();
    for (const queue of this.#options.queues) {
      const consumer = await broker.consume(queue, this.#consumerOf(queue));
      if (!consumer.ok) {
        await this.stop(0);
        return consumer;
      }
      this.#consumers.set(queue, consumer.value);
    }
    const { signal } = this.#closed;
    this.#loops.push(
      every(timing.lockMs / BEATS_PER_LOCK, { clock, signal }, () => this.#beat()),
      every(WATCH_MS, { clock, signal }, () => this.#watch()),
      broker.subscribe(workerChannel(self.worker), (message) => this.#obey(message), signal),
    );
    if (this.#options.queues.includes(CLEANUP_QUEUE))
      this.#loops.push(this.#cleanup.schedule(this.#stopping.signal));
    return ok(undefined);
  }

  facts(): WorkerFacts {
    const { worker, host, process } = this.#parts.self;
    return {
      worker,
      host,
      pid: process.pid,
      queues: this.#options.queues,
      concurrency: this.#consumers.get(STEP_QUEUE)?.concurrency ?? 0,
      active: this.#steps.active,
      ...this.#steps.done,
      reachable: this.#isReachable,
    };
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    const { clock } = this.#parts;
    await Promise.all(
      [...this.#consumers.values()].map((consumer) => consumer.pause().catch(() => undefined)),
    );
    const empty = this.#whenEmpty();
    await Promise.race([empty, clock.sleep(graceMs, this.#closed.signal)]);
    if (this.#steps.active > 0) {
      this.#steps.giveUp(`worker ${this.#parts.self.worker} was stopped in the middle of it`);
      await Promise.race([empty, clock.sleep(graceMs + FAREWELL_MS, this.#closed.signal)]);
    }
    this.#closed.abort();
    await Promise.all(
      [...this.#consumers.values()].map((consumer) => consumer.close().catch(() => undefined)),
    );
    await Promise.all(this.#loops);
    await this.#executors.closeIdle(0);
  }

  async #whenEmpty(): Promise<void> {
    while (this.#steps.active > 0 && !this.#closed.signal.aborted) {
      await this.#parts.clock.sleep(20, this.#closed.signal);
    }
  }

  #consumerOf(queue: QueueName): ConsumerOptions {
    return queue === STEP_QUEUE
      ? { concurrency: this.#options.concurrency, handle: (job) => this.#steps.handle(job) }
      : { concurrency: 1, handle: (job) => this.#cleanup.handle(job) };
  }

  async #beat(): Promise<void> {
    const { broker, self, timing } = this.#parts;
    const beat = await broker.beat(workerName(self.worker), JSON.stringify(this.facts()), timing.lockMs);
    if (beat.ok !== this.#isReachable) {
      this.#parts.say(
        beat.ok ? `${broker.place} is there again` : `${broker.place} does not answer; waiting for it`,
      );
    }
    this.#isReachable = beat.ok;
    if (beat.ok) {
      this.#lastBeatMs = performance.now();
      await this.#steps.claimAgain();
    } else if (performance.now() - this.#lastBeatMs > timing.leaseMs) {
      // Others take us for dead from now on.
      this.#steps.giveUp(`worker ${self.worker} could not reach ${broker.place} and ended it`);
    }
  }

  /** Producers that are gone, executors that idle, how much there is to do. */
  async #watch(): Promise<void> {
    for (const runId of this.#steps.watchedRuns) {
      if (await this.#steps.isProducerGone(runId)) {
        this.#steps.giveUp('it was ended because the process that waits for it is gone', (step) => {
          return step.runId === runId && !step.isKept;
        });
      }
    }
    await this.#executors.closeIdle();
    await this.#scale();
  }

  async #scale(): Promise<void> {
    const { concurrency: least, maxConcurrency: most } = this.#options;
    const consumer = this.#consumers.get(STEP_QUEUE);
    if (!consumer || most <= least || this.#stopping.signal.aborted) return;
    const counts = await this.#parts.broker.counts();
    if (!counts.ok) return;
    const waiting = counts.value.find(({ queue }) => queue === STEP_QUEUE)?.waiting ?? 0;
    const now = consumer.concurrency;
    const next = nextConcurrency({ now, least, most, waiting, active: this.#steps.active });
    if (next === now) return;
    consumer.concurrency = next;
    this.#parts.say(`${waiting} jobs wait: ${next} at a time from now on`);
  }

  async #obey(message: Uint8Array): Promise<void> {
    const { sealer, self, broker } = this.#parts;
    const channel = workerChannel(self.worker);
    const order = unpack(sealer, channel, message, orderSchema);
    if (!order.ok) return broker.countRefused(order.failure);
    const { head } = order.value;
    switch (head.type) {
      case 'cancel':
        this.#steps.cancel(head.key, head.reason);
        return;
      case 'sweep':
        return this.#sweep(head.run_id);
      case 'clean':
        await this.#parts.clean(head.older_than_ms, this.#executors.runIds);
        return;
      default:
        head satisfies never;
    }
  }

  async #sweep(runId: string): Promise<void> {
    const { sealer, self, broker, clock } = this.#parts;
    const commands = [...(await this.#executors.sweep(runId))];
    const report = { type: 'swept', worker: self.worker, commands } satisfies Report;
    const channel = runChannel(runId);
    await patiently(() => broker.publish(channel, pack(sealer, channel, report)), {
      clock,
      signal: this.#closed.signal,
    });
  }
}
