import { describe, expect, test } from 'vitest';
import { checkExpression, createConditions } from '../../../src/config/conditions.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { cpuMs } from '../../support/cpu-time.ts';

const conditions = createConditions();

const VARIABLES: JsonObject = {
  params: { n: 4, share: 0.5, name: 'x', empty: null, tags: ['a', 'b'] },
  stages: {
    build: {
      status: 'passed',
      outputs: { digest: 'sha256:1', sizes: [1, 2], hosts: [{ name: 'a', up: true }] },
    },
    'unit-tests': { status: 'failed', outputs: {} },
  },
  environment: 'prod',
  run: { id: 'r1', commits: ['c1', 'c2'] },
  changes: { categories: ['backend', 'docs'] },
  odd: { constructor: 'c', size: 3, ['a-b']: 1 },
};

function evaluate(expression: string, variables: JsonObject = VARIABLES) {
  return conditions.evaluate(expression, variables);
}

test.each([
  ["'backend' in changes.categories", true],
  ['params.n > 3', true],
  ['params.n == 4 && params.share < 1.0', true],
  ['params.n + 1 == 5', true],
  ['size(run.commits) == 2', true],
  ['run.commits.size() > 2', false],
  ["stages.build.status == 'passed'", true],
  ["stages['unit-tests'].status == 'passed'", false],
  ['has(stages.build.outputs.digest)', true],
  ['has(stages.build.outputs.nothing)', false],
  ["'build' in stages", true],
  ["'deploy' in stages", false],
  ['params.empty == null', true],
  ['stages.build.outputs.hosts.exists(h, h.up)', true],
  ['stages.build.outputs.sizes.all(n, n > 1)', false],
  ["environment.startsWith('pro') ? true : false", true],
  ["stages.all(name, stages[name].status in ['passed', 'failed'])", true],
  ["odd.constructor == 'c' && odd.size == 3 && odd['a-b'] == 1", true],
  ["params.tags == ['a', 'b']", true],
  ['type(params.n) == int', true],
])('%s is %s', (expression, value) => {
  expect(evaluate(expression)).toMatchObject({ ok: true, value: { value } });
});

describe('the trace', () => {
  test.each([
    ["'backend' in changes.categories", [{ name: 'changes.categories', value: ['backend', 'docs'] }]],
    [
      'params.n > 3 && environment == "prod" && params.n < 9',
      [
        { name: 'params.n', value: 4 },
        { name: 'environment', value: 'prod' },
      ],
    ],
    ['params.n > 100 && environment == "prod"', [{ name: 'params.n', value: 4 }]],
    ['params.n > 1 || environment == "prod"', [{ name: 'params.n', value: 4 }]],
    [
      'environment == "x" ? params.n > 1 : params.share > 0.1',
      [
        { name: 'environment', value: 'prod' },
        { name: 'params.share', value: 0.5 },
      ],
    ],
    ['has(stages.build.outputs.nothing)', [{ name: 'stages.build.outputs.nothing', value: null }]],
    ["'deploy' in stages", [{ name: 'stages.deploy', value: null }]],
    [
      'stages.build.outputs.hosts.exists(h, h.up)',
      [{ name: 'stages.build.outputs.hosts[0].up', value: true }],
    ],
    [
      'size(stages.build.outputs) == 3',
      [
        {
          name: 'stages.build.outputs',
          value: { digest: 'sha256:1', sizes: [1, 2], hosts: [{ name: 'a', up: true }] },
        },
      ],
    ],
    ['1 < 2', []],
  ])('of %s holds what was really read, innermost, in order, once', (expression, read) => {
    const result = evaluate(expression);
    expect(result.ok && result.value.read).toEqual(read);
  });
});

describe('a condition that cannot be decided says why in one sentence', () => {
  test.each([
    ['chnges.categories == []', 'There is no chnges; did you mean changes?'],
    ['true || nowhere', 'There is no nowhere; known are params, stages, environment, run, changes, odd.'],
    ['params.nmae == "x"', 'params.nmae is not there; did you mean params.name?'],
    [
      'stages.build.outputs.zebra == 1',
      'stages.build.outputs.zebra is not there; has(stages.build.outputs.zebra) tells whether it is.',
    ],
    [
      "stages['deploy'].status == 'passed'",
      'stages.deploy is not there; has(stages.deploy) tells whether it is.',
    ],
    ['params.toString == 1', 'params.toString is not there; has(params.toString) tells whether it is.'],
    ['environment', 'It gives a string, not true or false.'],
    ['params.n', 'It gives a number, not true or false.'],
    ['params', 'It gives a map, not true or false.'],
    ['run.commits', 'It gives a list, not true or false.'],
    ['params.empty', 'It gives null, not true or false.'],
    ['params.n > "a"', 'No such overload: int > string.'],
    ['params.n / 0 == 1', 'Division by zero.'],
    ['params.n ==', 'The expression ends too early.'],
    ['', 'The expression is empty.'],
    ['params.name.matches("(")', 'Invalid regular expression: (.'],
    [`${'('.repeat(500)}1${')'.repeat(500)} == 1`, 'Exceeded maxDepth (64).'],
    ['!'.repeat(4097), 'The expression is 4097 characters long; at most 4096 are read.'],
    ['[1].all(a, [1].all(b, [1].all(c, [1].all(d, a == d))))', 'More than 3 loops inside each other.'],
  ])('%s', (expression, detail) => {
    expect(evaluate(expression)).toEqual({
      ok: false,
      failure: { reason: 'condition-invalid', expression, detail },
    });
  });
});

test.each([
  ["'backend' in changes.categories && params.n > 3", ['changes', 'params']],
  ['stages.all(s, stages[s].status == x)', ['stages', 'x']],
  ['cel.bind(t, params.n, t > 1)', ['params']],
  ['type(a) == int', ['a']],
  ['{"k": v}.k && [l].size() > 0', ['v', 'l']],
  ['has(a.b.c)', ['a']],
  ['broken ==', []],
])('reads of %s are the names it takes from outside', (expression, names) => {
  expect(conditions.reads(expression)).toEqual(names);
});

describe('an expression is checked without values', () => {
  test.each(['params.n > 3', "'a' in changes.categories", 'anything', 'has(a.b)', 'true'])(
    '%s is fine',
    (text) => {
      expect(checkExpression(text)).toBeUndefined();
    },
  );

  test.each([
    ['params.n >> 3', 10],
    ['params.n == ', 12],
    ["params.name == 'abc", 15],
    ['  @', 2],
    ['contians(params.name, "a")', 0],
    ['params.n == 1 && size("a")', 0],
    ['1 + 2', 0],
    ['"text"', 0],
    ['', 0],
    ['a\n && b\n && )', 12],
  ])('%j has its problem at %i', (text, offset) => {
    expect(checkExpression(text)).toEqual({ message: expect.stringMatching(/^[A-Z][^\n]*\.$/), offset });
  });
});

test('an expression at every limit is answered quickly', () => {
  const started = cpuMs();
  for (const text of [
    '!'.repeat(4000) + 'true',
    '-'.repeat(4000) + '1 == 1',
    '1' + '+1'.repeat(2000) + ' == 1',
    '['.repeat(2000),
    'a' + '.a'.repeat(2000),
  ]) {
    checkExpression(text);
    evaluate(text, { a: 1 });
  }
  expect(cpuMs() - started).toBeLessThan(2000);
});

test.each([
  ["text.matches('^(a|a)*$')", { text: `${'a'.repeat(60)}b` }],
  [
    'items.all(x, items.all(y, items.all(z, x + y + z >= 0)))',
    { items: Array.from({ length: 3000 }, (_, n) => n) },
  ],
])('an evaluation that would not end is given up: %s', (expression, variables) => {
  expect(createConditions().evaluate(expression, variables)).toMatchObject({
    ok: false,
    failure: { reason: 'condition-invalid', detail: expect.stringContaining('longer than 2 s') },
  });
});
