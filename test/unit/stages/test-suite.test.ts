import { expect, test } from 'vitest';
import { callOf, detectRunner, ownCommand } from '../../../src/stages/test-suite/runners.ts';
import type { SuiteResult } from '../../../src/stages/test-suite/suite.ts';
import { verdictOf } from '../../../src/stages/test-suite/verdict.ts';

function manifest(script?: string, ...dependencies: string[]) {
  return {
    scripts: script === undefined ? {} : { test: script },
    dependencies: new Set(dependencies),
  };
}

test.each([
  ['vitest', 'vitest', 'npm-arguments'],
  ['NODE_ENV=test vitest run --config test/v.ts', 'vitest', 'npm-arguments'],
  ['tsc && cross-env CI=1 jest --runInBand', 'jest', 'npm-arguments'],
  ['c8 mocha', 'mocha', 'npm-arguments'],
  ['node --test', 'node', 'nothing'],
  ['node --import tsx --test test/*.ts', 'node', 'nothing'],
  ['vitest run | tee log', 'other', 'nothing'],
  ['vitest run && echo done', 'other', 'nothing'],
  ['sh -c "$(cat x) jest"', 'other', 'nothing'],
  ['ava', 'other', 'nothing'],
])('the script %j is run by %s', (script, runner, takes) => {
  expect(detectRunner(manifest(script))).toMatchObject({ runner, command: 'npm test', takes });
});

test('a script that only names another one is that one, unless something stands around it', () => {
  const scripts = { test: 'npm run unit', unit: 'nyc mocha -r ts-node/register' };
  const dependencies = new Set<string>();
  expect(detectRunner({ scripts, dependencies })).toEqual({
    runner: 'mocha',
    command: 'npm run unit',
    takes: 'npm-arguments',
  });
  const around = { ...scripts, pretest: 'npm run build' };
  expect(detectRunner({ scripts: around, dependencies })).toMatchObject({
    runner: 'other',
    command: 'npm test',
  });
  const node = { test: 'npm run unit', unit: 'node --test' };
  expect(detectRunner({ scripts: node, dependencies })).toMatchObject({
    runner: 'node',
    command: 'npm test',
  });
});

test('without a script of its own a project is tested by the runner that it depends on, or not', () => {
  expect(detectRunner(manifest(undefined, 'mocha'))).toMatchObject({ command: 'mocha' });
  expect(detectRunner(manifest('echo "Error: no test specified" && exit 1', 'jest'))).toMatchObject({
    command: 'jest',
  });
  expect(detectRunner(manifest())).toBeUndefined();
});

test('words are added to a command only where its runner gets them', () => {
  expect(ownCommand('npm test', manifest('jest'))).toMatchObject({ runner: 'jest', takes: 'npm-arguments' });
  expect(ownCommand('npx vitest run', undefined)).toMatchObject({ runner: 'vitest', takes: 'arguments' });
  expect(ownCommand('make test', manifest('jest'))).toMatchObject({ runner: 'other', takes: 'nothing' });
  expect(ownCommand('npm test; rm x', manifest('jest'))).toMatchObject({ runner: 'other', takes: 'nothing' });
});

test('globs that are left out arrive as one word each, whatever they hold', () => {
  const glob = "src/api/$(touch x)/'**";
  const options = { folder: '/p', live: '/tmp/a b/.live', leaveOut: [glob] };
  const { line } = callOf({ runner: 'mocha', command: 'mocha', takes: 'arguments' }, options);
  expect(line).toContain(String.raw`'--ignore' 'src/api/$(touch x)/'\''**'`);
  const node = callOf({ runner: 'node', command: 'npm test', takes: 'nothing' }, options);
  expect(node).toMatchObject({ line: 'npm test', keptIn: [glob] });
  expect(node.variables['NODE_OPTIONS']).toContain('--test-reporter-destination="/tmp/a b/.live"');
});

function result(change: Partial<SuiteResult>): SuiteResult {
  return { verdict: 'passed', level: 'critical', duration_ms: 1, ...change };
}

test('a failing critical suite fails the stage, so does one that came to no answer; unmeasured does not', () => {
  const bad = verdictOf({ unit: result({ verdict: 'failed', reason: '1 of 2', failures: ['a > b'] }) }, 5);
  expect(bad.failure).toMatchObject({ reason: 'reported', message: 'unit failed: 1 of 2: a > b' });
  expect(verdictOf({ unit: result({ verdict: 'inconclusive', reason: 'late' }) }, 5).failure).toBeDefined();
  expect(verdictOf({ security: result({ verdict: 'unmeasured', reason: 'HTTP 405' }) }, 1)).toEqual({
    warnings: [],
    notes: ['security unmeasured: HTTP 405'],
  });
  expect(verdictOf({}, 1).notes).toHaveLength(1);
});

test('warnings are recorded, and so many together are critical', () => {
  const tests = {
    unit: result({ warnings: ['coverage'] }),
    performance: result({ verdict: 'failed', level: 'warning', reason: 'slow' }),
  };
  expect(verdictOf(tests, 3)).toEqual({ warnings: ['performance failed: slow', 'coverage'], notes: [] });
  expect(verdictOf(tests, 2).failure).toMatchObject({
    message: '2 warnings together are critical (test.max_warnings is 2)',
  });
});
