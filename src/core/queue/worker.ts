import { z } from 'zod';
import { QUEUES } from './broker.ts';

/** What a worker says of itself, also to others. */
export const workerFactsSchema = z.strictObject({
  worker: z.string(),
  host: z.string(),
  pid: z.number(),
  queues: z.array(z.enum(QUEUES)).readonly(),
  concurrency: z.number(),
  active: z.number(),
  passed: z.number(),
  failed: z.number(),
  lost: z.number(),
  refused: z.number(),
  /** Whether the queue answered when it was last asked. */
  reachable: z.boolean(),
});
export type WorkerFacts = z.output<typeof workerFactsSchema>;

export interface RunningWorker {
  readonly facts: () => WorkerFacts;
  /**
   * Takes no more. What runs may end by itself within `graceMs`; then it is ended and given up as lost, so that its
   * stage's `on_interrupt` decides.
   */
  readonly stop: (graceMs: number) => Promise<void>;
}
