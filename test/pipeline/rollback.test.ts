import { expect, test } from 'vitest';
import { z } from 'zod';
import { valueOf } from '../support/results.ts';
import { compileCommand } from '../../src/core/template/compile.ts';
import type { StageDefinition } from '../../src/core/definition.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { StopReason } from '../../src/core/engine/stop.ts';
import type { CommandOutcome } from '../../src/core/ports.ts';
import { defineStage } from '../../src/core/stage-kind.ts';
import { stageKinds } from '../../src/stages/index.ts';
import {
  driveWith,
  eventsOf,
  exitOne,
  pipelineOf,
  requestFor,
  stage,
  step,
  testBench,
  type TestBench,
} from '../support/fakes.ts';

/* How a stage is undone: its steps in order, each once, recorded under the stage. */

const UNDO = ['undo 1', 'undo 2', 'undo 3'].map((name) => step(name));
const FIRST = stage('a', [], { rollback: UNDO });
const BROKEN = stage('b', ['a'], { on_failure: 'rollback' });
const STAGES: readonly StageDefinition[] = [FIRST, BROKEN];

const scripts = (bench: TestBench) => bench.executor.ran.map(({ script }) => script);

const undone = (bench: TestBench) =>
  eventsOf(bench, 'step.started')
    .filter(({ step: name }) => name.startsWith('rollback'))
    .map(({ stage: of, step: name, attempt, index, total }) => [of, name, attempt, index, total]);

test('all steps of an undo run in order, recorded under the last attempt of their stage', async () => {
  let tries = 0;
  const bench = testBench({ a: () => Promise.resolve(++tries === 1 ? exitOne : {}), b: exitOne });
  const retried = { ...FIRST, retry: { ...FIRST.retry, max_attempts: 2 } };
  const state = valueOf(
    await createEngine(bench.deps).start(requestFor(pipelineOf([retried, BROKEN])), driveWith()),
  );
  expect(state).toMatchObject({ status: 'rolled_back', stages: { a: { status: 'rolled_back' } } });
  expect(scripts(bench)).toEqual(['a', 'a', 'b', 'undo 1', 'undo 2', 'undo 3']);
  expect(undone(bench)).toEqual([
    ['a', 'rollback: undo 1', 2, 1, 3],
    ['a', 'rollback: undo 2', 2, 2, 3],
    ['a', 'rollback: undo 3', 2, 3, 3],
  ]);
  const [started] = eventsOf(bench, 'rollback.started');
  expect(started).not.toHaveProperty('by');
  // One look at the clock moves it by a millisecond: what took seconds would be wrong.
  const [finished] = eventsOf(bench, 'rollback.finished');
  expect(finished?.duration_ms).toBeLessThan(1000);
  expect(finished).not.toHaveProperty('failure');
});

test('each try of an undo begins at the step that failed, and never repeats one that worked', async () => {
  const outcomes: Record<string, CommandOutcome> = { b: exitOne, 'undo 2': exitOne };
  const bench = testBench(outcomes);
  const engine = createEngine(bench.deps);
  const { run_id: runId } = valueOf(await engine.start(requestFor(pipelineOf(STAGES)), driveWith()));
  expect(scripts(bench).slice(2)).toEqual(['undo 1', 'undo 2']);
  valueOf(await engine.undo(runId, driveWith()));
  outcomes['undo 2'] = {};
  outcomes['undo 3'] = exitOne;
  valueOf(await engine.undo(runId, driveWith()));
  outcomes['undo 3'] = {};
  const state = valueOf(await engine.undo(runId, driveWith()));
  expect(state.status).toBe('rolled_back');
  expect(scripts(bench).slice(4)).toEqual(['undo 2', 'undo 2', 'undo 3', 'undo 3']);
  expect(undone(bench).map(([, name]) => name)).toEqual([
    'rollback: undo 1',
    'rollback: undo 2',
    'rollback 2: undo 2',
    'rollback 3: undo 2',
    'rollback 3: undo 3',
    'rollback 4: undo 3',
  ]);
});

test('an undo may read what its stage gave out', async () => {
  const bench = testBench({ take: { captured: 'id-7' }, b: exitOne });
  const take = step('take', { variable: 'taken' });
  const compiled = compileCommand('give {{.taken}}');
  const give = step('give', compiled.ok ? { command: compiled.value } : {});
  const stages = [
    stage('a', [], { config: JSON.parse(JSON.stringify({ steps: [take] })), rollback: [give] }),
    stage('b', ['a'], { on_failure: 'rollback' }),
  ];
  await createEngine(bench.deps).start(requestFor(pipelineOf(stages)), driveWith());
  const { script, env } = bench.executor.ran.at(-1) ?? {};
  expect(script).toContain('give');
  expect(Object.values(env ?? {})).toContain('id-7');
});

test('an undo that is interrupted is neither done nor failed, and goes on where it was', async () => {
  const stop = new AbortController();
  let times = 0;
  const bench = testBench({
    b: exitOne,
    'undo 2': (signal) =>
      new Promise<CommandOutcome>((resolve) => {
        if (++times > 1) return resolve({});
        signal.addEventListener('abort', () => resolve({ failure: { reason: 'signal', signal: 'SIGTERM' } }));
        stop.abort({ kind: 'interrupt', cause: 'SIGHUP' } satisfies StopReason);
      }),
  });
  const engine = createEngine(bench.deps);
  const stages = [stage('first', [], { rollback: [step('undo first')] }), ...STAGES];
  const state = valueOf(
    await engine.start(requestFor(pipelineOf(stages)), driveWith({ signal: stop.signal })),
  );
  expect(state).toMatchObject({ status: 'interrupted', interrupted_by: 'SIGHUP' });
  expect(eventsOf(bench, 'rollback.finished')).toEqual([]);
  const after = valueOf(await engine.continue(state.run_id, driveWith()));
  expect(after).toMatchObject({ status: 'rolled_back', exit_code: 5 });
  // It is one undo, begun once.
  expect(eventsOf(bench, 'rollback.started')).toHaveLength(1);
  expect(scripts(bench).filter((script) => script.startsWith('undo'))).toEqual([
    'undo 1',
    'undo 2',
    'undo 2',
    'undo 3',
    'undo first',
  ]);
});

test('a kind whose undo throws has failed to undo, with what it threw', async () => {
  const deploy = defineStage({
    kind: 'deploy',
    summary: 'One command; its undo has a bug.',
    schema: z.strictObject({}),
    run: (_config, context) => context.steps([step('deploy')]),
    undo: () => Promise.reject(new Error('a bug')),
  });
  const bench = testBench({ b: exitOne }, { kinds: { ...stageKinds, deploy } });
  const stages = [
    stage('ship', [], { uses: 'deploy', config: {} }),
    stage('b', ['ship'], { on_failure: 'rollback' }),
  ];
  const state = valueOf(await createEngine(bench.deps).start(requestFor(pipelineOf(stages)), driveWith()));
  expect(state).toMatchObject({
    status: 'failed',
    failure: {
      reason: 'rollback-failed',
      stage: 'ship',
      cause: { reason: 'unexpected', message: 'a bug' },
    },
    stages: { ship: { status: 'passed', rollback: { failure: { reason: 'unexpected' } } } },
  });
});

test('a kind is told which try of its attempt it undoes, and a later try does its work anew', async () => {
  let isBroken = true;
  const attempts: number[] = [];
  const deploy = defineStage({
    kind: 'deploy',
    summary: 'One command and a task that takes it back.',
    schema: z.strictObject({}),
    run: (_config, context) => context.steps([step('deploy')]),
    undo: (_config, context) => {
      attempts.push(context.attempt);
      return context.steps([step('look'), step(isBroken ? 'broken' : 'back')]);
    },
  });
  const script = { b: exitOne, broken: exitOne };
  const bench = testBench(script, { kinds: { ...stageKinds, deploy } });
  const stages = [
    stage('ship', [], { uses: 'deploy', config: {} }),
    stage('b', ['ship'], { on_failure: 'rollback' }),
  ];
  const engine = createEngine(bench.deps);
  const { run_id: runId } = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  isBroken = false;
  expect(valueOf(await engine.undo(runId, driveWith())).status).toBe('rolled_back');
  expect(scripts(bench)).toEqual(['deploy', 'b', 'look', 'broken', 'look', 'back']);
  expect(attempts).toEqual([1, 1]);
});
