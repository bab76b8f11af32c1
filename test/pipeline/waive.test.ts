import { expect, test } from 'vitest';
import { createEngine } from '../../src/core/engine/engine.ts';
import { driveWith, exitOne, pipelineOf, requestFor, stage, testBench } from '../support/fakes.ts';

const choice = { stages: [], downstream: false, failed: true, skip: ['b'] };

test('a failed stage that a person skips is over, and what needs it runs all the same', async () => {
  const { deps, executor } = testBench({ b: exitOne });
  const engine = createEngine(deps);
  const stages = [stage('a'), stage('b', ['a']), stage('c', ['b'])];
  const failed = await engine.start(requestFor(pipelineOf(stages)), driveWith());
  const runId = failed.ok ? failed.value.run_id : '';
  const planned = await engine.planAgain(runId, choice);
  expect(planned.ok && planned.value.stages.map(({ action }) => action)).toEqual(['skip', 'skip', 'run']);
  const after = await engine.rerun(runId, choice, driveWith());
  expect(after).toMatchObject({
    ok: true,
    value: {
      status: 'success',
      stages: { b: { status: 'skipped', decision: { rule: 'skipped-by-person' } }, c: { status: 'passed' } },
    },
  });
  expect(after.ok && after.value.stages['b']?.failure).toBe(undefined);
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'b', 'c']);
});

test('a stage that is not there cannot be skipped', async () => {
  const { deps } = testBench({ a: exitOne });
  const engine = createEngine(deps);
  const failed = await engine.start(requestFor(pipelineOf([stage('a')])), driveWith());
  const runId = failed.ok ? failed.value.run_id : '';
  const refused = await engine.rerun(runId, { ...choice, skip: ['nope'] }, driveWith());
  expect(refused).toMatchObject({ ok: false, failure: { reason: 'invalid' } });
});
