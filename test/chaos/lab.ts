import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { RunEvent } from '../../src/core/events.ts';
import { idleRun, reduce, type RunState } from '../../src/core/run-state.ts';
import { replay, type Replay } from '../../src/persistence/replay.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** The launcher, as users start it. */
export const BIN = path.join(ROOT, 'bin', 'pipewright.js');

/** One process of Pipewright and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** SIGKILL after so many milliseconds. */
  readonly killAfterMs?: number;
}

/** Nothing here takes this long; what hangs is killed and seen as such. */
const LIMIT_MS = 60_000;

/** A project folder with pipelines whose steps write one line each to `world`, and the real command line. */
export interface Lab {
  readonly folder: string;
  readonly state: string;
  /** Runs Pipewright in the project until it ends. */
  readonly cli: (args: readonly string[], options?: StartOptions) => Promise<Ended>;
  readonly start: (args: readonly string[], options?: StartOptions) => Started;
  /** What the steps did, in order. */
  readonly world: () => readonly string[];
  /** Every event that a process showed on stdout, by `<run>#<seq>`: from then on it must never be lost. */
  readonly acked: ReadonlyMap<string, string>;
  readonly runIds: () => readonly string[];
  readonly replay: (runId: string) => Replay;
  readonly runState: (runId: string) => RunState;
  readonly dispose: () => void;
}

/** `pipelines`: file name to text. `state`: where the state lies, default in the project. */
export function createLab(pipelines: Readonly<Record<string, string>>, state?: string): Lab {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-chaos-'));
  mkdirSync(path.join(folder, 'pipelines'));
  writeFileSync(path.join(folder, 'pipewright.yaml'), 'project: chaos\n');
  for (const [name, text] of Object.entries(pipelines)) {
    writeFileSync(path.join(folder, 'pipelines', name), text);
  }
  const stateFolder = state ?? path.join(folder, 'state');
  const acked = new Map<string, string>();
  const start = (args: readonly string[], options: StartOptions = {}): Started => {
    const started = spawnCli(folder, [...args, '--state', stateFolder], options);
    const ended = started.ended.then((result) => {
      for (const event of ackedEvents(result.stdout)) acked.set(event.key, event.text);
      return result;
    });
    return { child: started.child, ended };
  };
  const runIds = (): readonly string[] => {
    const runs = path.join(stateFolder, 'runs');
    return existsSync(runs) ? readdirSync(runs).toSorted() : [];
  };
  const replayRun = (runId: string): Replay => replay(path.join(stateFolder, 'runs', runId, 'journal'));
  return {
    folder,
    state: stateFolder,
    acked,
    start,
    cli: (args, options) => start(args, options).ended,
    world: () => linesOf(path.join(folder, 'world')),
    runIds,
    replay: replayRun,
    runState: (runId) => replayRun(runId).events.reduce(reduce, idleRun(runId)),
    dispose: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** The Node that runs the product: this one, unless it is too old. */
export function nodeBinary(): string {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  return path.join(ROOT, 'node_modules', 'node', 'bin', 'node');
}

/** The surroundings without what would change how Pipewright behaves. */
export function cleanEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || name.startsWith('PIPEWRIGHT_') || name === 'NODE_OPTIONS' ? [] : [[name, value]],
    ),
  );
}

function spawnCli(cwd: string, args: readonly string[], { env = {}, killAfterMs }: StartOptions): Started {
  const beganMs = performance.now();
  const child = spawn(nodeBinary(), [BIN, ...args], {
    cwd,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // For steps that kill the process that started them.
  writeFileSync(path.join(cwd, 'cli.pid'), `${child.pid}\n`);
  const kill = setTimeout(() => child.kill('SIGKILL'), killAfterMs ?? LIMIT_MS);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(kill);
      resolve({ code, signal, stdout, stderr, durationMs: performance.now() - beganMs });
    });
  });
  return { child, ended };
}

/** Complete lines only: of a torn last line nobody was told. */
function ackedEvents(stdout: string): readonly { readonly key: string; readonly text: string }[] {
  return stdout
    .slice(0, stdout.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line) => {
      if (!line.startsWith('{"') || !line.includes('"seq":')) return [];
      const event: unknown = JSON.parse(line);
      return isStamped(event) ? [{ key: keyOf(event), text: canonical(event) }] : [];
    });
}

function isStamped(value: unknown): value is Pick<RunEvent, 'run_id' | 'seq'> {
  return typeof value === 'object' && value !== null && 'run_id' in value && 'seq' in value;
}

/** Key of `Lab.acked`. */
export function keyOf({ run_id: runId, seq }: Pick<RunEvent, 'run_id' | 'seq'>): string {
  return `${runId}#${seq}`;
}

/** JSON with sorted keys: two equal events are the same text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

function linesOf(file: string): readonly string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}
