import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LAUNCHER, PINNED_NODE } from '../support/cli.ts';
import type { Figure } from './figure.ts';
import { spread } from './measure.ts';

const COLUMNS = 200;
const ROWS = 60;
const ROUNDS = 9;
/** Before the processor time of an idle run is read, milliseconds: what starting costs is over. */
const SETTLE_MS = 4_000;
const IDLE_MS = 15_000;

const SLEEPY = 'name: sleepy\nstages:\n  - name: long\n    steps: ["echo begun; sleep 600"]\n';

/** The built program on a pseudo-terminal, until it is removed. */
class Program {
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-bench-'));
  readonly #began = performance.now();
  readonly #child: ChildProcess;
  readonly #firstFrame: Promise<number>;
  #pid = 0;

  constructor(args: readonly string[], mark: string) {
    mkdirSync(path.join(this.#folder, 'pipelines'));
    mkdirSync(path.join(this.#folder, '.git'));
    writeFileSync(path.join(this.#folder, 'pipelines/sleepy.yaml'), SLEEPY);
    const command = [PINNED_NODE, LAUNCHER, ...args].map((word) => `'${word}'`).join(' ');
    const inner = `stty rows ${ROWS} cols ${COLUMNS} -echo; echo "__PID:$$__"; exec ${command}`;
    const { CI: _, NO_COLOR: _color, ...inherited } = process.env;
    this.#child = spawn('script', ['-qefc', inner, '/dev/null'], {
      cwd: this.#folder,
      env: { ...inherited, TERM: 'xterm-256color', SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let text = '';
    let startedMs = 0;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#firstFrame = promise;
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      if (text.length < 200_000) text += chunk.toString();
      const pid = /__PID:(\d+)__/.exec(text)?.[1];
      if (pid !== undefined && this.#pid === 0) {
        this.#pid = Number(pid);
        startedMs = performance.now();
      }
      // From the exec of the program: script and stty are not ours.
      if (text.includes(mark)) resolve(performance.now() - startedMs);
    });
    this.#child.on('close', () => resolve(performance.now() - this.#began));
  }

  get firstFrame(): Promise<number> {
    return this.#firstFrame;
  }

  /** Milliseconds of processor time so far. */
  cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(stat[11]) + Number(stat[12])) * 10;
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.on('close', resolve));
    // The run first: its own process ends what it started.
    if (this.#pid > 0) process.kill(this.#pid, 'SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await ended;
    clearTimeout(timer);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** What a person sees of the program itself: how soon its first frame stands, what it costs while nothing happens. */
export async function programFigures(): Promise<Figure[]> {
  return [
    await startFigure('app: start to first frame', [], 'Pipewright'),
    await startFigure('run: start to first frame', ['run', 'sleepy'], 'beginning'),
    await idleFigure(),
  ];
}

async function startFigure(name: string, args: readonly string[], mark: string): Promise<Figure> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const program = new Program(args, mark);
    times.push(await program.firstFrame);
    await program.end();
  }
  return { name, unit: 'ms', value: spread(times), limit: 150, detail: `${ROUNDS} starts of the bundle` };
}

async function idleFigure(): Promise<Figure> {
  const program = new Program(['run', 'sleepy'], 'sleepy');
  await program.firstFrame;
  await sleep(SETTLE_MS);
  const before = program.cpuMs();
  const began = performance.now();
  await sleep(IDLE_MS);
  const percent = ((program.cpuMs() - before) / (performance.now() - began)) * 100;
  await program.end();
  const detail = 'the whole program, a step that sleeps, spinner and clocks';
  return { name: 'idle run: processor', unit: '%', value: spread([percent]), limit: 3, detail };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
