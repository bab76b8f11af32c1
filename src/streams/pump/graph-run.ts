import type { PumpFailure, PumpNode, PumpResult, PumpSpec } from '../pump-spec.ts';
import { type BuildContext, outputSink, sinkOf } from './build.ts';
import { canMeterProcesses, type Exit, RunningCommand } from './command.ts';
import { publishFiles } from './files.ts';
import { FileTarget } from './file-target.ts';
import { Flow } from './flow.ts';
import { Meter } from './meter.ts';
import {
  bypass,
  isCommand,
  lagOf,
  linkNodes,
  type NodeRun,
  type Source,
  readerOf,
  subtree,
} from './node-run.ts';
import { PipeSource } from './pipe-source.ts';
import { exitFailure, fileFailure, words } from './problems.ts';
import { measureSize } from './size.ts';
import { SpliceSource } from './splice-source.ts';
import { type SpliceThread, spliceThreads } from './splice-thread.ts';
import { closeChildEnds, handOutPipes, type SidePipes } from './wiring.ts';

/** What a branch may lag where no tee says otherwise: spec 5's 32 KiB. */
const DEFAULT_LAG_BYTES = 32 * 1024;
/** Between TERM and KILL of what a failure ends. */
const KILL_AFTER_MS = 2000;

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs one graph from its first byte to its files' final names. */
export class GraphRun {
  readonly nodes: readonly NodeRun[];
  readonly variables: Record<string, string> = {};
  readonly warnings: string[] = [];
  failure: PumpFailure | undefined;
  readonly #environment: Environment;
  readonly #token: string;
  readonly #context: BuildContext;
  #killTimers: NodeJS.Timeout[] = [];

  constructor(spec: PumpSpec, environment: Environment) {
    this.nodes = linkNodes(spec.nodes);
    this.#environment = environment;
    this.#token = spec.operation_id;
    this.#context = {
      nowMs: () => performance.now(),
      fail: (run, failure) => this.#fail(run, failure),
      setVariable: (name, text) => void (this.variables[name] = text),
      lagBytes: DEFAULT_LAG_BYTES,
    };
  }

  /** Resolves when every process and every sink has ended and every file has its name or is gone. */
  async run(): Promise<Omit<PumpResult, 'streams' | 'usage'>> {
    if (this.#openFiles() && (await this.#start())) {
      await Promise.all(this.nodes.map(({ ended }) => ended.promise));
      await Promise.all(this.nodes.flatMap(({ source }) => (source ? [source.ended] : [])));
    }
    for (const timer of this.#killTimers) clearTimeout(timer);
    await publishFiles(this.nodes, () => this.failure, this.#context.fail);
    for (const run of this.nodes) settleStatus(run, this.failure !== undefined);
    const { variables, warnings, failure } = this;
    return { variables, warnings, ...(failure && { failure }) };
  }

  /** Ends everything; what is under a temporary name goes. */
  cancel(signal: string): void {
    const [first] = this.nodes;
    if (!first || this.failure?.kind === 'cancelled') return;
    const name = first.node.name;
    this.failure = { node: name, kind: 'cancelled', message: `cancelled (${signal})`, signal };
    this.#stop(this.nodes);
  }

  /** The bytes of a moment, for rates. */
  sample(): void {
    const now = performance.now();
    for (const run of this.nodes) {
      run.source?.sample?.();
      run.file?.settleAhead();
      if (run.isBypassed && run.endedMs === undefined) {
        countTo(run, run.upstream?.command?.writtenSoFar ?? 0);
      }
      run.meter?.sample(now);
    }
  }

  #openFiles(): boolean {
    for (const run of this.nodes) {
      const file = fileOf(run.node);
      if (file === undefined) continue;
      try {
        run.file = FileTarget.open(file, this.#token);
      } catch (error) {
        this.#giveUp(fileFailure(run.node, file, error));
        return false;
      }
    }
    return true;
  }

  #giveUp(failure: PumpFailure): void {
    this.failure ??= failure;
    for (const run of this.nodes) run.status = 'stopped';
  }

  async #start(): Promise<boolean> {
    const commands = this.nodes.filter(isCommand);
    const side: SidePipes = { errors: new Map(), meters: new Map() };
    const isMetered = canMeterProcesses();
    if (isMetered) bypass(this.nodes);
    // They start while the pipes are made and the commands start.
    const opening = spliceThreads(this.nodes);
    try {
      await handOutPipes(commands, side, isMetered);
    } catch (error) {
      this.#refusePipes(error);
      return false;
    }
    // Cancelled meanwhile: nothing has begun.
    if (this.failure) return false;
    // Readers first: none of them waits for its input longer than it must.
    for (const run of commands.toReversed()) this.#spawn(run, side);
    for (const run of this.nodes) if (run.isBypassed) run.meter = new Meter(performance.now());
    for (const run of commands) closeChildEnds(run, side);
    this.#measureSizes();
    const threads = await opening;
    const sources = commands.flatMap((run) => this.#connect(run, threads.get(run)));
    for (const run of this.nodes) catchUp(run);
    for (const source of sources) source.start();
    return true;
  }

  #refusePipes(error: unknown): void {
    // The signal that ends us too reached the program that makes them first; ours is only heard later.
    if (error instanceof Error && 'signal' in error && typeof error.signal === 'string') {
      this.cancel(error.signal);
      return;
    }
    const message = `the pipes could not be made: ${words(error)}`;
    this.#giveUp({ node: this.nodes[0]?.node.name ?? '', kind: 'start', message });
  }

  /** Our reading end of a command's output, where it does not go straight to another command. */
  #connect(run: NodeRun, thread: SpliceThread | undefined): readonly Source[] {
    const fd = run.outputPipe?.readFd;
    const reader = readerOf(run);
    if (fd === undefined || (reader && isCommand(reader))) return [];
    const lagBytes = lagOf(run, DEFAULT_LAG_BYTES);
    const context = this.#context;
    const writerEnded = (): Promise<boolean> => run.ended.promise;
    if (thread && reader) {
      run.source = new SpliceSource({ thread, fd, tee: reader, context, lagBytes, writerEnded });
      return [run.source];
    }
    const flow = new Flow(lagBytes);
    const sink = reader ? sinkOf(reader, flow, context) : outputSink(run, flow, context);
    run.source = new PipeSource({ fd, flow, sink, writerEnded });
    return [run.source];
  }

  #spawn(run: NodeRun, { errors, meters }: SidePipes): void {
    const { node } = run;
    const stderr = errors.get(run);
    if (node.work.kind !== 'command' || !stderr) return;
    const command = new RunningCommand(
      { folder: node.folder, work: node.work },
      {
        stdin: run.input?.readFd ?? 'ignore',
        stdout: run.outputPipe?.writeFd ?? run.file?.fd ?? (node.output.to === 'stderr' ? 2 : 1),
        stderr,
        meter: meters.get(run),
        environment: this.#environment,
      },
    );
    run.command = command;
    void command.ended.then((exit) => this.#judge(run, command, exit));
  }

  async #judge(run: NodeRun, command: RunningCommand, exit: Exit): Promise<void> {
    run.endedMs = performance.now();
    run.pipeSink?.destroy();
    if (exit.code !== undefined) run.exitCode = exit.code;
    if (run.isStopped) run.source?.stop();
    const isWell = !run.isStopped && (await this.#endedWell(run, command, exit));
    run.ended.resolve(isWell);
    for (const counter of run.readers.filter(({ isBypassed }) => isBypassed)) {
      counter.endedMs = performance.now();
      countTo(counter, command.wroteBytes ?? 0);
      counter.meter?.end(counter.endedMs);
      counter.ended.resolve(isWell && !counter.isStopped);
    }
  }

  async #endedWell(run: NodeRun, command: RunningCommand, exit: Exit): Promise<boolean> {
    const failure = exitFailure(run.node, exit, command, run.file?.path);
    if (!failure) return true;
    const reader = readerOf(run);
    if (exit.signal === 'SIGPIPE' && reader) {
      // Its readers had all they wanted, unless one of them failed; then that is the failure.
      if (!isCommand(reader) || (await reader.ended.promise)) {
        run.endedEarly = true;
        return !run.isStopped;
      }
    }
    this.#fail(run, failure);
    return false;
  }

  #fail(run: NodeRun, failure: PumpFailure): void {
    // What ends because we end it has not failed.
    if (run.isStopped || run.failure) return;
    run.failure = failure;
    const branch = containingBranch(run);
    if (!branch) {
      this.failure ??= failure;
      this.#stop(this.nodes);
      return;
    }
    branch.branchFailure = failure;
    this.warnings.push(`${failure.node}: ${failure.message}; the other branches went on`);
    this.#stop(subtree(branch));
    const tee = branch.upstream;
    if (!tee?.readers.every((reader) => reader.branchFailure)) return;
    this.#fail(tee, { ...failure, message: `${failure.message}; no branch is left` });
  }

  #stop(runs: readonly NodeRun[]): void {
    const stopped = runs.filter((run) => !run.isStopped);
    for (const run of stopped) run.isStopped = true;
    for (const run of stopped.toReversed()) run.command?.kill('SIGTERM');
    for (const run of stopped) run.sink?.abort();
    const kill = (): void => {
      for (const run of stopped) run.command?.kill('SIGKILL');
    };
    this.#killTimers.push(setTimeout(kill, KILL_AFTER_MS));
    for (const run of stopped) {
      if (run.command && run.endedMs !== undefined) run.source?.stop();
    }
  }

  #measureSizes(): void {
    for (const run of this.nodes) {
      const { work } = run.node;
      if (work.kind !== 'progress') continue;
      if (work.size !== undefined) run.size = work.size;
      if (!work.size_command) continue;
      void measureSize(work.size_command, run.node.folder, this.#environment).then((size) => {
        if (typeof size === 'number') run.size = size;
        else this.warnings.push(`${run.node.name}: the size is unknown: ${size}`);
        return undefined;
      });
    }
  }
}

/** Tells what joins commands now of those that have ended, or were ended, before it was there. */
function catchUp(run: NodeRun): void {
  const hasEnded = run.command !== undefined && run.endedMs !== undefined;
  if (hasEnded) run.pipeSink?.destroy();
  if (!run.isStopped) return;
  run.sink?.abort();
  if (hasEnded) run.source?.stop();
}

function settleStatus(run: NodeRun, isFailed: boolean): void {
  if (run.failure) run.status = 'failed';
  else if (run.isStopped || (isFailed && run.endedMs === undefined)) run.status = 'stopped';
  else run.status = 'passed';
}

/** The branch that its tee lets fail alone. */
function containingBranch(run: NodeRun): NodeRun | undefined {
  for (let at: NodeRun | undefined = run; at; at = at.upstream) {
    const tee = at.node.branch === undefined ? undefined : at.upstream?.node.work;
    if (tee?.kind === 'tee' && tee.on_branch_failure === 'continue') return at;
  }
  return undefined;
}

function fileOf({ work, output }: PumpNode): string | undefined {
  if (work.kind === 'file') return work.path;
  return output.to === 'file' ? output.path : undefined;
}

/** A step that only counts never goes back: what a process had written is not seen any more once it was killed. */
function countTo(run: NodeRun, bytes: number): void {
  run.bytesIn = Math.max(run.bytesIn, bytes);
  if (run.meter) run.meter.bytes = run.bytesIn;
}
