import { expect, test } from 'vitest';
import type { GeneratedTest } from '../../../src/core/testgen.ts';
import { checkTests, type ReviewInput } from '../../../src/testgen/review/check-tests.ts';
import { recommend, scoreOf } from '../../../src/testgen/review/score.ts';
import { makeScenarios } from '../../../src/testgen/scenarios/make-scenarios.ts';
import { reworded } from '../../../src/testgen/scenarios/reword.ts';
import * as samples from '../../support/testgen-samples.ts';

const good = samples.code.tests.map((one): GeneratedTest => ({ ...one, reason: '' }))[0] ?? never();

function never(): never {
  throw new Error('the samples hold a test');
}

const TEXT =
  "import assert from 'node:assert';\ntest('adds two numbers', () => { assert.equal(add(1, 2), 3); });\n";

function input(tests: readonly GeneratedTest[], texts: Readonly<Record<string, string>> = {}): ReviewInput {
  return {
    code: { ...samples.code, tests: [...tests] },
    strategies: [samples.strategy],
    analysis: samples.analysis,
    texts: new Map(Object.entries({ [good.file]: TEXT, ...texts })),
  };
}

function score(given: ReviewInput): number {
  return scoreOf(given, checkTests(given)).score;
}

test('a strategy with a test that holds, reaches the change and notices its revert has the full score', () => {
  expect(checkTests(input([good]))).toEqual([]);
  expect(score(input([good]))).toBe(100);
});

const BAD: readonly (readonly [string, Partial<GeneratedTest>, string, string])[] = [
  [
    'does not notice a revert',
    { checks: { ...good.checks, detects_revert: false } },
    'warning',
    'would not notice if they were taken back',
  ],
  [
    'is flaky',
    { verdict: 'inconclusive', reason: 'it passes in some runs' },
    'warning',
    'cannot be relied on: it passes in some runs',
  ],
  [
    'was not run',
    { verdict: 'unmeasured', reason: 'go is not on PATH' },
    'warning',
    'it was not run: go is not on PATH',
  ],
];

test.each(BAD)('a test that %s is found, and costs points', (_what, changed, severity, message) => {
  const given = input([{ ...good, ...changed }]);
  expect(checkTests(given)).toContainEqual({
    severity,
    about: good.file,
    message: expect.stringContaining(message),
  });
  expect(score(given)).toBeLessThan(100);
});

test.each([
  ['asserts nothing', 'test("adds two numbers", () => {});', 'it asserts nothing'],
  ['holds a key', `${TEXT}const key = 'AKIAIOSFODNN7EXAMPLE';`, 'line 3 looks like an AWS access key'],
])('a test that %s is an error, and costs points', (_what, text, message) => {
  const given = input([good], { [good.file]: text });
  expect(checkTests(given)).toContainEqual({ severity: 'error', about: good.file, message });
  expect(score(given)).toBeLessThan(100);
});

test('the same case in two files, and a strategy without a test, are told', () => {
  const twin = { ...good, file: 'test/add.generated.test.js' };
  expect(checkTests(input([good, twin]))).toContainEqual(
    expect.objectContaining({ about: twin.file, message: 'one case is in another generated test as well' }),
  );
  const none = input([]);
  expect(checkTests(none)).toContainEqual(
    expect.objectContaining({ severity: 'warning', about: 'src/add.js' }),
  );
  expect(score(none)).toBe(0);
  expect(recommend(none, [])).toEqual(['Write by hand what could not be generated for src/add.js.']);
});

test('scenarios are made from cases that hold, and none from a test that failed', () => {
  const cases = [
    { id: 'a', name: 'x', given: 'add(1, 2)', expects: '3', detects_revert: true },
    { id: 'b', name: 'y', given: 'add("")', expects: "RangeError: 'no number'", detects_revert: false },
    { id: 'c', name: 'z', given: 'add(0, 0)', expects: '0', detects_revert: false },
  ];
  const made = makeScenarios(
    { ...samples.code, tests: [{ ...good, cases }] },
    samples.strategies,
    samples.analysis,
  );
  expect(made.map(({ id, covers, priority }) => [id, covers, priority])).toEqual([
    ['TS-001', ['a'], 'high'],
    ['TS-002', ['b'], 'high'],
    ['TS-003', ['c'], 'medium'],
  ]);
  expect(made[0]?.data).toEqual([{ name: 'add(1, 2)', value: '3' }]);
  expect(
    makeScenarios(
      { ...samples.code, tests: [{ ...good, verdict: 'failed' }] },
      samples.strategies,
      samples.analysis,
    ),
  ).toEqual([]);
});

test('a model may change the words of scenarios, not what they hold, and has to answer for each', () => {
  const { scenarios } = samples.scenarios;
  const said = {
    id: 'sc-1',
    title: 'Sums',
    preconditions: [],
    steps: ['Add.'],
    expected: 'Four',
    data: [],
    covers: [],
  };
  expect(reworded(scenarios, JSON.stringify({ scenarios: [said] }))).toMatchObject([
    { title: 'Sums', expected: 'Four', data: scenarios[0]?.data, covers: scenarios[0]?.covers },
  ]);
  expect(reworded(scenarios, JSON.stringify({ scenarios: [{ ...said, id: 'sc-2' }] }))).toBeUndefined();
  expect(reworded(scenarios, 'no')).toBeUndefined();
});
