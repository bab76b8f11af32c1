import type { Draft, RunEvent } from './events.ts';
import type { Clock, Journal } from './ports.ts';
import { reduce, type RunState } from './run-state.ts';

/** Called for every durable event, in order, with the state after it. Must not throw. */
export type Observer = (event: RunEvent, state: RunState) => void;

interface EventLogOptions {
  readonly runId: string;
  readonly journal: Journal;
  readonly clock: Clock;
  /** The run so far. */
  readonly state: RunState;
  readonly observers: readonly Observer[];
}

/**
 * The single source of truth about one run. An event is folded into `state` at once, so that the
 * next decision sees it; it is shown to observers only after the journal has it.
 */
export class EventLog {
  #state: RunState;
  #failure: unknown;
  #tail: Promise<void> = Promise.resolve();
  readonly #options: EventLogOptions;
  readonly #broken = new AbortController();

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  get state(): RunState {
    return this.#state;
  }

  /** What the journal failed with; from then on nothing is recorded. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Aborts when the journal fails: a run that could not be resumed must not go on. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  /** Resolves when the event, and all before it, are durable. Rejects when the journal has failed. */
  append(draft: Draft): Promise<void> {
    const { runId, journal, clock, observers } = this.#options;
    const stamp = { seq: this.#state.last_seq + 1, at: clock.now(), run_id: runId };
    const event: RunEvent = { ...draft, ...stamp };
    const after = reduce(this.#state, event);
    this.#state = after;
    const durable = journal.append([event]);
    this.#tail = this.#settle(this.#tail, durable, () => {
      for (const notify of observers) notify(event, after);
    });
    return this.#tail;
  }

  /** As `append`, for events that a later, awaited one will make durable. */
  record(draft: Draft): void {
    this.append(draft).catch(() => undefined);
  }

  async #settle(before: Promise<void>, durable: Promise<void>, notify: () => void): Promise<void> {
    await Promise.all([before, durable]).catch((error: unknown) => {
      this.#failure ??= error;
      this.#broken.abort(error);
      throw error;
    });
    notify();
  }
}
