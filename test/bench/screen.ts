import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Figure, isMet, table } from './figure.ts';
import { spread } from './measure.ts';
import { programFigures } from './screen-program.ts';

/**
 * `chrt -r 5 node test/bench/screen.ts [--seconds 10] [--stall 10] [--json]`: two panes of a 200x60 screen in a
 * real pty, each fed 100,000 lines a second by another process, beside the same screen drawn by Ink alone.
 * Real-time priority keeps what else the machine does out of the figures; without it they are told just so.
 * The long form is `--seconds 60 --stall 60`.
 */
const { values: settings } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    stall: { type: 'string', default: '10' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
  },
});

const COLUMNS = 200;
const ROWS = 60;
const LINES_PER_SECOND = 100_000;
const WARM_UP_MS = 2000;
const KEY_MS = 65;
const here = import.meta.dirname;

type Mode = 'compositor' | 'ink';
type Kind = 'plain' | 'coloured' | 'cjk';

interface Measured {
  /** Milliseconds from each key to the first byte of its answer. */
  readonly latencies: readonly number[];
  readonly lostKeys: number;
  /** Of one core. */
  readonly cpuPercent: number;
  readonly rssMb: readonly number[];
  readonly linesPerSecond: number;
  readonly loopDelayMs: number;
  readonly startMs: number;
}

class ScreenRun {
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-screen-'));
  readonly #floods: ChildProcess[] = [];
  #script: ChildProcess | undefined;
  #pid = 0;
  #tail = '';
  #onToken: (() => void) | undefined;
  #token = '';
  readonly #began = performance.now();
  startMs = 0;

  async start(mode: Mode, env: Readonly<Record<string, string>> = {}): Promise<void> {
    const command = [
      process.execPath,
      path.join(here, 'screen-app.ts'),
      mode,
      this.#file('stats'),
      ...this.#logs(),
    ];
    const inner = `stty rows ${ROWS} cols ${COLUMNS} -echo; echo "__PID:$$__"; exec ${command.join(' ')}`;
    const { CI: _, ...inherited } = process.env;
    this.#script = spawn('script', ['-qefc', inner, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...inherited,
        TERM: 'xterm-256color',
        SHELL: '/bin/sh',
        NODE_ENV: 'production',
        FORCE_COLOR: '3',
        ...env,
      },
    });
    this.#script.stdout?.on('data', (chunk: Buffer) => this.#read(chunk.toString('latin1')));
    await this.#answer('AAAAAA', () => {});
    this.startMs = performance.now() - this.#began;
  }

  flood(kind: Kind): void {
    for (const log of this.#logs()) {
      this.#floods.push(
        spawn(process.execPath, [path.join(here, 'screen-flood.ts'), log, String(LINES_PER_SECOND), kind], {
          stdio: ['ignore', 'ignore', 'inherit'],
        }),
      );
    }
  }

  /** Presses a key; milliseconds until its answer, undefined when there was none in a second. */
  async press(number: number): Promise<number | undefined> {
    const token = String.fromCodePoint(65 + (number % 26)).repeat(6);
    const began = performance.now();
    const isAnswered = await this.#answer(token, () => this.#script?.stdin?.write('j'));
    return isAnswered ? performance.now() - began : undefined;
  }

  /** The terminal stops reading, or goes on. */
  stall(isStalled: boolean): void {
    this.#script?.kill(isStalled ? 'SIGSTOP' : 'SIGCONT');
  }

  usage(): { readonly cpuMs: number; readonly rssMb: number } {
    const stat = readFileSync(`/proc/${this.#pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return {
      cpuMs: (Number(stat[11]) + Number(stat[12])) * 10,
      rssMb: (Number(stat[21]) * 4096) / 1024 ** 2,
    };
  }

  async end(): Promise<{ readonly lines: readonly number[]; readonly loop_delay_max_ms?: number }> {
    for (const flood of this.#floods) flood.kill('SIGKILL');
    const ended = new Promise((resolve) => this.#script?.on('close', resolve));
    this.#script?.stdin?.write('q');
    const timer = setTimeout(() => process.kill(this.#pid, 'SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by screen-app.ts
    return JSON.parse(readFileSync(this.#file('stats'), 'utf8')) as { lines: number[] };
  }

  remove(): void {
    for (const child of [...this.#floods, this.#script]) child?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #answer(token: string, act: () => void): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), 5000);
      this.#token = token;
      this.#onToken = () => {
        this.#onToken = undefined;
        clearTimeout(timer);
        resolve(true);
      };
      act();
    });
  }

  #read(chunk: string): void {
    const text = this.#tail + chunk;
    this.#tail = text.slice(-12);
    const pid = /__PID:(\d+)__/.exec(text)?.[1];
    if (pid !== undefined) this.#pid = Number(pid);
    if (this.#onToken && text.includes(this.#token)) this.#onToken();
  }

  #logs(): string[] {
    return [this.#file('a.log'), this.#file('b.log')];
  }

  #file(name: string): string {
    return path.join(this.#folder, name);
  }
}

interface Scenario {
  readonly mode: Mode;
  readonly kind?: Kind;
  readonly seconds: number;
  readonly keys: boolean;
  readonly stallSeconds?: number;
  /** How often the progress bars move, default 250. */
  readonly progressMs?: number;
}

let current: ScreenRun | undefined;
/** Nothing of ours stays behind when the bench is stopped. */
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => {
    current?.remove();
    process.exit(code);
  });
}

async function measure(scenario: Scenario): Promise<Measured> {
  const { mode, kind, seconds, keys, stallSeconds, progressMs = 250 } = scenario;
  const run = new ScreenRun();
  current = run;
  try {
    await run.start(mode, {
      PROGRESS_MS: String(progressMs),
      ...(stallSeconds !== undefined && { LOOP_DELAY: '1' }),
    });
    if (kind) run.flood(kind);
    await sleep(WARM_UP_MS);
    const before = run.usage();
    const began = performance.now();
    const latencies: number[] = [];
    const rssMb: number[] = [];
    let lostKeys = 0;
    if (stallSeconds !== undefined) {
      run.stall(true);
      await sleep(stallSeconds * 1000);
      run.stall(false);
    }
    for (let pressed = 1; performance.now() - began < seconds * 1000; pressed += 1) {
      if (keys) {
        const latency = await run.press(pressed);
        if (latency === undefined) lostKeys += 1;
        else latencies.push(latency);
      }
      await sleep(KEY_MS * (0.75 + Math.random() / 2));
      rssMb.push(run.usage().rssMb);
    }
    const tookMs = performance.now() - began;
    const after = run.usage();
    const { lines, loop_delay_max_ms: loopDelayMs = 0 } = await run.end();
    return {
      latencies,
      lostKeys,
      cpuPercent: ((after.cpuMs - before.cpuMs) / tookMs) * 100,
      rssMb,
      linesPerSecond: lines.reduce((sum, count) => sum + count, 0) / ((tookMs + WARM_UP_MS) / 1000),
      loopDelayMs,
      startMs: run.startMs,
    };
  } finally {
    run.remove();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

const one = (value: number): ReturnType<typeof spread> => spread([value]);

async function flooded(kind: Kind): Promise<Figure[]> {
  const seconds = Number(settings.seconds);
  const plain = await measure({ mode: 'ink', kind, seconds, keys: true });
  const ours = await measure({ mode: 'compositor', kind, seconds, keys: true });
  const p99 = percentile(ours.latencies, 0.99);
  const plainP99 = percentile(plain.latencies, 0.99);
  const quarter = ours.rssMb.slice(-Math.ceil(ours.rssMb.length / 4));
  return [
    {
      name: `${kind}: key to frame, p99`,
      unit: 'ms',
      value: { min: Math.min(...ours.latencies), median: p99, max: Math.max(...ours.latencies) },
      limit: 25,
      detail: `median ${percentile(ours.latencies, 0.5).toFixed(1)} ms of ${ours.latencies.length} keys, ${ours.lostKeys} lost; Ink p99 ${plainP99.toFixed(1)} ms`,
    },
    { name: `${kind}: key to frame against Ink`, unit: 'x', value: one(p99 / plainP99), limit: 1 },
    {
      name: `${kind}: processor, of one core`,
      unit: '%',
      value: one(ours.cpuPercent),
      limit: 20,
      detail: `${Math.round(ours.linesPerSecond / 1000)},000 lines a second counted; Ink ${plain.cpuPercent.toFixed(1)} %`,
    },
    {
      name: `${kind}: memory`,
      unit: 'MB',
      value: spread(quarter),
      detail: `after ${Math.min(10, seconds)} s ${(ours.rssMb[Math.floor((ours.rssMb.length * Math.min(10, seconds)) / seconds) - 1] ?? 0).toFixed(0)} MB; Ink ${(plain.rssMb.at(-1) ?? 0).toFixed(0)} MB`,
    },
  ];
}

async function stalled(): Promise<Figure[]> {
  const stallSeconds = Number(settings.stall);
  const scenario = { kind: 'plain', seconds: stallSeconds + 2, keys: true, stallSeconds } as const;
  const plain = await measure({ mode: 'ink', ...scenario });
  const ours = await measure({ mode: 'compositor', ...scenario });
  return [
    {
      name: `${stallSeconds} s without reading: loop delay`,
      unit: 'ms',
      value: one(ours.loopDelayMs),
      limit: 50,
      detail: `Ink ${plain.loopDelayMs.toFixed(0)} ms; ${ours.latencies.length} keys answered after, ${ours.lostKeys} lost`,
    },
  ];
}

async function idle(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, progressMs, limit] of [
    ['idle, 8 spinners', 1e6, 3],
    ['idle, 8 spinners, 8 bars moving four times a second', 250, undefined],
  ] as const) {
    const plain = await measure({ mode: 'ink', seconds: 5, keys: false, progressMs });
    const ours = await measure({ mode: 'compositor', seconds: 5, keys: false, progressMs });
    figures.push({
      name: `${name}: processor`,
      unit: '%',
      value: one(ours.cpuPercent),
      ...(limit !== undefined && { limit }),
      detail: `Ink ${plain.cpuPercent.toFixed(1)} %; first frame ${ours.startMs.toFixed(0)} ms`,
    });
  }
  return figures;
}

const BENCHES: Readonly<Record<string, () => Promise<Figure[]>>> = {
  program: programFigures,
  idle,
  plain: () => flooded('plain'),
  coloured: () => flooded('coloured'),
  cjk: () => flooded('cjk'),
  stalled,
};

async function main(): Promise<void> {
  const figures: Figure[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (settings.only === undefined || settings.only === name) figures.push(...(await bench()));
  }
  const machine = { cpus: os.availableParallelism(), load: os.loadavg()[0], node: process.versions.node };
  const policy = execFileSync('chrt', ['-p', String(process.pid)], { encoding: 'utf8' }).split('\n')[0] ?? '';
  process.stdout.write(
    settings.json
      ? `${JSON.stringify({ machine, policy, figures: figures.map((figure) => ({ ...figure, met: isMet(figure) })) }, undefined, 2)}\n`
      : `${table(figures).join('\n')}\n\n${machine.cpus} cores, load ${machine.load?.toFixed(1)}, node ${machine.node}, ${policy}\n`,
  );
  if (settings.strict && !figures.every(isMet)) process.exitCode = 1;
}

await main();
