import { closeSync } from 'node:fs';
import { type BuildContext, counted, sinkOf } from './build.ts';
import { FanOut, Flow, type Sink } from './flow.ts';
import type { NodeRun, Source } from './node-run.ts';
import { PipeSource } from './pipe-source.ts';
import type { Pipe } from './pipes.ts';
import type { SpliceState } from './splice-state.ts';
import { branchesOf, type SpliceThread } from './splice-thread.ts';

interface SpliceSourceOptions {
  readonly thread: SpliceThread;
  /** What the writer's output is read from. */
  readonly fd: number;
  readonly tee: NodeRun;
  readonly context: BuildContext;
  readonly lagBytes: number;
  /** Resolves, once the writer's end is known, with whether what came is all there was. */
  readonly writerEnded: () => Promise<boolean>;
}

/**
 * As PipeSource, for a tee whose commands get their bytes from a splice thread. Branches that work in this
 * process read a copy, through a pipe of their own.
 */
export class SpliceSource implements Source {
  readonly ended: Promise<void>;
  readonly #options: SpliceSourceOptions;
  readonly #sinks: readonly SpliceSink[];
  readonly #fan: Sink;
  readonly #copy: PipeSource | undefined;
  readonly #copyIsWhole = Promise.withResolvers<boolean>();

  constructor(options: SpliceSourceOptions) {
    this.#options = options;
    const { thread, tee, context } = options;
    const { commands } = branchesOf(tee);
    this.#sinks = commands.map((run, index) => new SpliceSink(run, index, thread.state));
    const copy = thread.copy && this.#openCopy(thread.copy);
    this.#copy = copy?.source;
    this.#fan = counted(tee, context, new FanOut([...this.#sinks, ...(copy ? [copy.sink] : [])]));
    tee.sink = this.#fan;
    this.ended = thread.ended.then(() => this.#finish());
  }

  start(): void {
    const { thread, fd } = this.#options;
    const copyFds = thread.copy ? [thread.copy.writeFd] : [];
    thread.start({ sourceFd: fd, sinkFds: [...this.#sinks.map((sink) => sink.fd), ...copyFds] });
    this.#copy?.start();
  }

  stop(): void {
    this.#options.thread.state.stop();
  }

  sample(): void {
    const { thread, tee } = this.#options;
    tee.bytesIn = thread.state.totalBytes;
    for (const sink of this.#sinks) sink.sample();
  }

  #openCopy(pipe: Pipe): { readonly source: PipeSource; readonly sink: Sink } {
    const { tee, context, lagBytes } = this.#options;
    const flow = new Flow(lagBytes);
    const fan = new FanOut(branchesOf(tee).own.map((run) => sinkOf(run, flow, context)));
    const source = new PipeSource({
      fd: pipe.readFd,
      flow,
      sink: fan,
      writerEnded: () => this.#copyIsWhole.promise,
    });
    return { source, sink: new CopyEnd(pipe.writeFd, this.#copyIsWhole.resolve) };
  }

  async #finish(): Promise<void> {
    const { thread, tee, context, fd, writerEnded } = this.#options;
    this.sample();
    closeSync(fd);
    const { outcome } = thread.state;
    if (outcome === 'failed') {
      const message = 'the system refused to pass its bytes on';
      context.fail(tee, { node: tee.node.name, kind: 'data', message });
    }
    const isWhole = outcome === 'no-sink-left' || (outcome === 'source-ended' && (await writerEnded()));
    if (isWhole) this.#fan.end();
    else this.#fan.abort();
    await this.#copy?.ended;
  }
}

/** The pipe to a command, which the thread fills. */
class SpliceSink implements Sink {
  readonly fd: number;
  readonly #run: NodeRun;
  readonly #index: number;
  readonly #state: SpliceState;
  #isOver = false;

  constructor(run: NodeRun, index: number, state: SpliceState) {
    if (!run.input) throw new Error(`${run.node.name} has no input`);
    this.fd = run.input.writeFd;
    this.#run = run;
    this.#index = index;
    this.#state = state;
    run.sink = this;
    run.pipeSink = this;
  }

  get isOpen(): boolean {
    return !this.#isOver && this.#state.isOpen(this.#index);
  }

  sample(): void {
    this.#run.bytesIn = this.#state.bytesOf(this.#index);
  }

  write(): void {
    throw new Error('a splice thread writes by itself');
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#state.isOpen(this.#index)) this.#run.endedEarly = true;
    closeSync(this.fd);
  }

  /** Gets no more, but its pipe stays open: its reader must not take this for the end of the stream. */
  abort(): void {
    this.#isOver = true;
    this.#state.close(this.#index);
  }

  /** The reader has ended. */
  destroy(): void {
    if (!this.#isOver) this.#run.endedEarly = true;
    this.#isOver = true;
    this.#state.close(this.#index);
  }
}

/** The end of the copy for this process. */
class CopyEnd implements Sink {
  // The thread knows whether anybody reads it.
  readonly isOpen = true;
  readonly #fd: number;
  readonly #settle: (isWhole: boolean) => void;
  #isOver = false;

  constructor(fd: number, settle: (isWhole: boolean) => void) {
    this.#fd = fd;
    this.#settle = settle;
  }

  write(): void {
    throw new Error('a splice thread writes by itself');
  }

  end(): void {
    this.#close(true);
  }

  abort(): void {
    this.#close(false);
  }

  #close(isWhole: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#settle(isWhole);
    closeSync(this.#fd);
  }
}
