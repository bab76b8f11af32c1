import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openResults, type ResultsDatabase } from '../../src/persistence/results/postgres.ts';
import { rowsOf, type RunRows } from '../../src/persistence/results/rows.ts';
import { foldRun } from '../../src/core/run-state.ts';
import type { RunEvent } from '../../src/core/events.ts';
import { plainPipeline, plainShell, runCreated } from '../support/definitions.ts';
import { freePort } from '../support/free-port.ts';
import { type CliResult, type TemporaryProject, temporaryProject } from '../support/cli.ts';
import { failureOf, valueOf } from '../support/results.ts';
import { hasPostgres, type PostgresServer, startPostgres } from '../support/postgres.ts';

const TAP = String.raw`printf 'TAP version 13\n1..3\nok 1 - adds\nnot ok 2 - divides\nok 3 - later # SKIP\n'; exit 1`;

let schemas = 0;

function schemaName(): string {
  schemas += 1;
  return `s${process.pid}_${schemas}`;
}

/** A project whose results go into a schema of their own. */
function project(
  files: Readonly<Record<string, string>> = {},
): TemporaryProject & { readonly schema: string } {
  const schema = schemaName();
  const target = temporaryProject({
    'pipewright.yaml': `results: {url: "env:RESULTS_URL", schema: ${schema}}\ntest: {unit: {command: "sh tests.sh"}, e2e: false, performance: false, security: false}\n`,
    'tests.sh': TAP,
    'pipelines/good.yaml': 'name: good\nstages:\n  - {name: build, uses: shell, steps: [echo built]}\n',
    'pipelines/slow.yaml': 'name: slow\nstages:\n  - {name: wait, uses: shell, steps: [sleep 5]}\n',
    'pipelines/check.yaml': `name: check
stages:
  - {name: flaky, uses: shell, retry: {max_attempts: 2, delay: 10ms}, steps: ["test -e here || { touch here; exit 3; }"]}
  - {name: test, uses: test-suite, needs: [flaky]}
`,
    'pipelines/ask.yaml':
      'name: ask\nstages:\n  - {name: first, uses: shell, steps: [echo 1]}\n  - {name: second, uses: shell, needs: [first], require_confirmation: true, steps: [echo 2]}\n',
    ...files,
  });
  return { ...target, schema };
}

describe.skipIf(!hasPostgres())('results in PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  const pipewright = (
    target: TemporaryProject,
    args: readonly string[],
    url = server.url,
  ): Promise<CliResult> => target.run(args, { env: { RESULTS_URL: url } });

  const owed = (target: TemporaryProject): readonly string[] =>
    readdirSync(path.join(target.root, 'state/results'));

  test('a run, each attempt of its steps and the tests of its suite are rows', async () => {
    using target = project();
    const { code } = await pipewright(target, ['run', 'check', '--output', 'json']);
    expect(code).toBe(1);
    const rows = (table: string, order: string): Promise<Record<string, unknown>[]> =>
      server.query(`SELECT * FROM ${target.schema}.${table} ORDER BY ${order}`);
    const [run] = await rows('test_runs', '1');
    expect(run).toMatchObject({
      pipeline: 'check',
      status: 'failed',
      trigger: 'manual',
      exit_code: 1,
      project: target.root,
      failure: expect.objectContaining({ reason: expect.any(String) }),
      finished_at: expect.any(Date),
    });
    expect(await rows('test_steps', 'started_at')).toMatchObject([
      { stage: 'flaky', attempt: 1, kind: 'shell', status: 'failed', exit_code: 3 },
      { stage: 'flaky', attempt: 2, status: 'passed', exit_code: 0 },
      { stage: 'test', step: 'unit', kind: 'test-suite', attempt: 1, status: 'failed' },
    ]);
    expect(await rows('test_cases', 'name')).toMatchObject([
      { run_id: run?.['run_id'], stage: 'test', suite: 'unit', attempt: 1, name: 'adds', status: 'passed' },
      { name: 'divides', status: 'failed' },
      { name: 'later', status: 'skipped' },
    ]);
    expect(owed(target)).toEqual([]);
  });

  test('a run that waits is there as such, and goes on in the same row', async () => {
    using target = project();
    const { code } = await pipewright(target, ['run', 'ask', '--output', 'json']);
    expect(code).not.toBe(0);
    const states = (): Promise<Record<string, unknown>[]> =>
      server.query(
        `SELECT status, (SELECT count(*)::int FROM ${target.schema}.test_steps) AS steps FROM ${target.schema}.test_runs`,
      );
    expect(await states()).toEqual([{ status: 'waiting', steps: 1 }]);
    expect(owed(target)).toHaveLength(1);
    const stats = await pipewright(target, ['queue', 'stats', '--json']);
    expect(JSON.parse(stats.stdout)).toMatchObject({ results: { delivered: 0, pending: 0 } });
    const gone = await pipewright(target, ['continue', 'last', '--yes', '--output', 'json']);
    expect(gone).toMatchObject({ code: 0 });
    expect(await states()).toEqual([{ status: 'success', steps: 2 }]);
    expect(owed(target)).toEqual([]);
  });

  test('away: the run is not harmed, one line says so, and queue stats brings it later', async () => {
    using target = project();
    const nowhere = `postgres://me:hidden-word@127.0.0.1:${await freePort()}/db`;
    const first = await pipewright(target, ['run', 'good', '--output', 'plain'], nowhere);
    const second = await pipewright(target, ['run', 'good', '--output', 'plain'], nowhere);
    expect([first.code, second.code]).toEqual([0, 0]);
    const lines = second.stderr.split('\n').filter((line) => line.includes('results:'));
    expect(lines).toEqual([
      expect.stringMatching(
        /PostgreSQL at 127\.0\.0\.1:\d+, database db cannot be reached: .*ECONNREFUSED.*; 2 runs wait/,
      ),
    ]);
    const still = await pipewright(target, ['queue', 'stats', '--json'], nowhere);
    expect(JSON.parse(still.stdout)).toMatchObject({
      results: { delivered: 0, pending: 2, failure: { reason: 'executor-unreachable' } },
    });
    expect([first, second, still].map((each) => JSON.stringify(each)).join(' ')).not.toContain('hidden-word');
    const later = await pipewright(target, ['queue', 'stats']);
    expect(later).toMatchObject({ code: 0, stdout: 'Results: 2 runs brought now, 0 runs pending\n' });
    expect(await server.query(`SELECT status FROM ${target.schema}.test_runs`)).toEqual([
      { status: 'success' },
      { status: 'success' },
    ]);
    expect(owed(target)).toEqual([]);
  });

  test('what one run could not bring the next one brings; a run that was killed too', async () => {
    using target = project();
    const nowhere = `postgres://127.0.0.1:${await freePort()}/db`;
    await pipewright(target, ['run', 'good', '--output', 'json'], nowhere);
    const killed = await target.run(['run', 'slow', '--output', 'json'], {
      env: { RESULTS_URL: server.url },
      onOutput: (stdout, child) => {
        if (stdout.includes('step.started')) child.kill('SIGKILL');
      },
    });
    expect(killed.code).toBe(137);
    expect(owed(target)).toHaveLength(2);
    expect(await pipewright(target, ['run', 'good', '--output', 'json'])).toMatchObject({ code: 0 });
    const runs = await server.query(
      `SELECT pipeline, status FROM ${target.schema}.test_runs ORDER BY started_at`,
    );
    expect(runs).toEqual([
      { pipeline: 'good', status: 'success' },
      { pipeline: 'slow', status: 'interrupted' },
      { pipeline: 'good', status: 'success' },
    ]);
    const steps = await server.query(`SELECT status FROM ${target.schema}.test_steps WHERE stage = 'wait'`);
    expect(steps).toEqual([{ status: 'interrupted' }]);
  });

  test('commands do not see the address, and no file of the run has the password', async () => {
    using target = project({
      'pipelines/good.yaml': 'name: good\nstages:\n  - {name: look, uses: shell, steps: [env]}\n',
    });
    const { stdout, stderr } = await pipewright(target, ['run', 'good', '--output', 'json']);
    const files = readdirSync(path.join(target.root, 'state'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8'));
    expect(files.join('\n')).toContain('PIPEWRIGHT_STAGE');
    expect([stdout, stderr, ...files].join('\n')).not.toContain(server.password);
    expect(files.join('\n')).not.toContain('RESULTS_URL=');
  });

  test('doctor says whether it answers; a wrong password is told apart, and no address is refused', async () => {
    using target = project();
    const finding = async (url: string): Promise<unknown> => {
      const { stdout } = await pipewright(target, ['doctor', '--json'], url);
      const report: { findings: { name: string }[] } = JSON.parse(stdout);
      return report.findings.find(({ name }) => name === 'results');
    };
    expect(await finding(server.url)).toMatchObject({
      status: 'found',
      version: expect.stringMatching(/^\d+\./),
      detail: `PostgreSQL at 127.0.0.1:${server.port}, database postgres`,
    });
    const wrong = server.url.replace(server.password, 'not-it');
    expect(await finding(wrong)).toMatchObject({
      status: 'broken',
      detail: expect.stringContaining('refused us: password authentication failed'),
    });
    expect(await finding('mysql://me:hidden-word@x')).toMatchObject({
      status: 'broken',
      detail: expect.not.stringContaining('hidden-word'),
    });
    expect(await server.query(`SELECT to_regnamespace('${target.schema}') AS made`)).toEqual([
      { made: null },
    ]);
  });

  describe('its tables', () => {
    const opened = async (schema: string, url = server.url): Promise<ResultsDatabase> => {
      const database = valueOf(await openResults(url, schema));
      valueOf(await database.prepare());
      return database;
    };

    /** A run with one step, and one test case of which the database would refuse every text as it is. */
    const rows = (last: 'started' | 'finished', file = 'a.test.ts'): RunRows => {
      const base = { run_id: 'r', at: '2026-01-02T03:04:05.000Z' };
      const step = { stage: 'build', step: 'step-1', attempt: 1 };
      const events: readonly RunEvent[] = [
        { ...runCreated(plainPipeline('p', [plainShell('build')])), ...base, seq: 0 },
        {
          ...base,
          ...step,
          seq: 1,
          type: 'step.started',
          index: 1,
          total: 1,
          command: 'x',
          context: 'local',
          log: 'l',
          token: 't',
        },
        {
          ...base,
          ...step,
          seq: 2,
          type: 'step.finished',
          duration_ms: 5.4,
          log_bytes: 3,
          adopted: false,
          failure: { reason: 'reported', message: 'a\0b \ud800 \\u0000', retryable: false },
        },
      ];
      const known = last === 'started' ? events.slice(0, 2) : events;
      const id = `${'long '.repeat(2000)}\0`;
      const cases = [{ stage: 'build', suite: 'unit', attempt: 1, id, name: id, file, status: 'passed' }];
      const made = rowsOf({ state: foldRun('r', known), events: known, cases });
      if (!made) throw new Error('a run that began has rows');
      return made;
    };

    test('the same rows again leave one of each; older ones do not go over newer ones', async () => {
      const schema = schemaName();
      const database = await opened(schema);
      const states = (): Promise<Record<string, unknown>[]> =>
        server.query(`SELECT s.status, s.duration_ms::int AS ms, s.failure->>'message' AS said, c.file, length(c.name) AS name
          FROM ${schema}.test_steps s JOIN ${schema}.test_cases c USING (run_id)`);
      valueOf(await database.write(rows('started')));
      expect(await states()).toEqual([
        { status: 'running', ms: null, said: null, file: 'a.test.ts', name: 10_000 },
      ]);
      valueOf(await database.write(rows('finished')));
      const ended = [{ status: 'failed', ms: 5, said: 'ab \ufffd \\u0000', file: 'a.test.ts', name: 10_000 }];
      expect(await states()).toEqual(ended);
      valueOf(await database.write(rows('finished')));
      valueOf(await database.write(rows('started', 'older.test.ts')));
      expect(await states()).toEqual(ended);
      await database.close();
    });

    test('any number may make them at the same time, and who may only write needs no more rights', async () => {
      const schema = schemaName();
      const together = await Promise.all(Array.from({ length: 6 }, () => opened(schema)));
      for (const database of together) valueOf(await database.write(rows('finished')));
      await Promise.all(together.map((database) => database.close()));
      expect(await server.query(`SELECT version FROM ${schema}.migrations`)).toEqual([{ version: 1 }]);
      expect(await server.query(`SELECT run_id FROM ${schema}.test_runs`)).toEqual([{ run_id: 'r' }]);

      await server.query(`CREATE ROLE ${schema} LOGIN PASSWORD 'w'; GRANT USAGE ON SCHEMA ${schema} TO ${schema};
        GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA ${schema} TO ${schema}`);
      const writer = await opened(schema, server.url.replace(/\/\/.*@/, `//${schema}:w@`));
      valueOf(await writer.write(rows('finished')));
      await writer.close();
    });

    test('rows that are refused leave nothing behind, and the failure says so', async () => {
      const schema = schemaName();
      const database = await opened(schema);
      const { run, steps, cases } = rows('finished');
      const bad = { run, steps: steps.map((step) => ({ ...step, attempt: 'many' })), cases };
      expect(failureOf(await database.write(bad))).toMatchObject({ reason: 'reported' });
      expect(await server.query(`SELECT count(*)::int AS runs FROM ${schema}.test_runs`)).toEqual([
        { runs: 0 },
      ]);
      await server.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pipewright'`,
      );
      expect(failureOf(await database.write(rows('finished')))).toMatchObject({
        reason: 'executor-unreachable',
      });
      await database.close();
    });
  });
});
