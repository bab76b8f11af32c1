import { expect, test } from 'vitest';
import type { RerunChoice } from '../../../../src/core/engine/api.ts';
import { endingAgain, resetsFor } from '../../../../src/core/engine/rerun.ts';
import { idleRun, type RunState } from '../../../../src/core/run-state.ts';
import type { StageState } from '../../../../src/core/stage-state.ts';
import { pipelineOf, stage } from '../../../support/fakes.ts';
import { valueOf } from '../../../support/results.ts';
import { failedRun } from '../../../support/run-states.ts';

const decided = (rule: string): Partial<StageState> => ({
  status: 'skipped',
  decision: { action: 'skip', rule, reason: '', evidence: [] },
});

const PASSED: Partial<StageState> = { status: 'passed', attempt: 1 };
const FAILED: Partial<StageState> = { status: 'failed', attempt: 1 };
const UNMET = decided('need-unmet');

/** `[stage, reason]` of what is opened again, and the waived ones as `[stage, rule]`. */
function resets(state: RunState, choice?: Partial<RerunChoice>): readonly (readonly [string, string])[] {
  const whole = choice && { stages: [], downstream: false, failed: false, ...choice };
  const found = resetsFor(state, whole);
  return valueOf(found).flatMap((reset) => {
    if (reset.type === 'stage.reset') return [[reset.stage, reset.reason] as const];
    return reset.type === 'stage.decided' ? [[reset.stage, reset.decision.rule] as const] : [];
  });
}

const CHAIN = pipelineOf([stage('a'), stage('b', ['a']), stage('c', ['b']), stage('d'), stage('e', ['d'])]);

test('a continue opens what failed or was cut, and what was skipped because of it, nothing else', () => {
  const state = failedRun(CHAIN, { a: PASSED, b: FAILED, c: UNMET, d: decided('skip-option'), e: UNMET });
  expect(resets(state)).toEqual([
    ['b', 'it had failed'],
    ['c', 'it follows one that runs again'],
  ]);
  const cut = failedRun(CHAIN, { a: PASSED, b: { ...FAILED, status: 'cancelled' }, c: PASSED, d: PASSED });
  expect(resets(cut)).toEqual([['b', 'it was cancelled']]);
});

test('what followed a failure by its own decision stays as it ended', () => {
  const reached = { ...UNMET, status: 'passed' as const };
  expect(resets(failedRun(CHAIN, { b: FAILED, c: reached }))).toEqual([['b', 'it had failed']]);
  expect(resets(failedRun(CHAIN, { b: FAILED, c: decided('condition-false') }))).toEqual([
    ['b', 'it had failed'],
  ]);
  expect(resets(failedRun(CHAIN, { b: FAILED, c: { status: 'skipped' } }))).toEqual([['b', 'it had failed']]);
});

test('what was undone, or half undone, is as open as what failed', () => {
  const failure = { reason: 'signal', signal: 'SIGKILL' } as const;
  const half: Partial<StageState> = { ...PASSED, rollback: { duration_ms: 1, failure } };
  const state = failedRun(CHAIN, { a: { ...PASSED, status: 'rolled_back' }, b: half });
  expect(resets(state)).toEqual([
    ['a', 'it was undone'],
    ['b', 'undoing it failed'],
  ]);
  const whole = failedRun(CHAIN, { a: { ...PASSED, rollback: { duration_ms: 1 } } });
  expect(resets(whole)).toEqual([]);
});

test('a run that a crash cut short comes to its end first; a rerun by name does not wait for that', () => {
  const { finished_at: _, ...open } = failedRun(CHAIN, { a: FAILED });
  expect(resets(open)).toEqual([]);
  expect(resets(open, { stages: ['a'] })).toEqual([['a', 'chosen']]);
  expect(resets(idleRun('r'))).toEqual([]);
});

test('a chosen stage runs again by itself; with what needs it only when that is asked for', () => {
  const state = failedRun(CHAIN, { a: PASSED, b: PASSED, c: PASSED });
  expect(resets(state, { stages: ['a'] })).toEqual([['a', 'chosen']]);
  expect(resets(state, { stages: ['a'], downstream: true })).toEqual([
    ['a', 'chosen'],
    ['b', 'it follows one that runs again'],
    ['c', 'it follows one that runs again'],
  ]);
  expect(resets(failedRun(CHAIN, { a: PASSED, d: FAILED }), { stages: ['a'], failed: true })).toEqual([
    ['a', 'chosen'],
    ['d', 'it had failed'],
  ]);
});

test('a stage that is waived is opened, then over, and what was skipped because of it runs', () => {
  const state = failedRun(CHAIN, { a: PASSED, b: FAILED, c: UNMET, d: FAILED, e: UNMET });
  expect(resets(state, { skip: ['b'] })).toEqual([
    ['b', 'it had failed'],
    ['c', 'it follows one that runs again'],
    ['b', 'skipped-by-person'],
  ]);
  const found = resetsFor(state, { stages: [], downstream: false, failed: false, skip: ['b'] });
  expect(found.ok && found.value.slice(-2)).toMatchObject([
    {
      type: 'stage.decided',
      stage: 'b',
      decision: {
        action: 'skip',
        reason: 'it was skipped by name; its status was failed',
        evidence: [{ name: 'stages.b.status', value: 'failed' }],
        would_flip: 'rerun b',
      },
    },
    { type: 'stage.finished', stage: 'b', status: 'skipped' },
  ]);
});

const ENDED = pipelineOf([stage('a'), stage('b')], { finally: [stage('clean'), stage('tell')] });

test('stages at the end run again when anything does, those that ran', () => {
  const state = failedRun(ENDED, { a: FAILED, b: PASSED, clean: PASSED });
  expect(resets(state)).toEqual([
    ['a', 'it had failed'],
    ['clean', 'it follows one that runs again'],
  ]);
  expect(endingAgain(state)).toEqual([
    { type: 'stage.reset', stage: 'clean', by: 'rerun', reason: 'the run comes to another end' },
  ]);
  // Nothing had failed, but not everything had begun.
  for (const status of ['pending', 'interrupted'] as const) {
    expect(resets(failedRun(ENDED, { a: PASSED, b: { status }, clean: PASSED, tell: PASSED }))).toEqual([
      ['clean', 'it follows one that runs again'],
      ['tell', 'it follows one that runs again'],
    ]);
  }
  expect(resets(failedRun(ENDED, { a: PASSED, b: PASSED, clean: PASSED, tell: PASSED }))).toEqual([]);
});

const deepest = pipelineOf([stage('x'), stage('y')], { name: 'deepest' });
const middle = pipelineOf([stage('in', [], { uses: 'pipeline', pipeline: deepest }), stage('z')]);
const NESTED = pipelineOf([
  stage('out', [], { uses: 'pipeline', pipeline: middle }),
  stage('output'),
  stage('after', ['out']),
]);

test('a nested stage is reached through those around it, and a pipeline runs again whole', () => {
  const all = { out: PASSED, 'out/in': PASSED, 'out/in/x': PASSED, 'out/in/y': PASSED, 'out/z': PASSED };
  const state = failedRun(NESTED, { ...all, output: PASSED, after: PASSED });
  expect(resets(state, { stages: ['out/in/y'] })).toEqual([
    ['out', 'it follows one that runs again'],
    ['out/in', 'it follows one that runs again'],
    ['out/in/y', 'chosen'],
  ]);
  const whole = ['out', 'out/in', 'out/in/x', 'out/in/y', 'out/z'];
  const namesOf = (choice: Partial<RerunChoice>) => resets(state, choice).map(([name]) => name);
  expect(namesOf({ stages: ['out'] })).toEqual(whole);
  expect(namesOf({ stages: ['out/in/x'], downstream: true })).toEqual(['out', 'out/in', 'out/in/x', 'after']);
});
