import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Command, Executor, Recovered } from '../../../src/core/ports.ts';
import { createLocalExecutor } from '../../../src/executors/local.ts';
import type { DriverOrder } from './local-driver.ts';

const DRIVER = fileURLToPath(new URL('local-driver.ts', import.meta.url));
const KILL_NOW: Command['orphan'] = { policy: 'kill', finish_ms: 0 };
const KEEP: Command['orphan'] = { policy: 'keep' };
const forever = new AbortController().signal;

let folder = '';
let successor: Executor;
let drivers: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pipewright-crash-'));
  mkdirSync(path.join(folder, 'steps'));
  successor = createLocalExecutor({ runId: path.basename(folder), folder, graceMs: 200 });
});

afterEach(async () => {
  for (const driver of drivers) driver.kill('SIGKILL');
  drivers = [];
  await successor.stopLeftovers();
  await successor.close();
  rmSync(folder, { recursive: true });
});

type Step = DriverOrder['steps'][number];

/** Whether steps run in shells that they share. */
let lanes = true;

function step(token: string, script: string, orphan: Command['orphan']): Step {
  const text = script.replace('up;', `touch ${token}.up;`);
  if (!lanes) return { token, script: text, orphan, env: {} };
  // In a file anything may run in a lane, also what would not be let in as text.
  writeFileSync(path.join(folder, `${token}.sh`), text);
  return { token, script: `sh ./${token}.sh`, orphan, env: {} };
}

/** Starts the driver and resolves once its steps are under way. */
async function drive(order: Omit<DriverOrder, 'runId' | 'folder'>): Promise<ChildProcess> {
  const driver = spawn(
    process.execPath,
    [DRIVER, JSON.stringify({ runId: path.basename(folder), folder, lanes, ...order })],
    { stdio: ['ignore', 'pipe', 'inherit'], detached: true },
  );
  drivers.push(driver);
  await new Promise((resolve) => driver.stdout.once('data', resolve));
  return driver;
}

async function kill(driver: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  const ended = new Promise((resolve) => driver.once('exit', resolve));
  process.kill(-(driver.pid ?? 0), signal);
  await ended;
}

/** Command lines of living processes that carry the run's cookie. */
function survivors(): readonly string[] {
  return globSync('/proc/[0-9]*/environ').flatMap((file) => {
    try {
      if (!readFileSync(file, 'utf8').includes(`PIPEWRIGHT_RUN=${path.basename(folder)}\0`)) return [];
      return [readFileSync(path.join(path.dirname(file), 'cmdline'), 'utf8').replaceAll('\0', ' ')];
    } catch {
      return [];
    }
  });
}

function recover({ token, script, orphan }: Step, secrets: readonly string[] = []): Promise<Recovered> {
  const logFile = path.join(folder, `${token}.log`);
  return successor.recover(
    { token, script, orphan, env: {}, workdir: folder },
    { logFile, secrets },
    forever,
  );
}

function logOf({ token }: Step): string {
  return readFileSync(path.join(folder, `${token}.log`), 'utf8');
}

const SHAPES: readonly (readonly [string, string])[] = [
  ['a plain child', 'up; sleep 300'],
  ['grandchildren', '(sleep 300 & sleep 300 & up; wait)'],
  ['a daemon that left its session', 'setsid sleep 300 & up; sleep 300'],
  ['children that ignore TERM, HUP and INT', 'trap "" TERM HUP INT; sleep 300 & up; sleep 300; sleep 300'],
  ['a script that restarts what was ended', 'trap : TERM; up; while :; do sleep 300; done'],
];

describe.each([
  ['in a lane', true],
  ['in a shell of its own', false],
] as const)('with each step %s', (_name, isLane) => {
  beforeEach(() => {
    lanes = isLane;
  });

  test('kill -9 leaves no process, whatever the steps are made of, and records that they were ended', async () => {
    const steps = SHAPES.map(([, script], i) => step(`s${i}`, script, KILL_NOW));
    const driver = await drive({ steps });
    expect(survivors().length).toBeGreaterThan(SHAPES.length);
    await kill(driver);
    await expect.poll(survivors, { interval: 50 }).toEqual([]);
    for (const one of steps) {
      expect(await recover(one)).toEqual({
        state: 'lost',
        detail: 'it was ended because the process that watched it had died',
      });
    }
  });

  test('a step killed with its watcher at once, before it began, never ran or is ended', async () => {
    const one = step('s', 'echo ran; sleep 300', KILL_NOW);
    await kill(await drive({ steps: [one], atOnce: true }));
    await expect.poll(survivors, { interval: 50 }).toEqual([]);
    expect(['never-ran', 'lost']).toContain((await recover(one)).state);
  });

  test('a step that was announced and not started can never start', async () => {
    await kill(await drive({ steps: [], announced: ['s1'] }));
    const claim = path.join(folder, 'steps', 's1.claim');
    await expect.poll(() => existsSync(claim) && readFileSync(claim, 'utf8')).toBe('cancelled\n');
    expect(await recover(step('s1', 'true', KILL_NOW))).toEqual({ state: 'never-ran' });
  });

  test('a step may end by itself within its time, and its result is recovered', async () => {
    const quick = step('quick', 'up; sleep 0.6; echo done; exit 3', { policy: 'kill', finish_ms: 20_000 });
    const slow = step('slow', 'up; sleep 300', { policy: 'kill', finish_ms: 300 });
    const driver = await drive({ steps: [quick, slow] });
    const startMs = performance.now();
    await kill(driver);
    const isSlowGone = (): boolean => !survivors().some((line) => /sleep 300|slow/.test(line));
    await expect.poll(isSlowGone, { interval: 20 }).toBe(true);
    expect(performance.now() - startMs).toBeGreaterThan(290);
    await expect.poll(survivors, { interval: 50 }).toEqual([]);
    expect(await recover(quick)).toMatchObject({
      state: 'finished',
      outcome: { exitCode: 3, failure: { reason: 'exit-non-zero', exit_code: 3 } },
    });
    expect(logOf(quick)).toBe('done\n');
    expect((await recover(slow)).state).toBe('lost');
  });

  test('a newer owner keeps the steps and waits for them', async () => {
    writeFileSync(path.join(folder, 'owner.1'), '');
    const one = step('s', 'up; sleep 1; echo done', { policy: 'kill', finish_ms: 300 });
    const driver = await drive({ steps: [one] });
    await kill(driver);
    writeFileSync(path.join(folder, 'owner.2'), '');
    expect(await recover(one)).toMatchObject({ state: 'finished', outcome: { exitCode: 0 } });
    expect(logOf(one)).toBe('done\n');
  });

  test('a step to keep lives on with its daemons while others are ended', async () => {
    const kept = step('kept', 'setsid sleep 302 & up; sleep 1; echo done', KEEP);
    const ended = step('ended', 'setsid sleep 301 & up; sleep 301', KILL_NOW);
    await kill(await drive({ steps: [kept, ended] }));
    const isEnded = (): boolean => !survivors().some((line) => line.includes('sleep 301'));
    await expect.poll(isEnded, { interval: 50 }).toBe(true);
    expect(await recover(kept)).toMatchObject({ state: 'finished', outcome: { exitCode: 0 } });
    expect(survivors()).toEqual(['sleep 302 ']);
  });

  test('Ctrl-C in the terminal reaches neither steps nor their keeper', async () => {
    const kept = step('kept', 'up; sleep 0.5; echo done', { policy: 'kill', finish_ms: 20_000 });
    await kill(await drive({ steps: [kept] }), 'SIGINT');
    expect(await recover(kept)).toMatchObject({ state: 'finished', outcome: { exitCode: 0 } });
  });

  test('an adopted step is ended when its new watcher is told to', async () => {
    const one = step('s', 'setsid sleep 300 & up; sleep 300', KEEP);
    await kill(await drive({ steps: [one] }));
    const logFile = path.join(folder, 's.log');
    const recovered = await successor.recover(
      { ...one, workdir: folder },
      { logFile, secrets: [] },
      AbortSignal.timeout(100),
    );
    expect(recovered).toMatchObject({ state: 'finished', outcome: { failure: { reason: 'cancelled' } } });
    expect(survivors()).toEqual([]);
  });

  test('secrets stay masked after the process that knew them was killed', async () => {
    const secret = 'hunter2-S3cret';
    const one: Step = {
      ...step('s', 'echo "a $S"; up; sleep 0.5; echo "b $S"; echo "c $S" >&2', KEEP),
      env: { S: secret },
    };
    await kill(await drive({ steps: [one], secrets: [secret] }));
    expect(await recover(one, [secret])).toMatchObject({ state: 'finished', outcome: { exitCode: 0 } });
    await expect.poll(() => logOf(one)).toBe('a ***\nb ***\nc ***\n');
  });

  test('few file descriptors make steps fail with a reason, never with an exception', async () => {
    const steps = Array.from({ length: 60 }, (_, i) => step(`s${i}`, 'sleep 1.5', KILL_NOW));
    const order: DriverOrder = {
      runId: path.basename(folder),
      folder,
      steps,
      secrets: ['hunter2-S3cret'],
      atOnce: true,
    };
    const driver = spawn(
      '/bin/sh',
      ['-c', 'ulimit -n 40; exec "$@"', 'sh', process.execPath, DRIVER, JSON.stringify(order)],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let text = '';
    let errors = '';
    driver.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    driver.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    expect(await new Promise((resolve) => driver.once('close', resolve))).toBe(0);
    expect(errors).toBe('');
    const outcomes: readonly { readonly failure?: { readonly reason: string; readonly detail: string } }[] =
      JSON.parse(text.split('\n')[1] ?? '[]');
    expect(outcomes).toHaveLength(60);
    const failures = outcomes.flatMap(({ failure }) => failure ?? []);
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.length).toBeLessThan(60);
    for (const failure of failures) {
      expect(failure.reason).toBe('executor-unreachable');
      expect(failure.detail).toContain('too many open files');
    }
  });
});
