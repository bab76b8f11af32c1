import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { openForAppend } from './capture.ts';
import { jobText, LANE_ARGUMENTS, LANE_START, type LaneJob, type LaneTimes, REFUSED } from './lane-script.ts';
import type { ShimExit } from './outcome.ts';
import { BOOT_ID, membersOf, readText } from './processes.ts';
import { parseExitRecord } from './records.ts';

/** After a job that took this long, looking for what it left behind costs nothing in comparison. */
const LOOK_AFTER_MS = 50;

interface LaneProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
}

interface Job {
  readonly files: LaneJob['files'];
  readonly startedMs: number;
  readonly resolve: (exit: ShimExit) => void;
}

/** A shell that runs jobs one after another; see lane-script.ts. It ends by itself when we do. */
export class Lane {
  readonly pid: number;
  readonly #ended: Promise<void>;
  readonly #process: LaneProcess;
  readonly #claimText: string;
  #times: LaneTimes = { userMs: 0, systemMs: 0 };
  #job: Job | undefined;
  #isUsable = true;

  private constructor(laneProcess: LaneProcess, stat: string) {
    this.#process = laneProcess;
    this.pid = laneProcess.pid;
    this.#claimText = `${BOOT_ID} ${stat.trimEnd()}`;
    const { child, stdin, stdout } = laneProcess;
    // Not `exit`: what it reported last may still be on its way.
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#isUsable = false;
        // Whoever ends a lane that nobody told to end, ends the step.
        this.#finish({ code: null, signal: code === null ? signal : null });
        resolve();
      });
    });
    let text = '';
    stdout.on('data', (chunk: string) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      const report = text.trimEnd();
      text = '';
      this.#finish(report === REFUSED ? REFUSED_EXIT : { code: Number(report), signal: null });
    });
    stdin.write(LANE_START);
    this.#hold(false);
  }

  /** Undefined when the system has no process for it; whoever starts a step the other way learns why. */
  static start(workdir: string, environment: Readonly<Record<string, string>>): Lane | undefined {
    const laneProcess = spawnLane(workdir, environment);
    if (!laneProcess) return undefined;
    const stat = readText(`/proc/${laneProcess.pid}/stat`);
    if (stat !== undefined) return new Lane(laneProcess, stat);
    laneProcess.stdin.end();
    return undefined;
  }

  /** False once it was told to end, has ended, or was found not to be clean. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** One at a time. Throws what the file system throws when the log cannot be opened. */
  run(job: LaneJob): Promise<ShimExit> {
    closeSync(openForAppend(job.logFile));
    return new Promise((resolve) => {
      this.#job = { files: job.files, startedMs: performance.now(), resolve };
      this.#hold(true);
      this.#process.stdin.write(jobText(job, this.#claimText, this.#times));
    });
  }

  /** It ends after its present job. */
  retire(): void {
    this.#isUsable = false;
    this.#process.stdin.end();
  }

  /** As `retire`; resolves when its process is gone. */
  async end(): Promise<void> {
    this.retire();
    this.#hold(true);
    await this.#ended;
  }

  #finish(exit: ShimExit): void {
    const job = this.#job;
    if (!job) return;
    this.#job = undefined;
    this.#hold(false);
    if (exit.refused) {
      job.resolve(exit);
      return;
    }
    const record = parseExitRecord(readText(job.files.exit) ?? '');
    if (record?.type === 'exited') this.#add(record.usage);
    // What it has used so far is not known any more.
    else this.retire();
    if (performance.now() - job.startedMs > LOOK_AFTER_MS && membersOf(this.pid).length > 1) this.retire();
    job.resolve({ ...exit, record });
  }

  #add({ cpu_user_ms = 0, cpu_system_ms = 0 }: { cpu_user_ms?: number; cpu_system_ms?: number }): void {
    const { userMs, systemMs } = this.#times;
    this.#times = { userMs: userMs + cpu_user_ms, systemMs: systemMs + cpu_system_ms };
  }

  /** Whether it keeps this process alive: only while a job runs. */
  #hold(isHeld: boolean): void {
    const { child, stdin, stdout } = this.#process;
    for (const handle of [child, stdin, stdout]) {
      if (isHeld) reference(handle, 'ref');
      else reference(handle, 'unref');
    }
  }
}

const REFUSED_EXIT: ShimExit = { code: null, signal: null, refused: true };

function reference(handle: object, method: 'ref' | 'unref'): void {
  const change: unknown = Reflect.get(handle, method);
  if (typeof change === 'function') change.call(handle);
}

function spawnLane(workdir: string, environment: Readonly<Record<string, string>>): LaneProcess | undefined {
  let child: ChildProcess;
  try {
    child = spawn('/bin/sh', LANE_ARGUMENTS, {
      detached: true,
      cwd: workdir,
      env: environment,
      stdio: ['pipe', 'pipe', 'ignore'],
      argv0: 'sh',
    });
  } catch {
    return undefined;
  }
  child.on('error', () => undefined);
  const { pid, stdin, stdout } = child;
  if (pid === undefined || !stdin || !stdout) return undefined;
  stdin.on('error', () => undefined);
  stdout.on('error', () => undefined);
  stdout.setEncoding('latin1');
  return { child, pid, stdin, stdout };
}
