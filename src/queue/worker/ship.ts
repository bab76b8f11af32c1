import { setImmediate as nextTurn } from 'node:timers/promises';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Sealer } from '../../core/queue/broker.ts';
import type { JobBroker } from '../../core/queue/broker.ts';
import { pack, type Report, runChannel } from '../../core/queue/messages.ts';
import { patiently } from '../../core/queue/patience.ts';
import type { Clock } from '../../core/ports.ts';

const CHUNK_BYTES = 256 * 1024;
/** So many messages of a run may wait for their producer; what more there is stays on our disk meanwhile. */
const WAITING_MESSAGES = 32;
const LOOK_MS = 30;
const FULL_MS = 20;

interface Shipment {
  readonly clock: Clock;
  readonly broker: JobBroker;
  readonly sealer: Sealer;
  readonly runId: string;
  readonly key: string;
  readonly logFile: string;
  /** What of it is not wanted any more. */
  readonly signal: AbortSignal;
}

/** Sends what a step prints to the producer of its run while it prints it. */
export class Shipping {
  readonly #shipment: Shipment;
  readonly #sent: Promise<void>;
  readonly #ended = new AbortController();
  #offset = 0;
  #fd: number | undefined;

  constructor(shipment: Shipment) {
    this.#shipment = shipment;
    this.#sent = this.#sendAll();
  }

  /** No more comes; resolves with the size of the log. `sent` resolves when all of it has been taken. */
  end(): { readonly bytes: number; readonly sent: Promise<void> } {
    this.#open();
    const bytes = this.#fd === undefined ? 0 : fstatSync(this.#fd).size;
    this.#ended.abort();
    return { bytes, sent: this.#sent };
  }

  async #sendAll(): Promise<void> {
    const { signal } = this.#shipment;
    try {
      while (!signal.aborted) {
        const isOver = this.#ended.signal.aborted;
        if (await this.#sendSome()) {
          // A queue in this process never waits: timers and signals must have their turn all the same.
          await nextTurn();
          continue;
        }
        if (isOver) return;
        await this.#shipment.clock.sleep(LOOK_MS, AbortSignal.any([signal, this.#ended.signal]));
      }
    } finally {
      if (this.#fd !== undefined) closeSync(this.#fd);
      this.#fd = undefined;
    }
  }

  /** False when there is nothing new. */
  async #sendSome(): Promise<boolean> {
    this.#open();
    if (this.#fd === undefined) return false;
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const size = readSync(this.#fd, buffer, 0, CHUNK_BYTES, this.#offset);
    if (size === 0) return false;
    const { clock, broker, sealer, runId, key, signal } = this.#shipment;
    const head = { type: 'output', key, offset: this.#offset } satisfies Report;
    const channel = runChannel(runId);
    const message = pack(sealer, channel, head, buffer.subarray(0, size));
    while (!signal.aborted) {
      const taken = await patiently(() => broker.publish(channel, message, WAITING_MESSAGES), {
        clock,
        signal,
      });
      if (taken.ok && taken.value) break;
      await clock.sleep(FULL_MS, signal);
    }
    this.#offset += size;
    return true;
  }

  /** The log is there once the step has begun. */
  #open(): void {
    if (this.#fd !== undefined || (this.#ended.signal.aborted && this.#offset > 0)) return;
    try {
      this.#fd = openSync(this.#shipment.logFile, 'r');
    } catch {
      // Not yet, or never: a step that was refused.
    }
  }
}
