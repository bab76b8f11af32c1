import type { EventLog } from '../event-log.ts';
import type { Result } from '../failure.ts';
import type { Executor, Executors } from '../ports.ts';

/** The executors a run has opened, so that they can be swept and closed with it. */
export class OpenExecutors {
  readonly #opened = new Map<string, Promise<Result<Executor>>>();
  #executors: Executors | undefined;
  #closed: Promise<void> | undefined;

  track(executors: Executors): Executors {
    this.#executors = executors;
    return {
      ...executors,
      open: (context) => {
        const known = this.#opened.get(context) ?? executors.open(context);
        this.#opened.set(context, known);
        return known;
      },
    };
  }

  /** Ends what the run left running in them, and records it. */
  async stopLeftovers(log: EventLog): Promise<void> {
    const found = await Promise.all((await this.#all()).map((executor) => executor.stopLeftovers()));
    const commands = found.flat();
    if (commands.length > 0)
      await log.append({ type: 'leftovers.stopped', count: commands.length, commands });
  }

  /** The first call closes them; later ones wait for that. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.all((await this.#all()).map((executor) => executor.close()));
    await this.#executors?.close();
  }

  async #all(): Promise<readonly Executor[]> {
    const results = await Promise.all(this.#opened.values());
    return results.flatMap((result) => (result.ok ? [result.value] : []));
  }
}
