import { expect, test } from 'vitest';
import type { StageDefinition } from '../../../../src/core/definition.ts';
import { undoLines, undoOf } from '../../../../src/core/engine/undo.ts';
import { idleRun } from '../../../../src/core/run-state.ts';
import type { StageState } from '../../../../src/core/stage-state.ts';
import { command, pipelineOf, stage, step } from '../../../support/fakes.ts';
import { failedRun } from '../../../support/run-states.ts';

const undoable = (name: string, change: Partial<StageDefinition> = {}) =>
  stage(name, [], { rollback: [step(`undo ${name}`)], ...change });

const ended = (seq: number, change: Partial<StageState> = {}): Partial<StageState> => ({
  status: 'passed',
  attempt: 1,
  finished_seq: seq,
  ...change,
});

const FAILED = ended(9, { status: 'failed' });

function undoIn(
  stages: readonly StageDefinition[],
  changes: Readonly<Record<string, Partial<StageState>>>,
): unknown {
  const undo = undoOf(failedRun(pipelineOf(stages), changes));
  return undo.ok ? undo.value : undo.failure;
}

test('what failed goes back first, then what ended well, the last one first', () => {
  const stages = ['a', 'b', 'w', 'c', 'f', 'x'].map((name) => undoable(name));
  const changes = {
    a: ended(3),
    b: ended(5),
    w: ended(4, { status: 'warning' }),
    f: FAILED,
    x: ended(8, { status: 'cancelled' }),
  };
  expect(undoIn(stages, changes)).toEqual({ cause: 'f', stages: ['f', 'x', 'b', 'w', 'a'] });
});

test.each<[string, Partial<StageState>]>([
  ['never began: its confirmation was refused', { status: 'failed', attempt: 0 }],
  ['was skipped', { status: 'skipped', attempt: 0 }],
  ['was skipped after it had failed', { status: 'skipped', attempt: 1 }],
  ['was taken from the cache', ended(1, { cached: true })],
  ['was undone', ended(1, { status: 'rolled_back' })],
  ['is still open', { status: 'pending', attempt: 1 }],
])('a stage that %s is not undone', (_, change) => {
  expect(undoIn([undoable('a'), undoable('b')], { a: change, b: FAILED })).toMatchObject({ stages: ['b'] });
});

test('a kind that can undo does so once it has done something, or may have', () => {
  const base = { seq: 1, at: '', run_id: 'r', stage: 'a', step: 's', attempt: 1 };
  const started = {
    ...base,
    type: 'step.started' as const,
    index: 1,
    total: 1,
    command: 's',
    context: 'local',
    log: '',
    token: '',
  };
  const finished = { ...base, type: 'step.finished' as const, duration_ms: 1, log_bytes: 0, adopted: false };
  const broken = { ...finished, failure: { reason: 'exit-non-zero', exit_code: 1 } as const };
  const stagesWith = (steps: StageState['steps'], isUndoable = true) => {
    const change = { ...FAILED, steps, ...(isUndoable && { undoable: true as const }) };
    const undo = undoOf(failedRun(pipelineOf([stage('a')]), { a: change }));
    return undo.ok && undo.value.stages;
  };
  expect(stagesWith({ s: { started, finished } })).toEqual(['a']);
  expect(stagesWith({ s: { started } })).toEqual(['a']);
  expect(stagesWith({ s: { started, finished: broken }, t: { started, finished } })).toEqual(['a']);
  expect(stagesWith({ s: { started, finished: broken } })).toBe(false);
  expect(stagesWith({})).toBe(false);
  expect(stagesWith({ s: { started, finished } }, false)).toBe(false);
});

test('an undo answers what failed in its middle before what was only refused', () => {
  const refused = { status: 'failed' as const, attempt: 0 };
  const stages = [undoable('ask'), undoable('b')];
  expect(undoIn(stages, { ask: refused, b: FAILED })).toMatchObject({ cause: 'b' });
  expect(undoIn(stages, { ask: refused, b: ended(1) })).toMatchObject({ cause: 'ask', stages: ['b'] });
  // Cancelled between two stages: the last that had begun.
  expect(undoIn(stages, { ask: ended(1), b: ended(2) })).toMatchObject({ cause: 'b', stages: ['b', 'ask'] });
});

test('an undo that failed keeps its cause when it is asked for again', () => {
  const state = failedRun(pipelineOf([undoable('a'), undoable('b')]), { a: FAILED, b: FAILED });
  const again = undoOf({ ...state, rollback: { stages: ['a', 'b'], cause: 'b' } });
  expect(again).toMatchObject({ ok: true, value: { cause: 'b' } });
});

const NOTHING = {
  reason: 'invalid',
  message: 'nothing of run r can be undone',
  hint: 'no stage that ran has rollback: steps, or all of them were undone',
};

test('where nothing can be undone it says so', () => {
  expect(undoIn([stage('a')], { a: FAILED })).toEqual(NOTHING);
  expect(undoIn([undoable('a')], { a: ended(1, { status: 'rolled_back' }) })).toEqual(NOTHING);
  expect(undoIn([undoable('a')], {})).toEqual(NOTHING);
});

const CONTINUE = 'pipewright continue r, or cancel it, comes first';
const ONLY = 'only a run that failed or was cancelled is undone as a whole';

test.each([
  ['rolled_back', 'run r is undone already', undefined],
  ['waiting', 'run r is waiting', CONTINUE],
  ['interrupted', 'run r is interrupted', CONTINUE],
  ['running', 'run r is running', ONLY],
  ['success', 'run r is success', ONLY],
  ['warning', 'run r is warning', ONLY],
] as const)('a run that is %s is not undone as a whole', (status, message, hint) => {
  const state = { ...failedRun(pipelineOf([undoable('a')]), { a: FAILED }), status };
  expect(undoOf(state)).toStrictEqual({
    ok: false,
    failure: { reason: 'invalid', message, ...(hint !== undefined && { hint }) },
  });
});

test('a cancelled run is undone too; one that never began is not', () => {
  const state = failedRun(pipelineOf([undoable('a')]), { a: ended(1, { status: 'cancelled' }) });
  expect(undoOf({ ...state, status: 'cancelled' })).toMatchObject({ ok: true });
  expect(undoOf({ ...idleRun('r'), status: 'failed' })).toStrictEqual({
    ok: false,
    failure: { reason: 'invalid', message: 'run r never began' },
  });
});

test('who is asked sees each command on a line of its own, harmless', () => {
  const hostile = step('x', { name: 'b\u001b[2Jack', command: command('\n one\ntwo \u0007\n') });
  const stages = [undoable('a', { rollback: [step('first'), hostile] }), stage('kind')];
  const state = failedRun(pipelineOf(stages), { a: FAILED, kind: ended(1, { undoable: true }) });
  expect(undoLines(state, { cause: 'a', stages: ['a', 'kind', 'gone'] })).toEqual([
    'a ended badly; in this order:',
    'undo a',
    '  first: first',
    '  back: one ; two ␇',
    'undo kind',
    '  what it did, as its kind knows how to',
    'undo gone',
  ]);
});
