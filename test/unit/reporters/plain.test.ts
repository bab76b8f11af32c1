import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Draft } from '../../../src/core/events.ts';
import { createJsonReporter } from '../../../src/reporters/json.ts';
import { createPlainReporter } from '../../../src/reporters/plain.ts';
import { createStyle } from '../../../src/reporters/style.ts';
import { created, failing, stamped, stepFinished, stepStarted, waiting } from './run-of-events.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-reporter-'));
  mkdirSync(path.join(folder, 'logs'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function reporterInto(written: string[]) {
  return createPlainReporter({
    sink: { write: async (text) => void written.push(text) },
    style: createStyle(false),
    runFolder: () => folder,
    cwd: path.dirname(folder),
  });
}

async function shown(drafts: readonly Draft[]): Promise<string> {
  const written: string[] = [];
  const reporter = reporterInto(written);
  for (const { event, state } of stamped(drafts)) reporter.observe(event, state);
  await reporter.close();
  return written.join('');
}

test('each event that matters is one line, with the place of its stage', async () => {
  const text = await shown([created(['unit', 'deploy']), ...failing('unit', ['expected 1, got 2'])]);
  expect(text.split('\n').slice(0, 6)).toEqual([
    'run 20260206-160000-a1b2c3d  release  (environment staging, plan abcdef012345)',
    '[1/2] unit  running (attempt 1 of 3)',
    '[1/2] unit  attempt 1 of 3 failed: step "test" exited with code 1; again in 2.0 s',
    '[1/2] unit  running (attempt 2 of 3)',
    'unit │ $ npm test',
    '[1/2] unit  ✗ failed  700 ms  step "test" exited with code 1',
  ]);
});

test('the end of a failed run names step, last lines, log and what to do next', async () => {
  const text = await shown([
    created(['unit', 'deploy']),
    ...failing('unit', ['expected 1, got 2']),
    { type: 'run.finished', status: 'failed', duration_ms: 2_900, exit_code: 1 },
  ]);
  const name = path.basename(folder);
  expect(text).toContain('✗ unit: step "test" exited with code 1\n  $ npm test\n  │ expected 1, got 2\n');
  expect(text).toContain(`  log: ${name}/logs/unit.test.log\n`);
  expect(text).toContain('  ✗ unit    failed   700 ms  attempt 2 of 3; step "test" exited with code 1\n');
  expect(text).toContain('release  ✗ failed  after 2.9 s\n');
  expect(text).toContain('pipewright continue 20260206-160000-a1b2c3d');
  expect(text).toContain('pipewright why 20260206-160000-a1b2c3d');
});

test('a waiting run says what waits, for which plan, until when and how to answer', async () => {
  const text = await shown([created(['deploy']), ...waiting('deploy')]);
  expect(text).toContain('deploy waits: Deploy to staging? (plan abcdef012345, expires 2026-02-07 16:00:00)');
  expect(text).toContain('pipewright approve 20260206-160000-a1b2c3d deploy');
  expect(text).toContain('pipewright reject 20260206-160000-a1b2c3d deploy');
  expect(text).toContain('pipewright continue 20260206-160000-a1b2c3d');
});

test('output of a step comes before the line that says it ended, with the stage in front', async () => {
  writeFileSync(path.join(folder, 'logs/unit.test.log'), '');
  const written: string[] = [];
  const reporter = reporterInto(written);
  const events = stamped([created(['unit']), stepStarted('unit', 'test'), stepFinished('unit', 'test', 12)]);
  for (const { event, state } of events.slice(0, 2)) reporter.observe(event, state);
  appendFileSync(path.join(folder, 'logs/unit.test.log'), 'one\ntwo\nlast');
  for (const { event, state } of events.slice(2)) reporter.observe(event, state);
  await reporter.close();
  expect(written.join('')).toContain('unit │ one\nunit │ two\nunit │ last\n');
});

test('output that cannot be shown in time is left out, and the line says how much', async () => {
  const file = path.join(folder, 'logs/unit.test.log');
  const written: string[] = [];
  const reporter = reporterInto(written);
  const events = stamped([created(['unit']), stepStarted('unit', 'test'), stepFinished('unit', 'test', 1)]);
  for (const { event, state } of events.slice(0, 2)) reporter.observe(event, state);
  writeFileSync(file, `${`${'x'.repeat(1023)}\n`.repeat(10 * 1024)}the end\n`);
  for (const { event, state } of events.slice(2)) reporter.observe(event, state);
  await reporter.close();
  const text = written.join('');
  expect(text).toContain('unit │ [… 9.8 MiB not shown; pipewright logs 20260206-160000-a1b2c3d unit]\n');
  expect(text).toContain('unit │ the end\n');
  expect(text.length).toBeLessThan(300 * 1024);
});

test('control sequences in output do not reach the terminal', async () => {
  const file = path.join(folder, 'logs/unit.test.log');
  const written: string[] = [];
  const reporter = reporterInto(written);
  const events = stamped([created(['unit']), stepStarted('unit', 'test'), stepFinished('unit', 'test', 1)]);
  for (const { event, state } of events.slice(0, 2)) reporter.observe(event, state);
  writeFileSync(file, 'a\u001b]52;c;aGk=\u0007b\u001b[2Jc\n');
  for (const { event, state } of events.slice(2)) reporter.observe(event, state);
  await reporter.close();
  // oxlint-disable-next-line no-control-regex -- this is what must not be there
  expect(written.join('')).not.toMatch(/[\u001b\u0007]/);
});

test('a slow terminal does not hold up whoever reports, and loses no event', async () => {
  const written: string[] = [];
  const gate = Promise.withResolvers<void>();
  const reporter = createPlainReporter({
    sink: {
      write: async (text) => {
        await gate.promise;
        written.push(text);
      },
    },
    style: createStyle(false),
    runFolder: () => folder,
    cwd: '/',
  });
  const drafts: Draft[] = [
    created(['unit']),
    ...Array.from({ length: 500 }, () => failing('unit', [])).flat(),
  ];
  for (const { event, state } of stamped(drafts)) reporter.observe(event, state);
  expect(written).toEqual([]);
  gate.resolve();
  await reporter.close();
  expect(written.join('').match(/again in 2.0 s/g)).toHaveLength(500);
});

test('the JSON reporter prints the events as they are, one per line', async () => {
  const written: string[] = [];
  const reporter = createJsonReporter({ write: async (text) => void written.push(text) });
  const events = stamped([created(['unit']), ...failing('unit', ['a\nb'])]);
  for (const { event, state } of events) reporter.observe(event, state);
  await reporter.close();
  expect(written.map((line) => JSON.parse(line))).toEqual(events.map(({ event }) => event));
  expect(written.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n'))).toBe(true);
});
