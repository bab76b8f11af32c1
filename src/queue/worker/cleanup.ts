import { z } from 'zod';
import type { DeliveredJob, Handled } from '../../core/queue/broker.ts';
import { CLEANUP_QUEUE } from '../../core/queue/broker.ts';
import {
  type Order,
  pack,
  packText,
  unpackText,
  workerChannel,
  workerName,
} from '../../core/queue/messages.ts';
import { every } from '../../core/queue/patience.ts';
import type { WorkerParts } from './parts.ts';

const HOUR_MS = 3_600_000;
/** Trees and outputs of runs from which nothing came for so long are removed. */
const OLD_MS = 7 * 24 * HOUR_MS;

const cleanupSchema = z.strictObject({ id: z.string(), older_than_ms: z.number().min(0) });

/** Has every worker remove what is old: one job an hour among all of them, carried out on each machine. */
export class CleanupProcessor {
  readonly #parts: WorkerParts;
  readonly #closed: AbortSignal;

  constructor(parts: WorkerParts, closed: AbortSignal) {
    this.#parts = parts;
    this.#closed = closed;
  }

  /** Whichever worker comes first puts the job of this hour in. */
  schedule(stopping: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stopping, this.#closed]);
    return every(HOUR_MS / 4, { clock: this.#parts.clock, signal }, async () => {
      const { broker, sealer } = this.#parts;
      const id = `cleanup~${Math.floor(Date.now() / HOUR_MS)}`;
      const data = packText(sealer, 'cleanup', { id, older_than_ms: OLD_MS });
      await broker.add(CLEANUP_QUEUE, { id, data });
    });
  }

  async handle(job: DeliveredJob): Promise<Handled> {
    const { broker, sealer } = this.#parts;
    const opened = unpackText(sealer, 'cleanup', job.data, cleanupSchema);
    if (!opened.ok || opened.value.id !== job.id) {
      await broker.countRefused(opened.ok ? 'replayed' : opened.failure);
      return { state: 'failed', reason: 'refused: it is not signed by one of us', retry: false };
    }
    const workers = await broker.present(workerName(''));
    if (!workers.ok) return { state: 'failed', reason: 'the workers are not known', retry: true };
    const order = { type: 'clean', older_than_ms: opened.value.older_than_ms } satisfies Order;
    for (const name of Object.keys(workers.value)) {
      const channel = workerChannel(name.slice(workerName('').length));
      await broker.publish(channel, pack(sealer, channel, order));
    }
    return { state: 'done' };
  }
}
