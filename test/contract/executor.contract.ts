import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Failure } from '../../src/core/failure.ts';
import type { Command, CommandOutput, Executor } from '../../src/core/ports.ts';

/** What a run gives to its executor. */
export interface ExecutorUnderTest {
  readonly runId: string;
  /** Empty folder of the run. */
  readonly folder: string;
  /** Between TERM and KILL; short, for the test. */
  readonly graceMs: number;
}

interface ContractOptions {
  /** One executor for all tests, where making one takes long. Default: one for each. */
  readonly isShared?: boolean;
  /** Commands in the test of many at once. Default: 100. */
  readonly atOnce?: number;
}

/** What every executor promises; run on each. */
export function executorContract(
  name: string,
  create: (run: ExecutorUnderTest) => Promise<Executor>,
  { isShared = false, atOnce = 100 }: ContractOptions = {},
): void {
  describe(`${name} keeps the executor contract`, () => {
    let folder = '';
    let executor: Executor;
    let tokens = 0;

    beforeEach(async () => {
      if (isShared && folder !== '') return;
      folder = mkdtempSync(path.join(tmpdir(), 'pipewright-executor-'));
      mkdirSync(path.join(folder, 'logs'));
      executor = await create({ runId: path.basename(folder), folder, graceMs: 300 });
    });

    const end = async (): Promise<void> => {
      await executor.stopLeftovers();
      await executor.close();
      rmSync(folder, { recursive: true });
    };
    afterEach(async () => {
      if (isShared) rmSync(output().logFile, { force: true });
      else await end();
    });
    afterAll(async () => {
      if (isShared && folder !== '') await end();
    });

    const command = (script: string, more: Partial<Command> = {}): Command => {
      tokens += 1;
      const token = `step.${tokens}@1`;
      return { script, env: {}, workdir: folder, token, orphan: { policy: 'kill', finish_ms: 0 }, ...more };
    };
    const output = (more: Partial<CommandOutput> = {}): CommandOutput => ({
      logFile: path.join(folder, 'logs', 'step.log'),
      secrets: [],
      ...more,
    });
    const log = (): string => readFileSync(output().logFile, 'utf8');
    const forever = new AbortController().signal;

    test('a command that succeeds has no failure, and its CPU time is known', async () => {
      const outcome = await executor.run(command('exit 0'), output(), forever);
      expect(outcome).toMatchObject({ exitCode: 0, usage: { cpu_user_ms: 0, cpu_system_ms: 0 } });
      expect(outcome.failure).toBeUndefined();
    });

    const CODES: readonly (readonly [string, number, Failure])[] = [
      ['exit 1', 1, { reason: 'exit-non-zero', exit_code: 1 }],
      ['exit 255', 255, { reason: 'exit-non-zero', exit_code: 255 }],
      ['exit 125', 125, { reason: 'exit-non-zero', exit_code: 125 }],
      ['false', 1, { reason: 'exit-non-zero', exit_code: 1 }],
      ['set -e; false; true', 1, { reason: 'exit-non-zero', exit_code: 1 }],
      ['no-such-command-at-all', 127, { reason: 'command-not-found' }],
      [': >plain; ./plain', 126, { reason: 'command-not-executable' }],
      ['sh -c \'kill -SEGV "$$"\'', 139, { reason: 'signal', signal: 'SIGSEGV' }],
      ['kill -TERM $$', 143, { reason: 'signal', signal: 'SIGTERM' }],
      ['if true; then', 2, { reason: 'exit-non-zero', exit_code: 2 }],
      ["echo 'never closed", 2, { reason: 'exit-non-zero', exit_code: 2 }],
      ['exec sh -c "exit 7"', 7, { reason: 'exit-non-zero', exit_code: 7 }],
      ['trap "exit 9" EXIT; exit 3', 9, { reason: 'exit-non-zero', exit_code: 9 }],
      ['trap "exit 8" TERM; kill $$; sleep 1', 8, { reason: 'exit-non-zero', exit_code: 8 }],
      ['kill -TERM 0', 143, { reason: 'signal', signal: 'SIGTERM' }],
    ];

    test.each(CODES)('`%s` exits with %i and says what that means', async (script, exitCode, failure) => {
      expect(await executor.run(command(script), output(), forever)).toMatchObject({ exitCode, failure });
    });

    test('a missing working folder is named', async () => {
      const outcome = await executor.run(command('true', { workdir: '/no/such/folder' }), output(), forever);
      expect(outcome.failure).toEqual({
        reason: 'invalid',
        message: 'working folder does not exist: /no/such/folder',
      });
    });

    test('the script sees its values, no positional parameters and none of our variables', async () => {
      const value = `a 'b' "c" $(d) \`e\`\n-rf \\`;
      const script = 'printf "%s|%s|%s|%s\\n" "$VALUE" "$#" "$0" "$-"; set; [ -e /dev/fd/3 ] && echo open';
      await executor.run(command(script, { env: { VALUE: value } }), output(), forever);
      expect(log().startsWith(`${value}|0|sh|`)).toBe(true);
      expect(log()).not.toMatch(/__pipewright|^open$/m);
      expect(log()).not.toMatch(/\|[a-zA-Z]*C[a-zA-Z]*\n/);
    });

    test('each command is its own shell with the working folder and an empty input', async () => {
      await executor.run(command('cat; pwd; exec 9>x; echo >x; echo >x; echo $$'), output(), forever);
      await executor.run(command('echo $$'), output(), forever);
      const [where, first, second] = log().trim().split('\n');
      expect(where).toBe(folder);
      expect(first).not.toBe(second);
    });

    test('a script longer than an argument may be runs all the same', async () => {
      const script = `: '${'x'.repeat(300_000)}'\necho end`;
      expect((await executor.run(command(script), output(), forever)).exitCode).toBe(0);
      expect(log()).toBe('end\n');
    });

    test('output and errors reach the log in order, appended, readable by us alone', async () => {
      await executor.run(command('echo 1; echo 2 >&2; echo 3; printf "\\377\\0"'), output(), forever);
      await executor.run(command('echo 4'), output(), forever);
      expect(readFileSync(output().logFile)).toEqual(
        Buffer.concat([Buffer.from('1\n2\n3\n'), Buffer.of(0xff, 0), Buffer.from('4\n')]),
      );
      expect(statSync(output().logFile).mode & 0o777).toBe(0o600);
    });

    test('secrets are masked in both streams, and nowhere on disk', async () => {
      const secret = 'hunter2-S3cret';
      const script = 'echo "a $S b"; echo "c $S d" >&2; printf %s "$S" | base64; exit 4';
      const outcome = await executor.run(
        command(script, { env: { S: secret } }),
        output({ secrets: [secret] }),
        forever,
      );
      expect(outcome).toMatchObject({ exitCode: 4, failure: { reason: 'exit-non-zero', exit_code: 4 } });
      expect(log()).toMatch(/^a \*\*\* b\nc \*\*\* d\n\*\*\*.{0,3}\n$/);
    });

    test('standard output is captured, and is in the log with the errors', async () => {
      const outcome = await executor.run(
        command('echo out; echo err >&2; echo more'),
        output({ capture: { limitBytes: 100 } }),
        forever,
      );
      expect(outcome.captured).toBe('out\nmore\n');
      expect(outcome.capturedTruncated).toBeUndefined();
      expect(log().split('\n').toSorted()).toEqual(['', 'err', 'more', 'out']);
    });

    test('a capture over its limit is cut at a whole character and says so; the log has all', async () => {
      const outcome = await executor.run(
        command('printf 가나다'),
        output({ capture: { limitBytes: 4 } }),
        forever,
      );
      expect(outcome).toMatchObject({ captured: '가', capturedTruncated: true });
      expect(log()).toBe('가나다');
    });

    test('a capture with secrets is masked', async () => {
      const outcome = await executor.run(
        command('echo "token=$S"; echo "$S" >&2', { env: { S: 'hunter2-S3cret' } }),
        output({ secrets: ['hunter2-S3cret'], capture: { limitBytes: 100 } }),
        forever,
      );
      expect(outcome.captured).toBe('token=***\n');
      expect(log().split('\n').toSorted()).toEqual(['', '***', 'token=***']);
    });

    test('an abort before the start starts nothing', async () => {
      const outcome = await executor.run(command('echo ran'), output(), AbortSignal.abort('somebody'));
      expect(outcome).toEqual({ failure: { reason: 'cancelled', by: 'somebody' } });
      expect(existsSync(output().logFile)).toBe(false);
    });

    test('an abort stops `yes` and keeps the failure that the signal carries', async () => {
      const controller = new AbortController();
      const failure: Failure = { reason: 'timed-out', limit_ms: 100, scope: 'step' };
      const running = executor.run(command('yes'), output(), controller.signal);
      await expect
        .poll(() => statSync(output().logFile, { throwIfNoEntry: false })?.size ?? 0, { timeout: 20_000 })
        .toBeGreaterThan(0);
      controller.abort(failure);
      expect((await running).failure).toEqual(failure);
      const size = statSync(output().logFile).size;
      expect(size).toBeGreaterThan(0);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
      expect(statSync(output().logFile).size).toBe(size);
    });

    test('an abort lets a script clean up', async () => {
      const controller = new AbortController();
      const script = 'trap "echo cleaned; exit 0" TERM; echo ready; while :; do sleep 0.05; done';
      const running = executor.run(command(script), output(), controller.signal);
      await expect.poll(() => existsSync(output().logFile) && log()).toBe('ready\n');
      controller.abort();
      expect(await running).toMatchObject({ failure: { reason: 'cancelled', by: 'signal' }, exitCode: 0 });
      expect(log()).toContain('cleaned\n');
    });

    test('a try that was called off never runs', async () => {
      const step = command('echo ran');
      expect(await executor.recover(step, output(), forever)).toEqual({ state: 'never-ran' });
      expect(await executor.recover(step, output(), forever)).toEqual({ state: 'never-ran' });
      expect((await executor.run(step, output(), forever)).failure?.reason).toBe('interrupted');
      expect(existsSync(output().logFile) && log()).toBeFalsy();
    });

    test('a try that ended is recovered with all that is known of it', async () => {
      const step = command('echo out; exit 5');
      const capturing = output({ capture: { limitBytes: 100 } });
      const outcome = await executor.run(step, capturing, forever);
      const recovered = await executor.recover(step, capturing, forever);
      expect(recovered).toMatchObject({ state: 'finished', outcome: { exitCode: 5, captured: 'out\n' } });
      expect(outcome).toMatchObject({ exitCode: 5, captured: 'out\n' });
      expect(log()).toBe('out\n');
    });

    test('a try runs once, whoever starts it again', async () => {
      const step = command('echo ran');
      await executor.run(step, output(), forever);
      expect((await executor.run(step, output(), forever)).failure?.reason).toBe('interrupted');
      expect(log()).toBe('ran\n');
    });

    test(`${atOnce} commands at once all end`, async () => {
      const outcomes = await Promise.all(
        Array.from({ length: atOnce }, (_, i) =>
          executor.run(command(`echo ${i}; exit ${i % 3}`), output(), forever),
        ),
      );
      expect(outcomes.map(({ exitCode }) => exitCode)).toEqual(outcomes.map((_, i) => i % 3));
      expect(log().trim().split('\n')).toHaveLength(atOnce);
    });

    test('what a command left behind is ended with the run, and named', async () => {
      await executor.run(command('sleep 301 & sleep 302 >/dev/null 2>&1 &'), output(), forever);
      const stopped = await executor.stopLeftovers();
      expect(stopped).toEqual([expect.stringContaining('sleep 301'), expect.stringContaining('sleep 302')]);
      expect(await executor.stopLeftovers()).toEqual([]);
    });

    test('a token that could leave its folder is refused', async () => {
      const outcome = await executor.run(command('true', { token: '../x' }), output(), forever);
      expect(outcome.failure?.reason).toBe('invalid');
    });

    test('a NUL byte in a value is refused', async () => {
      const outcome = await executor.run(command('true', { env: { A: 'a\0b' } }), output(), forever);
      expect(outcome.failure?.reason).toBe('invalid');
    });
  });
}
