import { type ChildProcess, spawn } from 'node:child_process';
import type { Command } from '../../core/ports.ts';
import { KEEPER_SCRIPT } from './keeper-script.ts';

/** Ends the run's processes when this one dies without a word; see keeper-script.ts. One per run, started with its first step. */
export class Keeper {
  readonly #run: { readonly runId: string; readonly steps: string; readonly successor: () => string };
  readonly #orders = new Map<string, string>();
  #process: ChildProcess | undefined;
  /** Orders that the next one takes along. */
  #deferred = '';

  /** `successor`: the file whose appearance means that another process took the run over. */
  constructor(run: { readonly runId: string; readonly steps: string; readonly successor: () => string }) {
    this.#run = run;
  }

  /** Before the step is spawned. False when the system has no process left for a keeper. */
  add({ token, orphan }: Pick<Command, 'token' | 'orphan'>): boolean {
    const finishMs = orphan.policy === 'kill' ? Math.max(0, Math.round(orphan.finish_ms)) : 0;
    const order = `add ${token} ${orphan.policy} ${finishMs}\n`;
    this.#orders.set(token, order);
    if (this.#process === undefined) return this.#start();
    this.#process.stdin?.write(this.#deferred + order);
    this.#deferred = '';
    return true;
  }

  /**
   * When the step has ended. Told to the keeper together with the next step: until then it looks for a
   * process that is gone, or, of a lane, idle and about to go when we do. Not so for a step to keep: it
   * would spare what that left behind.
   */
  remove(token: string): void {
    const order = this.#orders.get(token);
    if (order === undefined) return;
    this.#orders.delete(token);
    this.#deferred += `del ${token}\n`;
    if (!order.startsWith(`add ${token} keep `)) return;
    this.#process?.stdin?.write(this.#deferred);
    this.#deferred = '';
  }

  /** Dismisses it: from now on nobody looks after what still runs. */
  async close(): Promise<void> {
    const keeper = this.#process;
    this.#process = undefined;
    if (keeper?.exitCode !== null || keeper.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => {
      keeper.once('exit', () => resolve());
    });
    keeper.ref();
    keeper.stdin?.end('bye\n');
    await ended;
  }

  #start(): boolean {
    const { runId, steps, successor } = this.#run;
    const keeper = spawnKeeper([steps, successor(), runId]);
    if (keeper?.pid === undefined || !keeper.stdin) {
      this.#orders.clear();
      return false;
    }
    this.#process = keeper;
    // Somebody may kill it (out of memory, an administrator): the next step starts another.
    keeper.once('exit', () => {
      if (this.#process === keeper) this.#process = undefined;
    });
    keeper.stdin.on('error', () => undefined);
    keeper.unref();
    if ('unref' in keeper.stdin && typeof keeper.stdin.unref === 'function') keeper.stdin.unref();
    this.#deferred = '';
    keeper.stdin.write([...this.#orders.values()].join(''));
    return true;
  }
}

function spawnKeeper(args: readonly string[]): ChildProcess | undefined {
  try {
    const keeper = spawn('/bin/sh', ['-c', KEEPER_SCRIPT, 'pipewright-keeper', ...args], {
      // A session of its own: neither Ctrl-C nor the closing of the terminal reaches it.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      // Without the run's cookie: it must not find itself.
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    });
    keeper.on('error', () => undefined);
    return keeper;
  } catch {
    return undefined;
  }
}
