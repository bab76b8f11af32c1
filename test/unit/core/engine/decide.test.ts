import { expect, test } from 'vitest';
import type { StageDefinition, StageStatus } from '../../../../src/core/definition.ts';
import { decide, exclusionsOf, type StageFacts } from '../../../../src/core/engine/decide.ts';
import type { Selection } from '../../../../src/core/events.ts';
import { failed, ok } from '../../../../src/core/failure.ts';
import { pipelineOf, stage } from '../../../support/fakes.ts';

const EVERYTHING: Selection = { skip: [], only: [] };

/** What is known: statuses by name, what `flag` is (undefined: not known yet), what is left out or waived. */
interface Known {
  readonly statuses?: Readonly<Record<string, StageStatus>>;
  readonly flag?: boolean;
  readonly waived?: readonly string[];
  readonly selection?: Selection;
}

function decideIn(stages: readonly StageDefinition[], name: string, known: Known = {}) {
  const definition = pipelineOf(stages);
  const facts: StageFacts = {
    statusOf: (of) => known.statuses?.[of],
    waived: (of) => known.waived?.includes(of) ?? false,
    excluded: exclusionsOf(definition, known.selection ?? EVERYTHING),
    evaluate: (expression) => {
      if (expression === 'bad') return failed({ reason: 'condition-invalid', expression, detail: 'bad' });
      if (known.flag === undefined) return undefined;
      return ok({ value: known.flag, read: [{ name: 'flag', value: known.flag }] });
    },
  };
  const wanted = stages.find((one) => one.name === name);
  if (!wanted) throw new Error(`no stage ${name}`);
  return decide(wanted, definition, facts);
}

const TWO = [stage('a'), stage('b', ['a'])];

test('a stage that needs nothing runs, and nothing would flip it', () => {
  expect(decideIn(TWO, 'a')).toEqual({
    state: 'decided',
    decision: { action: 'run', rule: 'needs-met', reason: 'it needs no other stage', evidence: [] },
  });
});

test('a stage whose needs are met runs, and says which, and what would have kept it', () => {
  const stages = [stage('a'), stage('x'), stage('b', ['a', 'x'])];
  expect(decideIn(stages, 'b', { statuses: { a: 'passed', x: 'warning' } })).toEqual({
    state: 'decided',
    decision: {
      action: 'run',
      rule: 'needs-met',
      reason: 'its needs are met: a, x',
      evidence: [
        { name: 'stages.a.status', value: 'passed' },
        { name: 'stages.x.status', value: 'warning' },
      ],
      would_flip: 'a ending as anything but passed or warning',
    },
  });
});

test('a stage waits for each need that has not ended, by name', () => {
  const stages = [stage('a'), stage('x'), stage('b', ['a', 'x'])];
  expect(decideIn(stages, 'b', { statuses: { a: 'passed' } })).toEqual({
    state: 'open',
    evidence: [{ name: 'x', value: null }],
  });
  // One that failed decides nothing while another is open.
  expect(decideIn(stages, 'b', { statuses: { a: 'failed' } })).toMatchObject({ state: 'open' });
});

test('a need that ended otherwise skips its stage; every such need is named, the first would flip it', () => {
  const stages = [stage('a'), stage('x'), stage('y'), stage('b', ['a', 'x', 'y'])];
  expect(decideIn(stages, 'b', { statuses: { a: 'skipped', x: 'passed', y: 'failed' } })).toEqual({
    state: 'decided',
    decision: {
      action: 'skip',
      rule: 'need-unmet',
      reason: 'needs a is skipped, accepted: passed, warning; y is failed, accepted: passed, warning',
      evidence: [
        { name: 'stages.a.status', value: 'skipped' },
        { name: 'stages.x.status', value: 'passed' },
        { name: 'stages.y.status', value: 'failed' },
      ],
      would_flip: 'a ending as passed or warning',
    },
  });
});

test('a need that a person waived counts as met, whatever it ended as', () => {
  expect(decideIn(TWO, 'b', { statuses: { a: 'skipped' }, waived: ['a'] })).toMatchObject({
    decision: { action: 'run', rule: 'needs-met' },
  });
  expect(decideIn(TWO, 'b', { statuses: { a: 'skipped' }, waived: ['b'] })).toMatchObject({
    decision: { action: 'skip', rule: 'need-unmet' },
  });
});

test.each([true, false])('a condition that is %s decides, with what it read after the needs', (flag) => {
  const stages = [stage('a'), stage('b', ['a'], { if: 'flag' })];
  expect(decideIn(stages, 'b', { statuses: { a: 'passed' }, flag })).toEqual({
    state: 'decided',
    decision: {
      action: flag ? 'run' : 'skip',
      rule: flag ? 'condition-true' : 'condition-false',
      reason: `if: flag is ${flag}`,
      evidence: [
        { name: 'stages.a.status', value: 'passed' },
        { name: 'flag', value: flag },
      ],
      would_flip: `flag being ${!flag}`,
    },
  });
});

test('a condition is looked at only when the needs are met', () => {
  const stages = [stage('a'), stage('b', ['a'], { if: 'bad' })];
  expect(decideIn(stages, 'b')).toMatchObject({ state: 'open' });
  expect(decideIn(stages, 'b', { statuses: { a: 'failed' } })).toMatchObject({
    decision: { rule: 'need-unmet' },
  });
  expect(decideIn(stages, 'b', { statuses: { a: 'passed' } })).toEqual({
    state: 'invalid',
    failure: { reason: 'condition-invalid', expression: 'bad', detail: 'bad' },
  });
});

test('a condition that reads what is not known yet leaves the stage open', () => {
  expect(decideIn([stage('a', [], { if: 'flag' })], 'a')).toEqual({
    state: 'open',
    evidence: [{ name: 'if', value: 'flag' }],
  });
});

test('a stage left out passes its own needs on, through any number of them', () => {
  const stages = [
    stage('a'),
    stage('b', ['a'], { enabled: false }),
    stage('c', ['b'], { enabled: false }),
    stage('d', ['c']),
  ];
  expect(decideIn(stages, 'd')).toEqual({ state: 'open', evidence: [{ name: 'a', value: null }] });
  expect(decideIn(stages, 'd', { statuses: { a: 'failed' } })).toMatchObject({
    decision: { action: 'skip', reason: 'needs a is failed, accepted: passed, warning' },
  });
  expect(decideIn(stages, 'd', { statuses: { a: 'passed' } })).toMatchObject({
    decision: { action: 'run', reason: 'its needs are met: a' },
  });
});

test('stages left out that need each other end the search', () => {
  const stages = [
    stage('a', ['b'], { enabled: false }),
    stage('b', ['a'], { enabled: false }),
    stage('c', ['a']),
  ];
  expect(decideIn(stages, 'c')).toMatchObject({ decision: { action: 'run' } });
});

const FOUR = [stage('a'), stage('b', ['a'], { enabled: false }), stage('c', ['b']), stage('d')];

test.each<[string, Selection, object]>([
  [
    'enabled: false',
    EVERYTHING,
    { b: { rule: 'disabled', reason: 'enabled: false in the pipeline', would_flip: 'enabled: true' } },
  ],
  [
    '--skip',
    { skip: ['a', 'b'], only: [] },
    {
      a: { rule: 'skip-option', reason: '--skip a was given', would_flip: 'no --skip a' },
      b: { rule: 'disabled' },
    },
  ],
  [
    '--only',
    { skip: [], only: ['c', 'd'] },
    {
      a: { rule: 'not-selected', reason: '--only c --only d leaves it out', would_flip: '--only a' },
      b: { rule: 'disabled' },
    },
  ],
  [
    '--from',
    { skip: [], only: [], from: 'b' },
    {
      a: { rule: 'not-selected', reason: '--from b begins after it', would_flip: '--from a' },
      b: { rule: 'disabled' },
      d: { rule: 'not-selected', reason: '--from b begins after it', would_flip: '--from d' },
    },
  ],
])('%s leaves out exactly what it names', (_, selection, expected) => {
  const excluded = exclusionsOf(pipelineOf(FOUR), selection);
  expect(excluded).toMatchObject(expected);
  expect(Object.keys(excluded)).toEqual(Object.keys(expected));
});

test('a stage left out is skipped by the rule that left it out, whatever it needs', () => {
  expect(decideIn(FOUR, 'b', { selection: { skip: ['b'], only: [] } })).toEqual({
    state: 'decided',
    decision: {
      action: 'skip',
      rule: 'disabled',
      reason: 'enabled: false in the pipeline',
      would_flip: 'enabled: true',
      evidence: [],
    },
  });
});
