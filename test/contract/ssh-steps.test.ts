import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Command, CommandOutput, Executor, Executors } from '../../src/core/ports.ts';
import { createExecutors } from '../../src/executors/index.ts';
import { startProxy } from '../support/proxy.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

const forever = new AbortController().signal;

describe.skipIf(!hasSshd())('a step over ssh', () => {
  let server: SshServer;
  let folder = '';
  let there = '';
  let tokens = 0;
  const opened: Executors[] = [];
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'pipewright-steps-'));
    mkdirSync(path.join(folder, 'logs'));
    there = server.makeFolder(path.basename(folder));
  });
  afterEach(async () => {
    const executor = await process();
    await executor.stopLeftovers();
    await Promise.all(opened.splice(0).map((each) => each.close()));
    rmSync(folder, { recursive: true });
  });

  /** The executor of another process of the same run. */
  async function process(change: { leaseMs?: number; context?: object } = {}): Promise<Executor> {
    const executors = createExecutors({
      runId: path.basename(folder),
      folder,
      graceMs: 300,
      leaseMs: change.leaseMs ?? 60_000,
      settings: { contexts: { box: server.context(change.context ?? {}) } },
    });
    opened.push(executors);
    const executor = await executors.open('box');
    if (!executor.ok) throw new Error(JSON.stringify(executor.failure));
    return executor.value;
  }
  /** As if its process had been killed: nobody says goodbye. */
  const die = async (): Promise<void> => {
    await opened.pop()?.close();
  };
  const command = (script: string, more: Partial<Command> = {}): Command => {
    tokens += 1;
    const token = `step.${tokens}@1`;
    return { script, env: {}, workdir: there, token, orphan: { policy: 'kill', finish_ms: 0 }, ...more };
  };
  const output = (more: Partial<CommandOutput> = {}): CommandOutput => ({
    logFile: path.join(folder, 'logs', 'step.log'),
    secrets: [],
    ...more,
  });
  const log = (): string => (existsSync(output().logFile) ? readFileSync(output().logFile, 'utf8') : '');
  const lines = (count: number): string => Array.from({ length: count }, (_, i) => `line ${i}\n`).join('');
  const COUNT = 'i=0; while [ $i -lt 30 ]; do echo "line $i"; i=$((i+1)); sleep 0.1; done; exit 6';

  test('goes on while its connection is cut, and its output is complete', async () => {
    const executor = await process();
    const running = executor.run(command(COUNT), output(), forever);
    await expect.poll(log).toContain('line 5\n');
    expect(server.killSessions()).toBeGreaterThan(0);
    await delay(300);
    server.killSessions();
    expect(await running).toMatchObject({ exitCode: 6, failure: { reason: 'exit-non-zero', exit_code: 6 } });
    expect(log()).toBe(lines(30));
  });

  test('captured output and errors are complete after a cut too', async () => {
    const executor = await process();
    const script = 'for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; sleep 0.1; done';
    const running = executor.run(command(script), output({ capture: { limitBytes: 1000 } }), forever);
    await expect.poll(log).toContain('out 3\n');
    server.killSessions();
    const outcome = await running;
    const nine = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    expect(outcome.captured).toBe(nine.map((i) => `out ${i}\n`).join(''));
    expect(log().trim().split('\n').toSorted()).toEqual(
      nine.flatMap((i) => [`out ${i}`, `err ${i}`]).toSorted(),
    );
  });

  test('is found again through a link that has gone silent', async () => {
    await using proxy = await startProxy(server.port);
    const knownHosts = path.join(folder, 'known');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(knownHosts, `[127.0.0.1]:${proxy.port} ${server.hostKeys[0]}\n`);
    const executor = await process({
      context: { port: proxy.port, known_hosts: knownHosts, keepalive: '200ms' },
    });
    const running = executor.run(command(COUNT), output(), forever);
    await expect.poll(log).toContain('line 5\n');
    proxy.freeze();
    expect(await running).toMatchObject({ exitCode: 6 });
    expect(log()).toBe(lines(30));
  });

  test('is adopted by the next process of the run, never run twice', async () => {
    const step = command(`echo began >>${there}/began; ${COUNT}`);
    const first = (await process()).run(step, output(), forever);
    await expect.poll(log).toContain('line 5\n');
    await die();
    const second = await process();
    expect(await second.recover(step, output(), forever)).toMatchObject({
      state: 'finished',
      outcome: { exitCode: 6 },
    });
    expect(log()).toBe(lines(30));
    expect(readFileSync(`${there}/began`, 'utf8')).toBe('began\n');
    expect((await first).failure?.reason).toBe('interrupted');
  });

  test('that nobody comes back to is ended after its lease, with all its children', async () => {
    const step = command(`sleep 301 & echo $! >pid; echo $$ >>pid; sleep 302`);
    const running = (await process({ leaseMs: 1000 })).run(step, output(), forever);
    await expect
      .poll(() => existsSync(`${there}/pid`) && readFileSync(`${there}/pid`, 'utf8'))
      .toMatch(/\d+\n\d+\n/);
    const pids = readFileSync(`${there}/pid`, 'utf8').trim().split('\n');
    await die();
    await expect.poll(() => pids.some((pid) => existsSync(`/proc/${pid}/exe`))).toBe(false);
    expect(await (await process()).recover(step, output(), forever)).toEqual({
      state: 'lost',
      detail: 'it was ended on the host because nobody came back to it',
    });
    expect((await running).failure?.reason).toBe('interrupted');
  });

  test('to keep is not ended without us', async () => {
    const step = command('echo up; sleep 3; echo end', { orphan: { policy: 'keep' } });
    const running = (await process({ leaseMs: 500 })).run(step, output(), forever);
    await expect.poll(log).toBe('up\n');
    await die();
    await delay(2500);
    expect(await (await process()).recover(step, output(), forever)).toMatchObject({
      state: 'finished',
      outcome: { exitCode: 0 },
    });
    expect(log()).toBe('up\nend\n');
    await running;
  });

  test('is stopped with what left its group, also when TERM is ignored', async () => {
    const controller = new AbortController();
    const executor = await process();
    const script = `trap '' TERM; setsid sleep 303 & echo $! >pid; sleep 304 & echo $! >>pid; echo ready; while :; do sleep 0.1; done`;
    const running = executor.run(command(script), output(), controller.signal);
    await expect.poll(log).toBe('ready\n');
    controller.abort('somebody');
    expect((await running).failure).toEqual({ reason: 'cancelled', by: 'somebody' });
    const pids = readFileSync(`${there}/pid`, 'utf8').trim().split('\n');
    expect(pids.filter((pid) => existsSync(`/proc/${pid}/exe`))).toEqual([]);
  });

  test('is stopped although its connection broke', async () => {
    const controller = new AbortController();
    const executor = await process();
    const running = executor.run(command('echo ready; sleep 305'), output(), controller.signal);
    await expect.poll(log).toBe('ready\n');
    server.killSessions();
    controller.abort('somebody');
    expect((await running).failure).toEqual({ reason: 'cancelled', by: 'somebody' });
    expect(await executor.stopLeftovers()).toEqual([]);
  });

  test('whose host cannot be reached did not run, and may be tried again', async () => {
    const executor = await process({ context: { port: 1 } });
    expect((await executor.run(command('true'), output(), forever)).failure).toMatchObject({
      reason: 'executor-unreachable',
      executor: 'box',
    });
  });

  test('prints 50 MB without a byte lost, and what is raw there is gone afterwards', async () => {
    const executor = await process();
    const step = command('head -c 50000000 /dev/zero | tr "\\0" x; echo; echo end');
    expect(await executor.run(step, output(), forever)).toMatchObject({ exitCode: 0 });
    const text = readFileSync(output().logFile);
    expect(text.length).toBe(50_000_005);
    expect(text.subarray(-6).toString()).toBe('x\nend\n'.slice(-6));
    // Until we have it, output lies unmasked on its host, readable by its user alone: nobody masks it there.
    await expect
      .poll(() => existsSync(`${server.home}/.pipewright/runs/${path.basename(folder)}/${step.token}.log`))
      .toBe(false);
  });

  test('starts in the folder of its context when it names none', async () => {
    const executor = await process({ context: { workdir: there } });
    await executor.run(command('pwd', { workdir: executor.workdir ?? '' }), output(), forever);
    expect(log()).toBe(`${there}\n`);
  });

  test('cannot have its processor time limited, and says so; memory can', async () => {
    const executor = await process();
    expect((await executor.run(command('true', { limits: { cpus: 1 } }), output(), forever)).failure).toEqual(
      {
        reason: 'limit-unavailable',
        detail: 'processor time of a step cannot be limited on box',
      },
    );
    await executor.run(
      command('ulimit -v', { limits: { memory_bytes: 512 * 1024 * 1024 } }),
      output(),
      forever,
    );
    expect(log()).toBe(`${512 * 1024}\n`);
  });
});
