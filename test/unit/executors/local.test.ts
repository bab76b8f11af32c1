import {
  appendFileSync,
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Command, CommandOutput, Executor } from '../../../src/core/ports.ts';
import { createExecutors } from '../../../src/executors/index.ts';
import { createLocalExecutor } from '../../../src/executors/local.ts';
import { prepareLimits } from '../../../src/executors/local/limits.ts';
import { mountSmallDisk } from '../../support/small-disk.ts';

const GRACE_MS = 500;
const forever = new AbortController().signal;

let folder = '';
let executor: Executor;
let tokens = 0;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pipewright-local-'));
  executor = createLocalExecutor({ runId: path.basename(folder), folder, graceMs: GRACE_MS });
});

afterEach(async () => {
  await executor.stopLeftovers();
  await executor.close();
  rmSync(folder, { recursive: true });
});

function command(script: string, more: Partial<Command> = {}): Command {
  tokens += 1;
  return {
    script,
    env: {},
    workdir: folder,
    token: `t${tokens}`,
    orphan: { policy: 'kill', finish_ms: 0 },
    ...more,
  };
}

function output(more: Partial<CommandOutput> = {}): CommandOutput {
  return { logFile: path.join(folder, 'log'), secrets: [], ...more };
}

function log(): string {
  return existsSync(output().logFile) ? readFileSync(output().logFile, 'utf8') : '';
}

/** Living processes of the run. */
function living(): number {
  return globSync('/proc/[0-9]*/environ').filter((file) => {
    try {
      return readFileSync(file, 'utf8').includes(`PIPEWRIGHT_RUN=${path.basename(folder)}\0`);
    } catch {
      return false;
    }
  }).length;
}

/** Runs until the script has printed `up`, then aborts; how long that took. */
async function abortWhenUp(script: string, more: Partial<CommandOutput> = {}): Promise<number> {
  const controller = new AbortController();
  const running = executor.run(command(script), output(more), controller.signal);
  await expect.poll(log, { interval: 5 }).toContain('up');
  const startMs = performance.now();
  controller.abort('test');
  expect((await running).failure).toEqual({ reason: 'cancelled', by: 'test' });
  return performance.now() - startMs;
}

test('an abort ends children and grandchildren at once', async () => {
  const graceMs = 60_000;
  executor = createLocalExecutor({ runId: path.basename(folder), folder, graceMs });
  expect(await abortWhenUp('sleep 300 & (sleep 300 & sleep 300) & echo up; sleep 300')).toBeLessThan(graceMs);
  expect(living()).toBe(0);
});

test('an abort kills what ignores TERM after the grace, and what left the group', async () => {
  const script = 'trap "" TERM; setsid sleep 300 & setsid sh -c "trap : TERM; while :; do sleep 300; done" &';
  expect(await abortWhenUp(`${script} echo up; sleep 300; sleep 300`)).toBeGreaterThanOrEqual(GRACE_MS - 5);
  expect(living()).toBe(0);
});

test('an abort ends a stopped process', async () => {
  await abortWhenUp('sh -c "echo up; kill -STOP \\$\\$"');
  expect(living()).toBe(0);
});

test('an abort of a step with secrets keeps what it had printed, masked, also after KILL', async () => {
  await abortWhenUp('trap "" TERM; echo hunter2-S3cret; echo up; sleep 300; sleep 300', {
    secrets: ['hunter2-S3cret'],
  });
  expect(log()).toMatch(/^\*\*\*\nup\n/);
  expect(living()).toBe(0);
});

test('a shim that is killed from outside ends as a signal, and its script with it', async () => {
  const running = executor.run(command('echo up; sleep 300'), output(), forever);
  await expect.poll(log, { interval: 5 }).toContain('up');
  const [claim = ''] = globSync(path.join(folder, 'steps', 'lane+*'));
  process.kill(Number(readFileSync(claim, 'utf8').split(' ')[1]), 'SIGKILL');
  expect((await running).failure).toEqual({ reason: 'signal', signal: 'SIGKILL' });
  expect(living()).toBe(0);
});

test('a background process does not hold up its step, with or without secrets', async () => {
  // Held up by them the steps would never end.
  const whenTold = (file: string): string => `while [ ! -e ${file} ]; do sleep 0.05; done`;
  await executor.run(command(`(${whenTold('go')}; echo late) & echo now`), output(), forever);
  await executor.run(
    command(`(${whenTold('go')}; sleep 0.2; echo later hunter2-S3cret) & echo here`),
    output({ secrets: ['hunter2-S3cret'] }),
    forever,
  );
  expect(living()).toBeGreaterThan(0);
  appendFileSync(path.join(folder, 'go'), '');
  await expect.poll(log).toMatch(/^now\nhere\n(late\nlater \*\*\*\n|later \*\*\*\nlate\n)$/);
});

test('200 MB of output is complete and takes no memory of ours', async () => {
  const before = process.memoryUsage().rss;
  await executor.run(command('head -c 200000000 /dev/zero'), output(), forever);
  expect(statSync(output().logFile).size).toBe(200_000_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(64e6);
});

test('40 MB through the filter, and 40 MB captured, are complete and take little memory', async () => {
  const before = process.memoryUsage().rss;
  await executor.run(
    command('head -c 40000000 /dev/zero | tr "\\0" x'),
    output({ secrets: ['xxxxxy', 'hunter2-S3cret'] }),
    forever,
  );
  expect(statSync(output().logFile).size).toBe(40_000_000);
  const captured = await executor.run(
    command('head -c 40000000 /dev/zero'),
    output({ capture: { limitBytes: 65536 } }),
    forever,
  );
  expect(captured).toMatchObject({ exitCode: 0, capturedTruncated: true });
  expect(captured.captured).toHaveLength(65536);
  expect(statSync(output().logFile).size).toBe(80_000_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(64e6);
});

test('a captured step can be followed in its log while it runs', async () => {
  const running = executor.run(
    command('echo first; while [ ! -e go ]; do sleep 0.05; done; echo second'),
    output({ capture: { limitBytes: 100 } }),
    forever,
  );
  await expect.poll(log, { interval: 20 }).toBe('first\n');
  appendFileSync(path.join(folder, 'go'), '');
  expect((await running).captured).toBe('first\nsecond\n');
  expect(log()).toBe('first\nsecond\n');
});

test('a log that is a link or a pipe is refused', async () => {
  const outside = path.join(folder, 'outside');
  appendFileSync(outside, '');
  symlinkSync(outside, output().logFile);
  await executor.run(command('mkfifo pipe'), output({ logFile: path.join(folder, 'other') }), forever);
  for (const logFile of [output().logFile, path.join(folder, 'pipe')]) {
    const outcome = await executor.run(command('echo x'), output({ logFile }), forever);
    expect(outcome.failure).toMatchObject({ reason: 'state-unwritable', path: logFile });
  }
  expect(statSync(outside).size).toBe(0);
});

test('a step and its children are found by what their environment says of them', async () => {
  await executor.run(
    command('env', { token: 'build.1@2', env: { PIPEWRIGHT_RUN: 'x', A: '1' } }),
    output(),
    forever,
  );
  const lines = log().split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([`PIPEWRIGHT_RUN=${path.basename(folder)}`, 'PIPEWRIGHT_STEP=build.1@2', 'A=1']),
  );
});

test('CPU time and peak memory are of the whole process tree', async () => {
  // Memory is looked at now and then, on a busy machine less often.
  for (const count of [60, 400, 2000]) {
    const dd = `dd if=/dev/zero of=/dev/null bs=60M count=${count} 2>/dev/null`;
    const { usage } = await executor.run(command(`(${dd} & ${dd}; wait)`), output(), forever);
    expect((usage?.cpu_user_ms ?? 0) + (usage?.cpu_system_ms ?? 0)).toBeGreaterThan(50);
    expect(usage?.peak_memory_bytes).toBeLessThan(250e6);
    if ((usage?.peak_memory_bytes ?? 0) > 90e6) return;
  }
  expect.fail('two processes with 60 MB each were never seen together');
});

test('a memory limit ends what exceeds it, and leaves no control group behind', async () => {
  const limits = { memory_bytes: 40e6 };
  const probe = prepareLimits(limits, `pipewright-probe-${path.basename(folder)}`);
  const hasGroup = probe.ok && probe.value.shellText.includes('cgroup.procs');
  if (probe.ok) probe.value.remove();
  const eater = command('dd if=/dev/zero of=/dev/null bs=100M count=1; exit $?', { limits });
  const outcome = await executor.run(eater, output(), forever);
  expect(outcome.failure?.reason).toBe(hasGroup ? 'memory-limit' : 'exit-non-zero');
  const modest = await executor.run(
    command('dd if=/dev/zero of=/dev/null bs=1M count=1', { limits }),
    output(),
    forever,
  );
  expect(modest.failure).toBeUndefined();
  expect(globSync(`/sys/fs/cgroup/**/pipewright-${path.basename(folder)}-*`)).toEqual([]);
});

test('a CPU limit slows a step down, or is refused with the reason', async () => {
  const busy = 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done';
  const startMs = performance.now();
  const outcome = await executor.run(command(busy, { limits: { cpus: 0.2 } }), output(), forever);
  const cpuMs = (outcome.usage?.cpu_user_ms ?? 0) + (outcome.usage?.cpu_system_ms ?? 0);
  const share = cpuMs / (performance.now() - startMs);
  const probe = prepareLimits({ cpus: 0.2 }, `pipewright-probe-${path.basename(folder)}`);
  if (probe.ok) probe.value.remove();
  expect(outcome.failure?.reason).toBe(probe.ok ? undefined : 'limit-unavailable');
  expect(share > 0).toBe(probe.ok);
  expect(share).toBeLessThan(0.5);
});

test('a hundred steps at once never block the event loop for long', async () => {
  const startMs = performance.now();
  const lag = monitorEventLoopDelay({ resolution: 5 });
  lag.enable();
  // It measures between its own ticks: one before and one after.
  await delay(20);
  await Promise.all(
    Array.from({ length: 100 }, () => executor.run(command('sleep 0.05'), output(), forever)),
  );
  await delay(20);
  lag.disable();
  // Started in one go, they would block for nearly all of that time.
  expect(lag.max / 1e6).toBeLessThan((performance.now() - startMs) / 2);
});

test('closing dismisses the keeper, and background processes live on', async () => {
  await executor.run(command('sleep 300 &'), output(), forever);
  await executor.close();
  await delay(100);
  expect(living()).toBeGreaterThan(0);
  const keepers = readdirSync('/proc').filter((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return line.includes('pipewright-keeper') && line.includes(folder);
    } catch {
      return false;
    }
  });
  expect(keepers).toEqual([]);
});

test('an unknown context is named together with the known ones', async () => {
  const executors = createExecutors({ runId: 'r', folder });
  expect(executors.contexts).toEqual(['local', 'queue']);
  expect(await executors.open('toString')).toEqual({
    ok: false,
    failure: { reason: 'invalid', message: 'there is no context `toString`; known: local, queue' },
  });
  const [first, second] = [await executors.open('local'), await executors.open('local')];
  expect(first.ok && second.ok && first.value === second.value).toBe(true);
});

test('a command whose output fills the disk fails because of the disk, not by its own exit code', async ({
  skip,
}) => {
  const disk = mkdtempSync(path.join(tmpdir(), 'pipewright-local-disk-'));
  onTestFinished(() => rmSync(disk, { recursive: true }));
  if (!mountSmallDisk(disk, skip)) return;
  const logFile = path.join(disk, 'log');
  const write = command("head -c 300000 /dev/zero | tr '\\0' x");
  expect(await executor.run(write, output({ logFile }), forever)).toMatchObject({
    exitCode: 1,
    failure: {
      reason: 'state-unwritable',
      path: logFile,
      detail: expect.stringMatching(/^disk full: .* \(it ended with exit code 1\); free some space/),
    },
  });
  rmSync(logFile);
  expect(await executor.run(command('exit 3'), output({ logFile }), forever)).toMatchObject({
    failure: { reason: 'exit-non-zero', exit_code: 3 },
  });
});
