import { expect, test } from 'vitest';
import type { GeneratedTest } from '../../../src/core/testgen.ts';
import { checkTests, type ReviewInput } from '../../../src/testgen/review/check-tests.ts';
import { recommend, scoreOf } from '../../../src/testgen/review/score.ts';
import { makeScenarios } from '../../../src/testgen/scenarios/make-scenarios.ts';
import { reworded } from '../../../src/testgen/scenarios/reword.ts';
import * as samples from '../../support/testgen-samples.ts';

const [sample] = samples.code.tests as [GeneratedTest];
const good: GeneratedTest = { ...sample, reason: '' };
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

test.each([
  [
    'asserts nothing',
    good,
    { [good.file]: 'test("adds two numbers", () => {});' },
    'error',
    'it asserts nothing',
  ],
  [
    'holds a key',
    good,
    { [good.file]: `${TEXT}const key = 'AKIAIOSFODNN7EXAMPLE';` },
    'error',
    'line 3 looks like an AWS access key',
  ],
  [
    'does not notice a revert',
    { ...good, checks: { ...good.checks, detects_revert: false } },
    {},
    'warning',
    'it would not notice if they were taken back',
  ],
  [
    'is flaky',
    { ...good, verdict: 'inconclusive' as const, reason: 'it passes in some runs' },
    {},
    'warning',
    'it cannot be relied on: it passes in some runs',
  ],
  [
    'was not run',
    { ...good, verdict: 'unmeasured' as const, reason: 'go is not on PATH' },
    {},
    'warning',
    'it was not run: go is not on PATH',
  ],
])('a test that %s is found, and costs points', (_what, changed, texts, severity, message) => {
  const given = input([changed], texts);
  expect(checkTests(given)).toContainEqual({
    severity,
    about: good.file,
    message: expect.stringContaining(message),
  });
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
