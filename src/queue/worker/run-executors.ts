import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../core/failure.ts';
import type { Executor } from '../../core/ports.ts';
import type { WorkerParts } from './parts.ts';

interface Opened {
  readonly executor: Promise<Result<Executor>>;
  uses: number;
  idleSinceMs: number;
}

/** A run of which nothing has come for so long gives its shells and its watching process back. */
const IDLE_MS = 10_000;

/** The executors of the runs that a worker has steps of: one each, made when it is needed. */
export class RunExecutors {
  readonly #parts: Pick<WorkerParts, 'executor' | 'runFolder'>;
  readonly #opened = new Map<string, Opened>();

  constructor(parts: Pick<WorkerParts, 'executor' | 'runFolder'>) {
    this.#parts = parts;
  }

  get runIds(): readonly string[] {
    return [...this.#opened.keys()];
  }

  /** For as long as `work` takes. */
  async use<T>(
    runId: string,
    hidden: readonly string[],
    work: (executor: Executor, folder: string) => Promise<T>,
  ): Promise<Result<T>> {
    const folder = this.#parts.runFolder(runId);
    const opened = this.#opened.get(runId) ?? this.#open({ runId, folder, hidden });
    opened.uses += 1;
    try {
      const executor = await opened.executor;
      return executor.ok ? ok(await work(executor.value, folder)) : executor;
    } finally {
      opened.uses -= 1;
      opened.idleSinceMs = performance.now();
    }
  }

  /** Ends what is left of a run; says what it was. */
  async sweep(runId: string): Promise<readonly string[]> {
    const swept = await this.use(runId, [], (executor) => executor.stopLeftovers());
    return swept.ok ? swept.value : [];
  }

  async closeIdle(idleMs = IDLE_MS): Promise<void> {
    const idle = [...this.#opened].filter(
      ([, { uses, idleSinceMs }]) => uses === 0 && performance.now() - idleSinceMs >= idleMs,
    );
    await Promise.all(
      idle.map(async ([runId, { executor }]) => {
        this.#opened.delete(runId);
        const opened = await executor;
        if (opened.ok) await opened.value.close();
      }),
    );
  }

  #open(run: {
    readonly runId: string;
    readonly folder: string;
    readonly hidden: readonly string[];
  }): Opened {
    mkdirSync(path.join(run.folder, 'queue'), { recursive: true, mode: 0o700 });
    const opened: Opened = {
      executor: this.#parts.executor(run),
      uses: 0,
      idleSinceMs: performance.now(),
    };
    this.#opened.set(run.runId, opened);
    return opened;
  }
}
