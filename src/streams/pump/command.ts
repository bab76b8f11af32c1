import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { PumpNode, Work } from '../pump-spec.ts';
import type { Pipe } from './pipes.ts';
import { processTree, signalTree } from './process-tree.ts';
import { writeAll } from './sinks.ts';

type CommandNode = Pick<PumpNode, 'folder'> & {
  readonly work: Extract<Work, { readonly kind: 'command' }>;
};

/** How a command ended. */
export interface Exit {
  readonly code: number | undefined;
  /** `SIGPIPE` also where a shell says it as 128 + 13. */
  readonly signal: string | undefined;
  /** It could not be started: an errno code. */
  readonly obstacle?: string;
}

interface CommandOptions {
  readonly stdin: number | 'ignore';
  readonly stdout: number;
  readonly stderr: Pipe;
  /** Where the system's count of its written bytes arrives. */
  readonly meter: Pipe | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const TAIL_LINES = 20;
const LONGEST_LINE_BYTES = 64 * 1024;
/** For what a command's children still print after it has ended. */
const STDERR_GRACE_MS = 250;

/**
 * Around a command whose output no process of ours sees: its shell waits for it and then says what the
 * system counted as written by it, children included. Source: proc(5), `io`; wait adds up children.
 */
const METERED = `b=0
while read -r k v; do case $k in wchar:) b=$v;; esac; done 2>/dev/null </proc/$$/io
( exec 3>&-; exec /bin/sh -c "$1" sh )
s=$?
while read -r k v; do case $k in wchar:) echo $((v - b)) >&3;; esac; done 2>/dev/null </proc/$$/io
exit $s`;

/** What the system has counted so far as written by a process and all below it; what has ended counts for its parent. */
function writtenBytes(pid: number): number {
  let bytes = 0;
  for (const each of processTree(pid)) {
    try {
      bytes += Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${each}/io`, 'latin1'))?.[1] ?? 0);
    } catch {
      // It ended meanwhile.
    }
  }
  return bytes;
}

/** Whether the system counts the bytes that a process writes, and lets us see it. */
export function canMeterProcesses(): boolean {
  try {
    return readFileSync('/proc/self/io', 'latin1').includes('wchar:');
  } catch {
    return false;
  }
}

/** One command of the graph, running. */
export class RunningCommand {
  readonly ended: Promise<Exit>;
  /** Last lines of its standard error. */
  readonly tail: string[] = [];
  /** What the system says it wrote, without standard error; undefined while unknown. */
  wroteBytes: number | undefined;
  readonly #child: ChildProcess;
  #stderrBytes = 0;

  constructor(node: CommandNode, options: CommandOptions) {
    const { stdin, stdout, stderr, meter } = options;
    const { script, env } = node.work;
    this.#child = spawn('/bin/sh', meter ? ['-c', METERED, 'sh', script] : ['-c', script], {
      cwd: node.folder,
      env: { ...options.environment, ...env },
      stdio: [stdin, stdout, stderr.writeFd, ...(meter ? [meter.writeFd] : [])],
    });
    const errors = this.#readErrors(stderr.readFd);
    const count = meter ? this.#readCount(meter.readFd) : Promise.resolve();
    this.ended = this.#exit().then(async (exit) => {
      await withGrace(errors);
      await withGrace(count);
      return exit;
    });
  }

  /** As `wroteBytes`, while it runs: may be a little behind. */
  get writtenSoFar(): number {
    const { pid } = this.#child;
    return this.wroteBytes ?? (pid === undefined ? 0 : Math.max(0, writtenBytes(pid) - this.#stderrBytes));
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) signalTree(pid, signal);
  }

  #exit(): Promise<Exit> {
    return new Promise((resolve) => {
      this.#child.once('error', (error) => {
        const obstacle = 'code' in error ? String(error.code) : error.message;
        resolve({ code: undefined, signal: undefined, obstacle });
      });
      this.#child.once('exit', (code, signal) => {
        const isPipe = code === 141 || signal === 'SIGPIPE';
        resolve({
          code: isPipe ? undefined : (code ?? undefined),
          signal: isPipe ? 'SIGPIPE' : (signal ?? undefined),
        });
      });
    });
  }

  /** Line by line into our own log, so that the lines of two commands do not mix. */
  #readErrors(fd: number): Ending {
    let rest = Buffer.alloc(0);
    const flush = (upTo: number): void => {
      if (upTo === 0) return;
      const whole = rest.subarray(0, upTo);
      rest = Buffer.from(rest.subarray(upTo));
      this.#log(whole);
    };
    return readAll(
      fd,
      (bytes) => {
        this.#stderrBytes += bytes.length;
        rest = Buffer.concat([rest, bytes]);
        flush(rest.length > LONGEST_LINE_BYTES ? rest.length : rest.lastIndexOf(10) + 1);
      },
      () => flush(rest.length),
    );
  }

  #log(whole: Buffer): void {
    try {
      writeAll(2, whole);
    } catch {
      // The log's disk is full; the lines are still kept for the failure.
    }
    const lines = whole.toString('utf8').replace(/\n$/, '').split('\n');
    this.tail.push(...lines.map((line) => line.slice(0, 1000)));
    this.tail.splice(0, Math.max(0, this.tail.length - TAIL_LINES));
  }

  #readCount(fd: number): Ending {
    let text = '';
    return readAll(
      fd,
      (bytes) => void (text += bytes.toString('latin1')),
      () => {
        const count = Number(text);
        if (text.endsWith('\n') && Number.isSafeInteger(count)) {
          this.wroteBytes = Math.max(0, count - this.#stderrBytes);
        }
      },
    );
  }
}

interface Ending {
  readonly ended: Promise<void>;
  readonly giveUp: () => void;
}

function readAll(fd: number, see: (bytes: Buffer) => void, done: () => void): Ending {
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.on('data', see);
  socket.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    socket.on('close', () => {
      done();
      resolve();
    });
  });
  return { ended, giveUp: () => socket.destroy() };
}

/** A daemon that a command left behind may hold its standard error for ever. */
async function withGrace(ending: Ending | Promise<void>): Promise<void> {
  if (ending instanceof Promise) return ending;
  const timer = setTimeout(ending.giveUp, STDERR_GRACE_MS);
  await ending.ended;
  clearTimeout(timer);
}
