import type { StreamStatus } from '../../core/stream-report.ts';
import type { PumpFailure, PumpNode } from '../pump-spec.ts';
import type { RunningCommand } from './command.ts';
import type { FileTarget } from './file-target.ts';
import type { Sink } from './flow.ts';
import type { Meter } from './meter.ts';
import type { Pipe } from './pipes.ts';
import type { FdSink } from './sinks.ts';

/** What is known of one node while the graph runs. */
export interface NodeRun {
  readonly node: PumpNode;
  readonly upstream: NodeRun | undefined;
  readonly readers: NodeRun[];
  /** Resolves with whether it ended well, or stopped early because its readers had all they wanted. */
  readonly ended: Deferred<boolean>;
  /** A progress step past which the kernel joins the commands before and after it: it only counts. */
  isBypassed: boolean;
  status: StreamStatus;
  /** Its branch, or all, was ended because something failed. */
  isStopped: boolean;
  endedEarly: boolean;
  bytesIn: number;
  endedMs?: number;
  failure?: PumpFailure;
  /** Of a branch that failed alone: what in it did. */
  branchFailure?: PumpFailure;
  exitCode?: number;
  /** A checksum, a count. */
  result?: string;
  meter?: Meter;
  /** What a progress step expects, in bytes. */
  size?: number;
  command?: RunningCommand;
  /** Its input, where a command reads it from a pipe. */
  input?: Pipe;
  /** Its output, where it goes into a pipe. */
  outputPipe?: Pipe;
  /** What its input is written through, where we or a thread of ours do it. */
  pipeSink?: { readonly destroy: () => void };
  /** What its output is read with. */
  source?: Source;
  /** Of a node that works in this process. */
  sink?: Sink;
  file?: FileTarget;
  /** Once it has its name. */
  fileBytes?: number;
  fileSink?: FdSink;
  isVerified?: boolean;
}

/** Reads the output of a command into sinks. */
export interface Source {
  /** Resolves when it reads no more and its sinks know. */
  readonly ended: Promise<void>;
  readonly start: () => void;
  /** Reads no more; the writer gets SIGPIPE. */
  readonly stop: () => void;
  /** Brings the counts of bytes up to date, where they are not anyway. */
  readonly sample?: () => void;
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/** A promise and what resolves it. */
export function deferred<T>(): Deferred<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { promise, resolve };
}

/** The nodes joined with each other, in the order of the file. */
export function linkNodes(nodes: readonly PumpNode[]): readonly NodeRun[] {
  const runs: NodeRun[] = [];
  for (const node of nodes) {
    runs.push({
      node,
      get upstream() {
        return node.from === undefined ? undefined : runs[node.from];
      },
      readers: [],
      ended: deferred(),
      isBypassed: false,
      status: 'running',
      isStopped: false,
      endedEarly: false,
      bytesIn: 0,
    });
  }
  for (const run of runs) run.upstream?.readers.push(run);
  return runs;
}

/** It and everything that reads from it. */
export function subtree(top: NodeRun): readonly NodeRun[] {
  return [top, ...top.readers.flatMap(subtree)];
}

/** A process reads and writes its bytes, not we. */
export function isCommand(run: NodeRun): boolean {
  return run.node.work.kind === 'command';
}

/** Whose bytes it reads, and who reads its own: past a node that only counts. */
export function writerOf({ upstream }: NodeRun): NodeRun | undefined {
  return upstream?.isBypassed ? upstream.upstream : upstream;
}

/** Who reads its bytes: past a node that only counts. */
export function readerOf({ readers: [reader] }: NodeRun): NodeRun | undefined {
  return reader?.isBypassed ? reader.readers[0] : reader;
}

/**
 * Takes progress steps between two commands out of the way of the bytes. Only behind a single command: of a
 * pipe or a list the system counts also what its parts write to each other and to files.
 */
export function bypass(runs: readonly NodeRun[]): void {
  for (const run of runs) {
    const { upstream, readers, node } = run;
    if (node.work.kind !== 'progress' || upstream?.node.work.kind !== 'command') continue;
    const [reader] = readers;
    run.isBypassed = reader !== undefined && isCommand(reader) && isSingle(upstream.node.work.script);
  }
}

function isSingle(script: string): boolean {
  return !/[|&;<>()`\n]/.test(script.trim());
}

/** Both ends are commands: the kernel carries the bytes and we see none. */
export function isKernelEdge(from: NodeRun, to: NodeRun | undefined): boolean {
  return isCommand(from) && to !== undefined && isCommand(to);
}

/** How much a branch of the nearest tee above may lag, in bytes. */
export function lagOf(run: NodeRun, fallbackBytes: number): number {
  for (const each of subtree(run)) {
    if (each.node.work.kind === 'tee') return each.node.work.buffer_bytes;
  }
  return fallbackBytes;
}
