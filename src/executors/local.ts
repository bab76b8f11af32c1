import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Failure } from '../core/failure.ts';
import type { Command, CommandOutcome, CommandOutput, Executor, Recovered } from '../core/ports.ts';
import { captureOf, finishCapture } from './local/capture.ts';
import { inheritedEnvironment } from './local/environment.ts';
import { Keeper } from './local/keeper.ts';
import { stopAll } from './local/leftovers.ts';
import { type LimitGroup, NO_LIMITS, prepareLimits, removeLimits } from './local/limits.ts';
import { MemorySampler } from './local/memory-sampler.ts';
import { outcomeOf, type ShimExit, stopFailure } from './local/outcome.ts';
import { type StepFiles, stepFiles } from './local/records.ts';
import { type Began, callOff, readExitRecord, waitForEnd } from './local/recovery.ts';
import { errorCode, FILTER_ENDED, obstacle, start, type Started } from './local/spawn.ts';
import { SpawnGate } from './local/spawn-gate.ts';
import { type StepProcesses, terminate } from './local/terminate.ts';

/** A run whose commands are executed on this machine. */
export interface LocalOptions {
  readonly runId: string;
  /** `state/runs/<id>`, absolute; claims and exit records go to `steps` in it. */
  readonly folder: string;
  /** Between TERM and KILL. Default 5000. */
  readonly graceMs?: number;
  /** What commands inherit. Default: the environment of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Variables of it that they do not: those that hold secrets. */
  readonly hiddenVariables?: readonly string[];
}

const DEFAULT_GRACE_MS = 5000;
/** After everything was killed: for the news of it to arrive. */
const SETTLE_MS = 2000;
const NO_KEEPER: Failure = {
  reason: 'executor-unreachable',
  executor: 'local',
  detail: 'cannot start the process that ends commands if this one dies: too many processes or open files',
};
const TOKEN = /^[\w.@-]{1,200}$/;

export function createLocalExecutor(options: LocalOptions): Executor {
  const executor = new LocalExecutor(options);
  return {
    name: 'local',
    run: (command, output, signal) => executor.run(command, output, signal),
    recover: (command, output, signal) => executor.recover(command, output, signal),
    stopLeftovers: () => executor.stopLeftovers(),
    close: () => executor.close(),
  };
}

/** One try of a step. */
interface Step {
  readonly command: Command;
  readonly output: CommandOutput;
  readonly signal: AbortSignal;
  readonly files: StepFiles;
}

class LocalExecutor {
  readonly #runId: string;
  readonly #steps: string;
  readonly #graceMs: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #keeper: Keeper;
  readonly #gate = new SpawnGate();
  readonly #sampler = new MemorySampler();
  /** Control groups that background processes still use. */
  readonly #limits = new Set<LimitGroup>();
  #hasFolder = false;

  constructor(options: LocalOptions) {
    this.#runId = options.runId;
    this.#steps = path.join(options.folder, 'steps');
    this.#graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
    this.#environment = inheritedEnvironment(options.environment ?? process.env, options.hiddenVariables);
    this.#keeper = new Keeper({ runId: options.runId, folder: options.folder, steps: this.#steps });
  }

  async run(command: Command, output: CommandOutput, signal: AbortSignal): Promise<CommandOutcome> {
    const turn = this.#gate.enter();
    if (turn) await turn;
    if (signal.aborted) return { failure: stopFailure(signal.reason) };
    const refused = this.#prepare(command);
    if (refused) return { failure: refused };
    const limits = prepareLimits(command.limits, this.#groupName(command.token));
    if (!limits.ok) return { failure: limits.failure };
    this.#limits.add(limits.value);
    const step = { command, output, signal, files: stepFiles(this.#steps, command.token) };
    try {
      // Before the step exists: there is no moment in which nobody would end it.
      if (!this.#keeper.add(command)) return { failure: NO_KEEPER };
      const environment = this.#stepEnvironment(command);
      const started = await start({ ...step, environment, limit: limits.value.shellText });
      if (!started.ok) return { failure: started.failure };
      return await this.#watch(started.value, { ...step, limits: limits.value });
    } finally {
      this.#keeper.remove(command.token);
      this.#removeLimits();
    }
  }

  async recover(command: Command, output: CommandOutput, signal: AbortSignal): Promise<Recovered> {
    const refused = this.#prepare(command);
    if (refused) return { state: 'lost', detail: `the claim cannot be read: ${JSON.stringify(refused)}` };
    const step = { command, output, signal, files: stepFiles(this.#steps, command.token) };
    const began = await callOff(step.files);
    if (began.type === 'never-ran') return { state: 'never-ran' };
    try {
      return await this.#adopt(step, began);
    } finally {
      this.#keeper.remove(command.token);
      removeLimits(this.#groupName(command.token));
    }
  }

  stopLeftovers(): Promise<readonly string[]> {
    return stopAll([`PIPEWRIGHT_RUN=${this.#runId}`], Math.min(this.#graceMs, 1000));
  }

  async close(): Promise<void> {
    this.#removeLimits();
    await this.#keeper.close();
  }

  #prepare({ token }: Command): Failure | undefined {
    if (!TOKEN.test(token)) {
      return { reason: 'invalid', message: `not a step token: ${JSON.stringify(token)}` };
    }
    if (this.#hasFolder) return undefined;
    try {
      mkdirSync(this.#steps, { recursive: true, mode: 0o700 });
      this.#hasFolder = true;
      return undefined;
    } catch (error) {
      return obstacle(error, { file: this.#steps });
    }
  }

  async #watch(started: Started, step: Step & { readonly limits: LimitGroup }): Promise<CommandOutcome> {
    const { command, signal } = step;
    const stopWatching = this.#sampler.watch(started.pid);
    let stopping: Promise<void> | undefined;
    const stop = (): void => {
      stopping ??= terminate(this.#processesOf(started.pid, command), this.#graceMs);
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    let exit: ShimExit | undefined;
    const noteExit = async (): Promise<void> => {
      exit = await started.exited;
      // Killed from outside or by its own script: what it ran may still be there.
      if (exit.signal !== null) stop();
    };
    const exited = noteExit();
    await Promise.race([exited, outputEnded(started)]);
    signal.removeEventListener('abort', stop);
    const stopped = signal.aborted && stopping ? stopFailure(signal.reason) : undefined;
    if (stopping) {
      await stopping;
      await Promise.race([exited, delay(SETTLE_MS, undefined, { ref: false })]);
    }
    const peakBytes = stopWatching();
    const lostOutput = await this.#outputEnd(started);
    return outcomeOf({
      ...step,
      pid: started.pid,
      exit,
      stopped,
      lostOutput,
      peakBytes,
      captured: captureOf(step),
    });
  }

  /** All output is where it belongs; error codes of what is not. */
  async #outputEnd({ drained, copy }: Started): Promise<readonly string[]> {
    if (drained) return Promise.race([drained, delay(SETTLE_MS, [], { ref: false })]);
    try {
      await copy?.finish();
      return [];
    } catch (error) {
      return [errorCode(error)];
    }
  }

  async #adopt(step: Step, began: Exclude<Began, { readonly type: 'never-ran' }>): Promise<Recovered> {
    const { command, files, signal } = step;
    if (began.type === 'unknown') return { state: 'lost', detail: 'its claim cannot be read' };
    const { identity } = began;
    this.#keeper.add(command);
    const isStopped = await waitForEnd(identity, signal, () =>
      terminate(this.#processesOf(identity.pid, command), this.#graceMs),
    );
    const record = readExitRecord(files);
    if (!isStopped && record?.type === 'orphan-killed') {
      return { state: 'lost', detail: 'it was ended because the process that watched it had died' };
    }
    if (!isStopped && !record) return { state: 'lost', detail: 'it began, ended and left no exit record' };
    const lostOutput = await finishCapture(step);
    const outcome = outcomeOf({
      ...step,
      limits: NO_LIMITS,
      pid: identity.pid,
      stopped: isStopped ? stopFailure(signal.reason) : undefined,
      lostOutput,
      captured: captureOf(step),
    });
    return { state: 'finished', outcome };
  }

  #processesOf(leader: number, { token }: Command): StepProcesses {
    return { leader, cookie: [`PIPEWRIGHT_RUN=${this.#runId}`, `PIPEWRIGHT_STEP=${token}`] };
  }

  #stepEnvironment({ env, token }: Command): Readonly<Record<string, string>> {
    return { ...this.#environment, ...env, PIPEWRIGHT_RUN: this.#runId, PIPEWRIGHT_STEP: token };
  }

  #groupName(token: string): string {
    return `pipewright-${this.#runId}-${token}`;
  }

  #removeLimits(): void {
    for (const group of this.#limits) if (group.remove()) this.#limits.delete(group);
  }
}

/** With a filter its word counts: the shim itself may wait for a daemon that holds the pipe. */
async function outputEnded({ drained, exited }: Started): Promise<void> {
  const lostOutput = await drained;
  if (!lostOutput || lostOutput.includes(FILTER_ENDED)) await exited;
}
