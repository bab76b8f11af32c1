import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { NodeRun } from './node-run.ts';
import { isCommand, readerOf } from './node-run.ts';
import type { Pipe } from './pipes.ts';
import { type SpliceOrder, type SpliceReady, type SpliceSettings, SpliceState } from './splice-state.ts';

/** The program of the thread: beside this module, built or as source. */
const THREAD_FILE = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './splice-worker.ts' : './splice-worker.js', import.meta.url),
);

/** More tees than that in one graph go through this process. */
const MOST_THREADS = 4;

/** A thread that waits for its order; see splice-worker.ts. */
export interface SpliceThread {
  readonly state: SpliceState;
  /** For the sink after those of the order. */
  readonly copy: Pipe | undefined;
  readonly start: (order: Omit<SpliceOrder, 'shared'>) => void;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

/** The two sorts of branches of a tee: commands, and what reads in this process. */
export interface TeeBranches {
  readonly commands: readonly NodeRun[];
  readonly own: readonly NodeRun[];
}

/**
 * Behind a tee. To one command this process gives the bytes as fast where the command does anything with them, and
 * without the 60 ms that a thread takes until it can (measured).
 */
const FEWEST_COMMANDS = 2;

/** Threads for the commands whose output goes to a tee with several commands behind it; none where that cannot be. */
export async function spliceThreads(nodes: readonly NodeRun[]): Promise<ReadonlyMap<NodeRun, SpliceThread>> {
  const threads = new Map<NodeRun, SpliceThread>();
  if (process.platform !== 'linux' || process.env['PIPEWRIGHT_NO_SPLICE'] === '1') return threads;
  const wanted = nodes.filter((run) => isCommand(run) && hasEnough(readerOf(run)));
  await Promise.all(
    wanted.slice(0, MOST_THREADS).map(async (run) => {
      const { commands, own } = branchesOf(readerOf(run));
      const needsCopy = own.length > 0;
      const thread = await openThread({ sinkCount: commands.length + (needsCopy ? 1 : 0), needsCopy });
      if (thread) threads.set(run, thread);
    }),
  );
  return threads;
}

function hasEnough(tee: NodeRun | undefined): boolean {
  return branchesOf(tee).commands.length >= FEWEST_COMMANDS;
}

/** Readers of a tee: commands, which pipes can be spliced to, and our own steps. */
export function branchesOf(tee: NodeRun | undefined): TeeBranches {
  if (tee?.node.work.kind !== 'tee') return { commands: [], own: [] };
  return { commands: tee.readers.filter(isCommand), own: tee.readers.filter((run) => !isCommand(run)) };
}

/** Undefined where `koffi` is not installed or the system gives no such pipes. */
async function openThread(settings: SpliceSettings): Promise<SpliceThread | undefined> {
  // File descriptors are handed to and fro: the thread must not close those that it did not open.
  const worker = new Worker(THREAD_FILE, { workerData: settings, trackUnmanagedFds: false });
  const state = new SpliceState(settings.sinkCount);
  const ended = new Promise<void>((resolve) => {
    worker.once('error', () => {
      state.outcome = 'failed';
    });
    worker.once('exit', () => resolve());
  });
  const ready = await new Promise<SpliceReady>((resolve) => {
    worker.once('message', resolve);
    void ended.then(() => resolve({ isAble: false }));
  });
  if (!ready.isAble) return undefined;
  return {
    state,
    copy: ready.copy,
    ended,
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
    start: (order) => worker.postMessage({ ...order, shared: state.shared } satisfies SpliceOrder),
  };
}
