import { expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import { undoLines, undoOf } from '../../src/core/engine/undo.ts';
import type { CommandOutcome } from '../../src/core/ports.ts';
import type { RunState } from '../../src/core/run-state.ts';
import { driveWith, exitOne, pipelineOf, requestFor, stage, step, testBench } from '../support/fakes.ts';

const undo = (name: string) => ({ rollback: [step(`undo ${name}`)] });
const STAGES = [stage('a', [], undo('a')), stage('b', ['a'], undo('b')), stage('c', ['b'])];

function statuses(state: RunState): Record<string, string> {
  return Object.fromEntries(Object.values(state.stages).map(({ name, status }) => [name, status]));
}

test('a failed run is undone when a person asks: in reverse order, ends as rolled back, is one failure', async () => {
  const { deps, executor, store } = testBench({ c: exitOne });
  const engine = createEngine(deps);
  const failed = valueOf(await engine.start(requestFor(pipelineOf(STAGES)), driveWith()));
  expect(failed.status).toBe('failed');
  const plan = undoOf(failed);
  expect(plan).toEqual({ ok: true, value: { cause: 'c', stages: ['b', 'a'] } });
  expect(undoLines(failed, valueOf(plan))).toContain('undo b');
  const undone = valueOf(await engine.undo(failed.run_id, driveWith()));
  expect(undone).toMatchObject({
    status: 'rolled_back',
    exit_code: 5,
    rollback: { cause: 'c', stages: ['b', 'a'], by: 'ann@desk' },
    failure: { reason: 'stage-failed', stage: 'c' },
  });
  expect(statuses(undone)).toEqual({ a: 'rolled_back', b: 'rolled_back', c: 'failed' });
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'b', 'c', 'undo b', 'undo a']);
  expect(store.records.at(-1)).toMatchObject({ type: 'run.ended', is_undo: true });
  // Once is enough.
  expect(await engine.undo(failed.run_id, driveWith())).toMatchObject({
    ok: false,
    failure: { reason: 'invalid' },
  });
});

test('an undo that fails goes on where it failed when it is asked for again', async () => {
  const outcomes: Record<string, CommandOutcome> = { c: exitOne, 'undo a': exitOne };
  const { deps, executor } = testBench(outcomes);
  const engine = createEngine(deps);
  const failed = valueOf(await engine.start(requestFor(pipelineOf(STAGES)), driveWith()));
  const half = valueOf(await engine.undo(failed.run_id, driveWith()));
  expect(half).toMatchObject({ status: 'failed', failure: { reason: 'rollback-failed', stage: 'a' } });
  outcomes['undo a'] = {};
  const undone = valueOf(await engine.undo(failed.run_id, driveWith()));
  expect(undone.status).toBe('rolled_back');
  expect(executor.ran.map(({ script }) => script).slice(3)).toEqual(['undo b', 'undo a', 'undo a']);
  const tokens = executor.ran.map(({ token }) => token);
  expect(new Set(tokens).size).toBe(tokens.length);
});

test('what has not failed, or has no undo, is refused with the reason', async () => {
  const { deps } = testBench({ c: exitOne });
  const engine = createEngine(deps);
  const good = valueOf(await engine.start(requestFor(pipelineOf([stage('a', [], undo('a'))])), driveWith()));
  expect(await engine.undo(good.run_id, driveWith())).toMatchObject({
    ok: false,
    failure: { reason: 'invalid', message: `run ${good.run_id} is success` },
  });
  const bare = valueOf(
    await engine.start(requestFor(pipelineOf([stage('a'), stage('c', ['a'])])), driveWith()),
  );
  expect(await engine.undo(bare.run_id, driveWith())).toMatchObject({ ok: false });
  expect(valueOf(await engine.state(bare.run_id)).status).toBe('failed');
});

test('stages at the end of a run run again after an undo, and the run can be tried again afterwards', async () => {
  const outcomes: Record<string, CommandOutcome> = { c: exitOne };
  const { deps, executor } = testBench(outcomes);
  const engine = createEngine(deps);
  const pipeline = { ...pipelineOf(STAGES), finally: [stage('clean')] };
  const failed = valueOf(await engine.start(requestFor(pipeline), driveWith()));
  const undone = valueOf(await engine.undo(failed.run_id, driveWith()));
  expect(undone.status).toBe('rolled_back');
  expect(executor.ran.map(({ script }) => script).slice(3)).toEqual(['clean', 'undo b', 'undo a', 'clean']);
  outcomes['c'] = {};
  const choice = { stages: ['a'], downstream: true, failed: false };
  const again = valueOf(await engine.rerun(failed.run_id, choice, driveWith()));
  expect(again.status).toBe('success');
  expect(again.rollback).toBe(undefined);
});
