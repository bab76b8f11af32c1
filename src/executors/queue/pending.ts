import type { Settled } from '../../core/queue/messages.ts';
import type { StepOutput } from '../ssh/step-output.ts';

/** How a sent step ended, for its producer. */
export type Ending =
  | Settled
  /** No worker took it, and why. */
  | { readonly state: 'refused'; readonly detail: string }
  /** It was called off before any worker had it. */
  | { readonly state: 'called-off' };

/** A step that was sent, until it has ended and all of its output is here. */
export class Pending {
  readonly #copy: StepOutput;
  readonly #ended = Promise.withResolvers<Ending>();
  #ending: Ending | undefined;
  #missing: (() => void) | undefined;
  /** Of the worker that has it. */
  worker: string | undefined;
  /** The queue has taken it. */
  isSent = false;
  /** So often it was not found in the queue. */
  misses = 0;

  constructor(copy: StepOutput) {
    this.#copy = copy;
  }

  get ended(): Promise<Ending> {
    return this.#ended.promise;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  get received(): number {
    return this.#copy.offsets.log;
  }

  /** The first word counts. */
  end(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#ended.resolve(ending);
  }

  /** Bytes of its log; those that are here already are passed over. */
  take(offset: number, bytes: Uint8Array): void {
    const known = this.received - offset;
    // A gap: a worker began anew somewhere else; what is missing comes from there.
    if (known < 0 || known >= bytes.length) return;
    this.#copy.take('log', bytes.subarray(known));
    this.#missing?.();
  }

  /** Resolves with true when so many bytes are here, with false when `giveUp` aborts before. */
  async whole(size: number, giveUp: AbortSignal): Promise<boolean> {
    const wake = (): void => this.#missing?.();
    giveUp.addEventListener('abort', wake, { once: true });
    while (this.received < size && !giveUp.aborted) {
      await new Promise<void>((resolve) => {
        this.#missing = resolve;
      });
    }
    giveUp.removeEventListener('abort', wake);
    return this.received >= size;
  }
}
