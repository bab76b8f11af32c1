import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Command, CommandOutcome, Executor } from '../../../src/core/ports.ts';
import { createLocalExecutor } from '../../../src/executors/local.ts';
import { isLaneJob, jobText, LANE_START } from '../../../src/executors/local/lane-script.ts';

const GRACE_MS = 300;
const forever = new AbortController().signal;
const SHARED = { script: '', environment: {}, token: 't', claim: 'c', successor: 'o', logFile: 'l' };

let folder = '';
let executor: Executor;
let tokens = 0;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pipewright-lanes-'));
  executor = createLocalExecutor({ runId: path.basename(folder), folder, graceMs: GRACE_MS });
});

afterEach(async () => {
  await executor.stopLeftovers();
  await executor.close();
  if (living().length > 0) throw new Error(`left behind: ${living().join(', ')}`);
  rmSync(folder, { recursive: true });
});

interface Ended extends CommandOutcome {
  readonly log: string;
  /** The shell that ran it. */
  readonly shell: number;
}

async function run(
  script: string,
  more: Partial<Command> = {},
  { on = executor, signal = forever }: { readonly on?: Executor; readonly signal?: AbortSignal } = {},
): Promise<Ended> {
  tokens += 1;
  const command = commandOf(script, { token: `t${tokens}`, ...more });
  const outcome = await on.run(command, { logFile: logFile(command.token), secrets: [] }, signal);
  const log = existsSync(logFile(command.token)) ? readFileSync(logFile(command.token), 'utf8') : '';
  return { ...outcome, log, shell: shellOf(command.token) };
}

function commandOf(script: string, more: Partial<Command> = {}): Command {
  return { script, env: {}, workdir: folder, token: 't', orphan: { policy: 'kill', finish_ms: 0 }, ...more };
}

function logFile(token: string): string {
  return path.join(folder, `${token}.log`);
}

function shellOf(token: string): number {
  const steps = path.join(folder, 'steps');
  const records = globSync(`${steps}/lane+*`).map((file) => readFileSync(file, 'utf8'));
  const lane = records.find((text) => text.includes(`\nbegin ${token}\n`));
  return Number((lane ?? readFileSync(path.join(steps, `${token}.claim`), 'utf8')).split(' ')[1]);
}

/** What a lane would not let in as text, it runs from a file. */
function scriptFile(text: string): string {
  tokens += 1;
  writeFileSync(path.join(folder, `s${tokens}.sh`), text);
  return `sh ./s${tokens}.sh`;
}

/** Command lines of living processes of the run. */
function living(): readonly string[] {
  return globSync('/proc/[0-9]*/environ').flatMap((file) => {
    try {
      if (!readFileSync(file, 'utf8').includes(`PIPEWRIGHT_RUN=${path.basename(folder)}\0`)) return [];
      return [
        readFileSync(path.join(path.dirname(file), 'cmdline'), 'utf8')
          .replaceAll('\0', ' ')
          .trim(),
      ];
    } catch {
      return [];
    }
  });
}

test.each([
  'npm test && npm run build || exit 3',
  'make 2>&1 | tail -1 >&2',
  'find . -name "*.ts"; go build .',
  'echo "resource executed, sourced, waiting"',
])('`%s` may share a shell', (script) => {
  expect(isLaneJob({ ...SHARED, script })).toBe(true);
});

test.each([
  'sleep 1 &',
  'sleep 1 & wait',
  'cmd &>all',
  'a &&& b',
  'echo $$',
  'echo ${$}',
  'echo $!',
  'echo "$-"',
  'echo $((PPID))',
  'eval "$x"',
  '. ./env',
  'true; . ./env',
  'if . ./env; then :; fi',
  'A=1 . ./env',
  'command . ./env',
  'source env',
  'exec cmd',
  "trap 'x' EXIT",
  'jobs',
  'set -m',
  'set -em',
  'set -o monitor',
  'ulimit -n 9',
  'umask 77',
  'nohup cmd',
  'setsid cmd',
  'coproc cmd',
  'kill 0',
  'a\0b',
  `: ${'x'.repeat(17_000)}`,
  `: ${"'".repeat(5000)}`,
])('`%s` gets a shell of its own', (script) => {
  expect(isLaneJob({ ...SHARED, script })).toBe(false);
});

test.each([
  { IFS: ':' },
  { PS4: 'x' },
  { 'a.b': '1' },
  { OLDPWD: '/' },
  { A: 'a\0b' },
  { A: 'x'.repeat(17_000) },
])('the variables %j need a shell of their own', (environment) => {
  expect(isLaneJob({ ...SHARED, environment })).toBe(false);
});

test('steps one after another share a shell, steps side by side do not', async () => {
  const first = await run('echo 1');
  expect((await run('echo 2')).shell).toBe(first.shell);
  const shells = (await Promise.all([run('sleep 0.1'), run('sleep 0.1')])).map(({ shell }) => shell);
  expect(new Set(shells).size).toBe(2);
  expect(shells).toContain(first.shell);
  expect((await run('echo 3; true &')).shell).not.toBe(first.shell);
});

test('a script finds the same in a lane, after any other, as in a shell of its own', async () => {
  const look = [
    'pwd; set; env | sort; echo "$0|$#|$*|$?"; type f g cd; alias; hash; ls -l /proc/self/fd | cut -c1-10,40-',
    'readlink /proc/self/fd/0; cat; no-such-command; echo x >here; echo y >here; ls /proc/self/fd; false',
  ].join('\n');
  const other = createLocalExecutor({ runId: path.basename(folder), folder, lanes: false });
  const env = { VALUE: `a 'b' "c" $(d) \`e\`\n-rf \\`, PIPEWRIGHT_RUN: 'x' };
  const alone = await run(look, { env, token: 'same' }, { on: other });
  await other.close();
  for (const name of ['same.claim', 'same.exit']) rmSync(path.join(folder, 'steps', name));
  rmSync(logFile('same'));
  await run(
    'cd /; A=1; export B=2 HOME=/x; f() { :; }; alias g=ls; set -efu -- 1 2; readonly C=3; PATH=/bin; ls',
  );
  const before = await run('if true; then (', { env: { D: '4' } });
  const shared = await run(look, { env, token: 'same' });
  expect(shared.shell).toBe(before.shell);
  expect(plain(shared.log)).toBe(plain(alone.log));
  expect(shared).toMatchObject({ exitCode: alone.exitCode, failure: alone.failure });
});

/** Without the numbers of processes. */
function plain(log: string): string {
  return log.replaceAll(/^.*(PPID=|\/proc\/\d+\/fd|pipe:|socket:).*$/gm, '');
}

test.each([
  ['exit 3', 3],
  ['set -e; false; true', 1],
  ['return 4', 4],
  ["echo 'never closed", 2],
  ['if then', 2],
  ['no-such-command-at-all', 127],
  [': >plain; ./plain', 126],
  ['cd /no/such/folder', 2],
])('`%s` ends with %i and leaves the lane to the next step', async (script, exitCode) => {
  const before = await run('true');
  const ended = await run(script);
  expect(ended).toMatchObject({ exitCode, shell: before.shell });
  expect(await run('pwd')).toMatchObject({ exitCode: 0, log: `${folder}\n`, shell: before.shell });
});

test('a script that a signal ends says which, in its log too, and leaves the lane', async () => {
  const before = await run('true');
  const ended = await run(`${scriptFile('kill -SEGV $PPID')}; true`);
  expect(ended).toMatchObject({ exitCode: 139, failure: { reason: 'signal', signal: 'SIGSEGV' } });
  expect(ended.log).toMatch(/Segmentation fault/);
  const group = await run(scriptFile('kill -TERM 0; sleep 5'));
  expect(group.failure).toEqual({ reason: 'signal', signal: 'SIGTERM' });
  expect((await run('true')).shell).toBe(before.shell);
});

test('every character of a value and a script arrives as it is', async () => {
  const value =
    Array.from({ length: 0x300 }, (_, i) => String.fromCodePoint(i + 1)).join('') + '가나다 \u{1f600}';
  const quoted = `'${value.replaceAll(/['&]/g, '')}'`;
  const ended = await run(`printf %s "$V"; printf %s ${quoted}`, { env: { V: value } });
  expect(ended.log).toBe(value + value.replaceAll(/['&]/g, ''));
});

test('a job too long for a lane runs in a shell of its own', async () => {
  const before = await run('true');
  const ended = await run('printf %s "$V"', { env: { V: 'x'.repeat(40_000) } });
  expect(ended.log).toHaveLength(40_000);
  expect(ended.shell).not.toBe(before.shell);
});

test('each working folder has lanes of its own, also when another took its place', async () => {
  const inner = path.join(folder, 'inner');
  mkdirSync(inner);
  const before = await run('pwd');
  const there = await run('pwd; echo "$PWD" >f', { workdir: inner });
  expect(there).toMatchObject({ log: `${inner}\n` });
  expect(there.shell).not.toBe(before.shell);
  rmSync(inner, { recursive: true });
  expect(
    (await run('true', { workdir: inner, token: 'gone' }).catch(() => undefined))?.exitCode,
  ).toBeUndefined();
  mkdirSync(path.join(folder, 'filler'));
  mkdirSync(inner);
  await run('echo new >f', { workdir: inner });
  expect(readFileSync(path.join(inner, 'f'), 'utf8')).toBe('new\n');
});

test('an abort ends the script and its lane; the next step has a new one', async () => {
  const before = await run('true');
  const controller = new AbortController();
  const startMs = performance.now();
  const running = run(
    scriptFile('sleep 300 & setsid sleep 300 & sleep 300'),
    {},
    { signal: controller.signal },
  );
  await delay(100);
  controller.abort('test');
  const ended = await running;
  expect(ended).toMatchObject({ failure: { reason: 'cancelled', by: 'test' }, shell: before.shell });
  // Not as long as for what KILL does not end.
  expect(performance.now() - startMs).toBeLessThan(5000);
  expect(living()).toEqual([]);
  expect((await run('true')).shell).not.toBe(before.shell);
});

test('an abort kills what ignores TERM', async () => {
  const controller = new AbortController();
  const running = run(scriptFile('trap "" TERM; sleep 300; sleep 300'), {}, { signal: controller.signal });
  await delay(100);
  controller.abort('test');
  expect((await running).failure).toEqual({ reason: 'cancelled', by: 'test' });
  expect(living()).toEqual([]);
});

test('a lane that is killed from outside ends its step as a signal, and the script with it', async () => {
  const before = await run('true');
  const running = run('sleep 300; sleep 300');
  await delay(100);
  process.kill(before.shell, 'SIGKILL');
  expect((await running).failure).toEqual({ reason: 'signal', signal: 'SIGKILL' });
  expect(living()).toEqual([]);
  const next = await run('echo on');
  process.kill(next.shell, 'SIGKILL');
  await delay(50);
  expect(await run('echo on')).toMatchObject({ exitCode: 0, log: 'on\n' });
});

/** Leaves a process in the group of a lane that goes on: on a busy machine it may be seen, and the lane retired. */
async function leaveBehind(command: string): Promise<Ended> {
  for (;;) {
    const first = await run(scriptFile(`${command} >/dev/null 2>&1 &`));
    if ((await run('true')).shell === first.shell) return first;
  }
}

test('an abort spares what an earlier step of the lane left behind', async () => {
  const first = await leaveBehind('sleep 301');
  const controller = new AbortController();
  const running = run('sleep 302; sleep 302', {}, { signal: controller.signal });
  await delay(100);
  controller.abort('test');
  expect((await running).shell).toBe(first.shell);
  expect(new Set(living())).toEqual(new Set(['sleep 301']));
  expect(await executor.stopLeftovers()).toContainEqual(expect.stringContaining('sleep 301'));
});

test('a lane in whose group something was left is not used again, where that was seen', async () => {
  const first = await run(scriptFile('sleep 301 >/dev/null 2>&1 & sleep 0.1'));
  expect((await run('true')).shell).not.toBe(first.shell);
});

test('CPU time is of the step alone, in its record too', async () => {
  const busy = await run('i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done');
  const spentMs = (busy.usage?.cpu_user_ms ?? 0) + (busy.usage?.cpu_system_ms ?? 0);
  expect(spentMs).toBeGreaterThan(30);
  const quick = await run('true', { token: 'quick' });
  expect(quick.shell).toBe(busy.shell);
  const quickMs = (quick.usage?.cpu_user_ms ?? 0) + (quick.usage?.cpu_system_ms ?? 0);
  expect(quickMs).toBeLessThanOrEqual(20);
  const output = { logFile: logFile('quick'), secrets: [] };
  // The lane lives on: only the record says that the step has ended.
  expect(await executor.recover(commandOf('true', { token: 'quick' }), output, forever)).toMatchObject({
    state: 'finished',
    outcome: { exitCode: 0, usage: quick.usage },
  });
});

test('peak memory is of the step, not of what an earlier one left in the lane', async () => {
  const hold = `${process.execPath} -e 'Buffer.alloc(200e6, 1); setInterval(() => {}, 1000)'`;
  const first = await leaveBehind(hold);
  const second = await run('dd if=/dev/zero of=/dev/null bs=30M count=500 2>/dev/null');
  expect(second.shell).toBe(first.shell);
  expect(second.usage?.peak_memory_bytes).toBeGreaterThan(25e6);
  expect(second.usage?.peak_memory_bytes).toBeLessThan(60e6);
});

/** What a lane does with some text. */
function feed(text: string): string {
  const records = openSync(path.join(folder, RECORDS), 'a');
  const report = execFileSync('/bin/sh', ['-s'], {
    input: LANE_START + text,
    cwd: folder,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore', records],
  });
  closeSync(records);
  return report;
}

const RECORDS = 'records';

test('a job of which only a part arrives does nothing', () => {
  const text = jobText({ ...SHARED, script: 'touch ran' }, { userMs: 0, systemMs: 0 });
  for (let length = 0; length < text.trimEnd().length; length += 7) {
    try {
      feed(text.slice(0, length));
    } catch {
      // A syntax error, as it should be.
    }
    expect(readFileSync(path.join(folder, RECORDS), 'utf8')).toBe('');
  }
  expect(feed(text)).toBe('0\n');
  expect(existsSync(path.join(folder, 'ran'))).toBe(true);
});

test('a try that was called off is refused, and a log that is gone is no success', () => {
  const times = { userMs: 5, systemMs: 6 };
  const records = (): string => readFileSync(path.join(folder, RECORDS), 'utf8');
  expect(feed(jobText({ ...SHARED, script: 'exit 3' }, times))).toBe('3\n');
  expect(records()).toMatch(/^begin t\nexit 3 5 6\n/);
  const lost = { ...SHARED, token: 'u', logFile: 'no/log', script: 'touch ran' };
  expect(feed(jobText(lost, times))).toBe('1\n');
  expect(records()).toMatch(/\nbegin u\nlog-unavailable/);
  writeFileSync(path.join(folder, 'c'), 'cancelled\n');
  expect(feed(jobText({ ...SHARED, token: 'v', script: 'touch ran' }, times))).toBe('refused\n');
  expect(records()).toMatch(/\nbegin v\nrefused\n$/);
  writeFileSync(path.join(folder, 'o'), '');
  const taken = { ...SHARED, claim: 'none', token: 'w', script: 'touch ran' };
  expect(feed(jobText(taken, times))).toBe('refused\n');
  expect(existsSync(path.join(folder, 'ran'))).toBe(false);
});

const DEAD = `- ${process.pid} (sh) S ${'0 '.repeat(18)}1\n`;
const LOST_BY_DEATH = 'it was ended because the process that watched it had died';
const TIMES = '0m0.00s 0m0.00s\n0m0.01s 0m0.02s\n';

test.each([
  ['begin t\nexit 3 0 0\n', { state: 'finished', outcome: { exitCode: 3 } }],
  [`begin t\nexit 0 0 0\n${TIMES}orphan-killed\n`, { state: 'finished', outcome: { exitCode: 0 } }],
  [`begin s\nexit 1 0 0\n${TIMES}begin t\nexit 2 0 0\n${TIMES}begin u\n`, { outcome: { exitCode: 2 } }],
  ['begin t\norphan-killed\nexit 143 0 0\n', { state: 'lost', detail: LOST_BY_DEATH }],
  ['begin t\nrefused\n', { state: 'never-ran' }],
  ['begin t\n', { state: 'lost', detail: 'it began, ended and left no exit record' }],
  [`begin s\nexit 1 0 0\n${TIMES}begin t`, { state: 'never-ran' }],
  ['begin tt\nexit 0 0 0\n', { state: 'never-ran' }],
])('what a dead lane wrote decides: %j', async (records, expected) => {
  mkdirSync(path.join(folder, 'steps'));
  writeFileSync(path.join(folder, 'steps', 'lane+1-1'), DEAD + records);
  const output = { logFile: logFile('t'), secrets: [] };
  const found = await executor.recover(commandOf('true'), output, forever);
  expect(found).toMatchObject(expected);
});

test('a lane that neither begins nor ends is ended before its job counts as never run', async () => {
  mkdirSync(path.join(folder, 'steps'));
  const lane = spawn('sleep', ['60']);
  const stat = readFileSync(`/proc/${lane.pid}/stat`, 'utf8');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  writeFileSync(path.join(folder, 'steps', 'lane+1-1'), `${boot} ${stat}`);
  const ended = new Promise((resolve) => lane.once('exit', (_, signal) => resolve(signal)));
  const output = { logFile: logFile('t'), secrets: [] };
  expect(await executor.recover(commandOf('true'), output, forever)).toEqual({ state: 'never-ran' });
  expect(await ended).toBe('SIGKILL');
});
