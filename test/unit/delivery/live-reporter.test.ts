import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { liveLines } from '../../../src/delivery/reports/live-lines.ts';
import Reporter from '../../../src/delivery/reports/live-reporter.ts';
import { TestResults } from '../../../src/delivery/reports/test-results.ts';

// What each runner hands over is written down from its own types; the runs of the real ones are in test/fixtures/reports.

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-live-'));
  vi.stubEnv('PIPEWRIGHT_LIVE', path.join(folder, 'live'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function told(): readonly (readonly [string, string])[] {
  const results = new TestResults();
  const reader = liveLines();
  for (const line of readFileSync(path.join(folder, 'live'), 'utf8').split('\n')) {
    for (const one of reader.line(line)) results.add(one);
  }
  return results.cases.map(({ name, status }) => [name, status]);
}

test('vitest before 3: tasks are looked up by their id, groups are in front of the name', () => {
  const file = { filepath: '/p/a.test.ts' };
  const suite = { id: 's', type: 'suite', name: 'group', suite: { id: 'f', type: 'suite', name: '' } };
  const task = (id: string, state: string | undefined, mode = 'run') =>
    [
      id,
      {
        id,
        type: 'test',
        name: id,
        mode,
        file,
        suite,
        result: { ...(state && { state }), duration: 3, errors: [{ message: 'no' }] },
      },
    ] as const;
  const idMap = new Map([
    task('one', 'pass'),
    task('two', 'fail'),
    task('three', undefined, 'skip'),
    task('four', 'run'),
  ]);
  const reporter = new Reporter();
  reporter.onInit({ state: { idMap } });
  reporter.onTaskUpdate([['one'], ['two'], ['three'], ['four'], ['unknown'], ['one']]);
  expect(told()).toEqual([
    ['group > one', 'passed'],
    ['group > two', 'failed'],
    ['group > three', 'skipped'],
  ]);
});

test('vitest from 3 on: a result that is not there yet says nothing, a file that cannot be loaded is a failed one', () => {
  const one = (state: string) => ({
    id: state,
    fullName: `is ${state}`,
    module: { moduleId: '/p/a.test.ts' },
    result: () => ({ state, errors: state === 'failed' ? [{ message: 'x'.repeat(9000) }] : [] }),
    diagnostic: () => ({ duration: 2 }),
  });
  const reporter = new Reporter({});
  for (const state of ['passed', 'failed', 'skipped', 'pending']) reporter.onTestCaseResult(one(state));
  const module = { id: 'm', moduleId: '/p/b.test.ts', errors: () => [{ message: 'no such file' }] };
  reporter.onTestModuleEnd({ ...module, state: () => 'failed' });
  reporter.onTestModuleEnd({ ...module, id: 'n', state: () => 'failed', errors: () => [] });
  expect(told()).toEqual([
    ['is passed', 'passed'],
    ['is failed', 'failed'],
    ['is skipped', 'skipped'],
    ['/p/b.test.ts', 'failed'],
  ]);
  expect(readFileSync(path.join(folder, 'live'), 'utf8').length).toBeLessThan(6000);
});

test('jest tells of a test twice, it is counted once', () => {
  const reporter = new Reporter();
  const file = { path: '/p/a.test.js' };
  const result = { fullName: 'adds', status: 'passed', duration: 1 };
  reporter.onTestCaseResult(file, result);
  reporter.onTestResult(file, {
    testResults: [result, { fullName: 'later', status: 'pending', duration: null }],
  });
  reporter.onTestResult(
    { path: '/p/b.js' },
    { testResults: [], testExecError: {}, failureMessage: 'cannot load' },
  );
  expect(told()).toEqual([
    ['adds', 'passed'],
    ['later', 'skipped'],
    ['/p/b.js', 'failed'],
  ]);
});

test('mocha: each line is said for people, too', () => {
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    const runner = Object.assign(new EventEmitter(), { suite: {} });
    expect(new Reporter(runner)).toBeInstanceOf(Reporter);
    const one = (title: string) => ({
      title,
      file: '/p/a.js',
      duration: 1,
      fullTitle: () => `group ${title}`,
    });
    runner.emit('pass', one('adds'));
    runner.emit('fail', one('breaks'), { message: '1 == 2' });
    runner.emit('pending', one('waits'));
    expect(written.mock.calls.flat().join('')).toBe(
      '✓ group adds\n✗ group breaks\n    1 == 2\n- group waits\n',
    );
  } finally {
    written.mockRestore();
  }
  expect(told().map(([, status]) => status)).toEqual(['passed', 'failed', 'skipped']);
});

test('playwright: of several tries the last one counts; what is expected to fail has passed', () => {
  const reporter = new Reporter();
  const one = (id: string, expectedStatus = 'passed') => ({
    id,
    retries: 1,
    expectedStatus,
    location: { file: '/p/a.spec.ts' },
    titlePath: () => ['', 'chromium', 'a.spec.ts', id],
  });
  reporter.onTestEnd(one('flaky'), { status: 'failed', retry: 0, duration: 1 });
  expect(() => told()).toThrow('ENOENT');
  reporter.onTestEnd(one('flaky'), { status: 'passed', retry: 1, duration: 1 });
  reporter.onTestEnd(one('late'), { status: 'timedOut', retry: 1, duration: 1 });
  reporter.onTestEnd(one('known', 'failed'), { status: 'failed', retry: 0, duration: 1 });
  reporter.onTestEnd(one('left'), { status: 'skipped', retry: 0, duration: 0 });
  expect(told()).toEqual([
    ['chromium > a.spec.ts > flaky', 'passed'],
    ['chromium > a.spec.ts > late', 'failed'],
    ['chromium > a.spec.ts > known', 'passed'],
    ['chromium > a.spec.ts > left', 'skipped'],
  ]);
  expect(reporter.printsToStdio()).toBe(false);
});
