import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { EAGAIN, EINTR, ENODATA, EPIPE, type KernelCalls, loadKernelCalls } from './kernel-calls.ts';
import type { Pipe } from './pipes.ts';
import {
  type Outcome,
  type SpliceOrder,
  type SpliceReady,
  type SpliceSettings,
  SpliceState,
} from './splice-state.ts';

/**
 * A thread that gives what comes out of one pipe to several others, with tee(2) and splice(2): the kernel
 * passes the same pages on and no byte is copied. The slowest sink governs. It waits in poll(2) for moments
 * only, so that it can be stopped; a thread in a blocking call would keep the process from ending.
 */

/** Of every pipe. More was not faster. */
const PIPE_BYTES = 256 * 1024;
/** Between two looks at whether to stop. */
const WAIT_MS = 50;

interface SpliceSink {
  readonly index: number;
  readonly fd: number;
}

class SplicePump {
  readonly #calls: KernelCalls;
  readonly #order: SpliceOrder;
  readonly #state: SpliceState;
  /** For all sinks but one. */
  readonly #inner: readonly Pipe[];
  readonly #nowhere = openSync('/dev/null', 'w');
  #sinks: readonly SpliceSink[];

  constructor(calls: KernelCalls, inner: readonly Pipe[], order: SpliceOrder) {
    this.#calls = calls;
    this.#inner = inner;
    this.#order = order;
    this.#state = new SpliceState(order.sinkFds.length, order.shared);
    this.#sinks = order.sinkFds.map((fd, index) => ({ fd, index }));
    for (const fd of [order.sourceFd, ...order.sinkFds]) calls.enlarge(fd, PIPE_BYTES);
  }

  run(): void {
    let outcome: Outcome | undefined;
    while (outcome === undefined) outcome = this.#round();
    this.#state.outcome = outcome;
    closeSync(this.#nowhere);
  }

  #round(): Outcome | undefined {
    if (this.#state.isStopped) return 'stopped';
    this.#sinks = this.#sinks.filter(({ index }) => this.#state.isOpen(index));
    const last = this.#sinks.at(-1);
    if (!last) return 'no-sink-left';
    const others = this.#sinks.slice(0, -1);
    return others.length === 0 ? this.#passOn(last) : this.#giveToAll(others, last);
  }

  /** What there is, straight to the only sink. */
  #passOn(sink: SpliceSink): Outcome | undefined {
    const { sourceFd } = this.#order;
    const moved = this.#calls.splice(sourceFd, sink.fd, PIPE_BYTES);
    if (moved === 0) return 'source-ended';
    if (moved > 0) {
      this.#state.addTotal(moved);
      this.#state.add(sink.index, moved);
    } else if (moved === -EAGAIN) {
      this.#calls.wait(sourceFd, 'read', WAIT_MS);
      this.#calls.wait(sink.fd, 'write', WAIT_MS);
    } else if (moved === -EPIPE) this.#state.close(sink.index);
    else if (moved !== -EINTR) return 'failed';
    return undefined;
  }

  #giveToAll(others: readonly SpliceSink[], last: SpliceSink): Outcome | undefined {
    const { sourceFd } = this.#order;
    const bytes = this.#copyFor(others);
    if (bytes === 0) return 'source-ended';
    if (bytes === -EAGAIN) this.#calls.wait(sourceFd, 'read', WAIT_MS);
    if (bytes === -EAGAIN || bytes === -EINTR) return undefined;
    if (bytes < 0) return 'failed';
    this.#state.addTotal(bytes);
    for (const [place, sink] of others.entries()) {
      const from = this.#inner[place]?.readFd;
      if (from === undefined || !this.#pass(from, sink, bytes)) return 'failed';
    }
    return this.#pass(sourceFd, last, bytes) ? undefined : 'failed';
  }

  /** How much every sink gets in this round: what the first copy took, and the others take as much. */
  #copyFor(others: readonly SpliceSink[]): number {
    let bytes = PIPE_BYTES;
    for (const place of others.keys()) {
      const copied = this.#calls.tee(this.#order.sourceFd, this.#inner[place]?.writeFd ?? -1, bytes);
      // The inner pipes are empty and alike.
      if (place > 0 && copied !== bytes) return -ENODATA;
      if (copied <= 0) return copied;
      bytes = copied;
    }
    return bytes;
  }

  #drain(from: number, bytes: number): boolean {
    for (let left = bytes; left > 0;) {
      const moved = this.#calls.splice(from, this.#nowhere, left);
      if (moved <= 0 && moved !== -EINTR) return false;
      left -= Math.max(0, moved);
    }
    return true;
  }

  /** False when the system refuses for another reason than that the reader is gone. */
  #pass(from: number, sink: SpliceSink, bytes: number): boolean {
    let left = bytes;
    while (left > 0 && this.#state.isOpen(sink.index) && !this.#state.isStopped) {
      const moved = this.#calls.splice(from, sink.fd, left);
      if (moved > 0) {
        left -= moved;
        this.#state.add(sink.index, moved);
      } else if (moved === -EAGAIN) this.#calls.wait(sink.fd, 'write', WAIT_MS);
      else if (moved === -EPIPE) this.#state.close(sink.index);
      else if (moved !== -EINTR) return false;
    }
    return this.#drain(from, left);
  }
}

const { sinkCount, needsCopy }: SpliceSettings = workerData;
const calls = await loadKernelCalls();
const innerPipes = calls ? Array.from({ length: sinkCount - 1 }, () => calls.pipe(PIPE_BYTES)) : [];
const inner = innerPipes.filter((pipe) => pipe !== undefined);
const copy = needsCopy ? calls?.pipe(PIPE_BYTES) : undefined;
const isAble =
  calls !== undefined && inner.length === innerPipes.length && (!needsCopy || copy !== undefined);
const ready: SpliceReady = { isAble, ...(copy && { copy }) };
if (calls && isAble) {
  parentPort?.once('message', (order: SpliceOrder) => {
    try {
      new SplicePump(calls, inner, order).run();
    } finally {
      for (const { readFd, writeFd } of inner) {
        closeSync(readFd);
        closeSync(writeFd);
      }
    }
  });
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
parentPort?.postMessage(ready);
