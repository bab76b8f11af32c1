import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { openForAppend } from './capture.ts';
import { LaneFile } from './lane-records.ts';
import {
  jobText,
  LANE_ARGUMENTS,
  LANE_START,
  type LaneJob,
  type LaneTimes,
  UNRECORDED,
} from './lane-script.ts';
import type { ShimExit } from './outcome.ts';
import { BOOT_ID, membersOf, readText } from './processes.ts';
import { REFUSED } from './records.ts';

/** After a job that took this long, looking for what it left behind costs nothing in comparison. */
const LOOK_AFTER_MS = 50;

interface LaneProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
}

interface Job {
  readonly token: string;
  readonly startedMs: number;
  readonly resolve: (exit: ShimExit) => void;
}

/** A shell that runs jobs one after another; see lane-script.ts. It ends by itself when we do. */
export class Lane {
  readonly pid: number;
  readonly #ended: Promise<void>;
  readonly #process: LaneProcess;
  readonly #file: LaneFile;
  #times: LaneTimes = { userMs: 0, systemMs: 0 };
  #job: Job | undefined;
  #isUsable = true;

  private constructor(laneProcess: LaneProcess, file: LaneFile) {
    this.#process = laneProcess;
    this.#file = file;
    this.pid = laneProcess.pid;
    const { child, stdin, stdout } = laneProcess;
    // Not `exit`: what it reported last may still be on its way.
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#isUsable = false;
        // Whoever ends a lane that nobody told to end, ends the step.
        this.#finish({ code: null, signal: code === null ? signal : null, inLane: 'begun' });
        closeSync(file.fd);
        resolve();
      });
    });
    let text = '';
    stdout.on('data', (chunk: string) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      const report = text.trimEnd();
      text = '';
      this.#finish(exitOf(report));
    });
    stdin.write(LANE_START);
    this.#hold(false);
  }

  /** Undefined when the system has no process or file for it; whoever starts a step the other way learns why. */
  static start(home: LaneHome): Lane | undefined {
    let file: LaneFile | undefined;
    let laneProcess: LaneProcess | undefined;
    try {
      file = LaneFile.create(home.steps);
      laneProcess = spawnLane(home, file.fd);
      const stat = laneProcess && readText(`/proc/${laneProcess.pid}/stat`);
      if (laneProcess && stat !== undefined) {
        file.introduce(`${BOOT_ID} ${stat.trimEnd()}`);
        return new Lane(laneProcess, file);
      }
    } catch {
      // A full disk, no more open files.
    }
    laneProcess?.stdin.end();
    if (file) closeSync(file.fd);
    return undefined;
  }

  /** Of its records, in the folder of the steps. */
  get fileName(): string {
    return this.#file.name;
  }

  /** False once it was told to end, has ended, or was found not to be clean. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /** One at a time. Throws what the file system throws when the log cannot be opened. */
  run(job: LaneJob): Promise<ShimExit> {
    closeSync(openForAppend(job.logFile));
    return new Promise((resolve) => {
      this.#job = { token: job.token, startedMs: performance.now(), resolve };
      this.#hold(true);
      this.#process.stdin.write(jobText(job, this.#times));
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
    if (exit.inLane !== 'begun') {
      // Of a record that did not fit on the disk a part may be there: nothing may follow it.
      this.retire();
      job.resolve(exit);
      return;
    }
    const record = this.#file.exitOf(job.token);
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

function exitOf(report: string): ShimExit {
  if (report === REFUSED || report === UNRECORDED) return { code: null, signal: null, inLane: report };
  return { code: Number(report), signal: null, inLane: 'begun' };
}

function reference(handle: object, method: 'ref' | 'unref'): void {
  const change: unknown = Reflect.get(handle, method);
  if (typeof change === 'function') change.call(handle);
}

/** Where a lane lives. */
export interface LaneHome {
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Folder of the claims and records. */
  readonly steps: string;
}

function spawnLane({ workdir, environment }: LaneHome, recordFd: number): LaneProcess | undefined {
  let child: ChildProcess;
  try {
    child = spawn('/bin/sh', LANE_ARGUMENTS, {
      detached: true,
      cwd: workdir,
      env: environment,
      stdio: ['pipe', 'pipe', 'ignore', recordFd],
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
