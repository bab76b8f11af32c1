import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Failure } from '../core/failure.ts';
import type { Command, CommandOutcome, CommandOutput, Executor, Recovered } from '../core/ports.ts';
import { captureOf } from './local/capture.ts';
import { inheritedEnvironment } from './local/environment.ts';
import { Keeper } from './local/keeper.ts';
import { stopAll } from './local/leftovers.ts';
import { limitGroupOf, type LimitGroup, NO_LIMITS, prepareLimits } from './local/limits.ts';
import { isLaneJob, type LaneJob } from './local/lane-script.ts';
import type { Lane } from './local/lane.ts';
import { LanePool, type LaneWish } from './local/lanes.ts';
import { MemorySampler } from './local/memory-sampler.ts';
import { CLAIMED_BEFORE, outcomeOf, type ShimExit, stopFailure } from './local/outcome.ts';
import { isStepToken, stepFiles } from './local/records.ts';
import { recoverStep, type Step } from './local/recover-step.ts';
import { successorFile } from './local/recovery.ts';
import { errorCode, FILTER_ENDED, obstacle, start, type Started } from './local/spawn.ts';
import { SpawnGate } from './local/spawn-gate.ts';
import { processesOf, terminate } from './local/terminate.ts';

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
  /** False: every command gets a shell of its own, also one that could share it with others. Default true. */
  readonly lanes?: boolean;
}

const DEFAULT_GRACE_MS = 5000;
/** After everything was killed: for the news of it to arrive. */
const SETTLE_MS = 2000;
const NO_KEEPER: Failure = {
  reason: 'executor-unreachable',
  executor: 'local',
  detail: 'cannot start the process that ends commands if this one dies: too many processes or open files',
};

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

/** A step that is under way, and what keeps it in bounds. */
interface RunningStep extends Step {
  readonly limits: LimitGroup;
  /** The lane that runs it. */
  readonly lane?: Lane;
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
  /** Absent where every command gets a shell of its own. */
  readonly #lanes: LanePool | undefined;
  /** Tries that were given to a lane. */
  readonly #given = new Set<string>();
  readonly #successor: () => string;
  #hasFolder = false;

  constructor(options: LocalOptions) {
    this.#runId = options.runId;
    this.#steps = path.join(options.folder, 'steps');
    this.#graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
    let successor: string | undefined;
    this.#successor = () => (successor ??= successorFile(options.folder));
    this.#environment = inheritedEnvironment(options.environment ?? process.env, options.hiddenVariables);
    this.#keeper = new Keeper({ runId: options.runId, steps: this.#steps, successor: this.#successor });
    if (LanePool.isPossible && options.lanes !== false) {
      this.#lanes = new LanePool({
        environment: { ...this.#environment, PIPEWRIGHT_RUN: options.runId },
        steps: this.#steps,
        watch: ({ fileName }, finish_ms) =>
          this.#keeper.add({ token: fileName, orphan: { policy: 'kill', finish_ms } }),
        forget: ({ fileName }) => this.#keeper.remove(fileName),
      });
    }
  }

  async run(command: Command, output: CommandOutput, signal: AbortSignal): Promise<CommandOutcome> {
    if (signal.aborted) return { failure: stopFailure(signal.reason) };
    const refused = this.#prepare(command);
    if (refused) return { failure: refused };
    const step = { command, output, signal, files: stepFiles(this.#steps, command.token) };
    const job = this.#laneJob(step);
    if (!job) return (await this.#turn(signal)) ?? this.#runAlone(step);
    const idle = this.#lanes?.take(job.wish);
    if (idle) return this.#runInLane(idle, job, step);
    const stopped = await this.#turn(signal);
    if (stopped) return stopped;
    const lane = this.#lanes?.take(job.wish, true);
    return lane ? this.#runInLane(lane, job, step) : this.#runAlone(step);
  }

  /** Before a process is started; an outcome when the step is not wanted any more. */
  async #turn(signal: AbortSignal): Promise<CommandOutcome | undefined> {
    const turn = this.#gate.enter();
    if (turn) await turn;
    return signal.aborted ? { failure: stopFailure(signal.reason) } : undefined;
  }

  /** In a shell of its own. */
  async #runAlone(step: Step): Promise<CommandOutcome> {
    const { command } = step;
    const limits = prepareLimits(command.limits, limitGroupOf(this.#runId, command.token));
    if (!limits.ok) return { failure: limits.failure };
    this.#limits.add(limits.value);
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

  /** In a shell that runs other steps before and after it. */
  async #runInLane(lane: Lane, job: LaneJob, step: Step): Promise<CommandOutcome> {
    try {
      if (this.#given.has(job.token)) return { failure: CLAIMED_BEFORE };
      this.#given.add(job.token);
      const exited = lane.run(job);
      return await this.#watch({ pid: lane.pid, exited }, { ...step, limits: NO_LIMITS, lane });
    } catch (error) {
      return { failure: obstacle(error, { file: step.output.logFile }) };
    } finally {
      this.#lanes?.giveBack(lane);
    }
  }

  /** Undefined for a step that needs a shell of its own. */
  #laneJob({ command, output, files }: Step): (LaneJob & { readonly wish: LaneWish }) | undefined {
    if (!this.#lanes || output.capture || output.secrets.length > 0) return undefined;
    if (command.limits || command.orphan.policy !== 'kill') return undefined;
    const { PIPEWRIGHT_RUN: _, ...environment } = command.env;
    const job = {
      script: command.script,
      environment: { ...environment, PIPEWRIGHT_STEP: command.token },
      token: command.token,
      claim: files.claim,
      successor: this.#successor(),
      logFile: output.logFile,
      wish: { workdir: command.workdir, finishMs: command.orphan.finish_ms },
    };
    return isLaneJob(job) ? job : undefined;
  }

  async recover(command: Command, output: CommandOutput, signal: AbortSignal): Promise<Recovered> {
    const refused = this.#prepare(command);
    if (refused) return { state: 'lost', detail: `the claim cannot be read: ${JSON.stringify(refused)}` };
    const step = { command, output, signal, files: stepFiles(this.#steps, command.token) };
    const place = { runId: this.#runId, steps: this.#steps, graceMs: this.#graceMs, keeper: this.#keeper };
    return recoverStep(place, step);
  }

  async stopLeftovers(): Promise<readonly string[]> {
    await this.#lanes?.endIdle();
    return stopAll([`PIPEWRIGHT_RUN=${this.#runId}`], Math.min(this.#graceMs, 1000));
  }

  async close(): Promise<void> {
    this.#removeLimits();
    await this.#lanes?.close();
    await this.#keeper.close();
  }

  #prepare({ token }: Command): Failure | undefined {
    if (!isStepToken(token)) {
      return { reason: 'invalid', message: `not a step token: ${JSON.stringify(token)}` };
    }
    if (this.#hasFolder) return undefined;
    try {
      mkdirSync(this.#steps, { recursive: true, mode: 0o700 });
      this.#successor();
      this.#hasFolder = true;
      return undefined;
    } catch (error) {
      return obstacle(error, { file: this.#steps });
    }
  }

  async #watch(started: Started, step: RunningStep): Promise<CommandOutcome> {
    const { command, signal, lane } = step;
    const stopWatching = this.#sampler.watch(started.pid, lane && command.token);
    let stopping: Promise<void> | undefined;
    const stop = (): void => {
      lane?.retire();
      stopping ??= terminate(
        processesOf({ runId: this.#runId, token: command.token }, started.pid, lane !== undefined),
        this.#graceMs,
      );
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

  #stepEnvironment({ env, token }: Command): Readonly<Record<string, string>> {
    return { ...this.#environment, ...env, PIPEWRIGHT_RUN: this.#runId, PIPEWRIGHT_STEP: token };
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
