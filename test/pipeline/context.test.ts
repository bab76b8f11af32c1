import { expect, test } from 'vitest';
import { z } from 'zod';
import { valueOf } from '../support/results.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import { failed, ok, type Result } from '../../src/core/failure.ts';
import type { JsonObject } from '../../src/core/json.ts';
import type { Prompter } from '../../src/core/ports.ts';
import { defineStage, type StageContext } from '../../src/core/stage-kind.ts';
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
} from '../support/fakes.ts';

/* What a stage kind gets from the engine: its steps, artifacts, questions, explanations. */

type Work = (context: StageContext) => Promise<Result<JsonObject>>;

function benchWith(run: Work, undo?: Work, prompter?: Prompter) {
  const work = defineStage({
    kind: 'work',
    summary: 'What a test wants.',
    schema: z.strictObject({}),
    run: (_config, context) => run(context),
    ...(undo && { undo: (_config: object, context: StageContext) => undo(context) }),
  });
  const script = { bad: exitOne, b: exitOne };
  return testBench(script, { kinds: { ...stageKinds, work }, ...(prompter && { prompter }) });
}

const WORK = stage('a', [], { uses: 'work', config: {} });

async function play(bench: ReturnType<typeof benchWith>, stages = [WORK]) {
  return valueOf(await createEngine(bench.deps).start(requestFor(pipelineOf(stages)), driveWith()));
}

test('steps run one after another with their places, and none after one that failed', async () => {
  const bench = benchWith((context) => context.steps([step('one'), step('bad'), step('never')]));
  const state = await play(bench);
  expect(state.stages['a']).toMatchObject({ status: 'failed', failure: { step: 'bad' } });
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['one', 'bad']);
  const places = eventsOf(bench, 'step.started').map(({ index, total }) => [index, total]);
  expect(places).toEqual([
    [1, 3],
    [2, 3],
  ]);
});

test('a single step or task is the first of one; what has begun is known, and what can be read', async () => {
  let begun: readonly string[] = [];
  let read: unknown;
  const bench = benchWith(async (context) => {
    const done = await context.step(step('alone'));
    const task = await context.task({ name: 'look', text: 'looks', work: () => Promise.resolve(ok({})) });
    begun = context.begun;
    read = context.variables['pipeline'];
    return done.failure ? failed(done.failure) : task;
  });
  await play(bench);
  expect(begun).toEqual(['alone', 'look']);
  expect(read).toBe('demo');
  for (const event of eventsOf(bench, 'step.started')) expect(event).toMatchObject({ index: 1, total: 1 });
});

test('artifacts stand below the name of their stage, and evidence joins its decision', async () => {
  const bench = benchWith(async (context) => {
    await context.writeArtifact('report.txt', 'text');
    context.explain({ name: 'files', value: 3 });
    return ok({});
  });
  const state = await play(bench);
  expect(bench.store.artifacts.get('a/report.txt')).toBe('text');
  expect(state.stages['a']?.decision).toMatchObject({
    rule: 'needs-met',
    evidence: [{ name: 'files', value: 3 }],
  });
});

const answering = (answer: Awaited<ReturnType<Prompter['confirm']>>): Prompter => ({
  confirm: () => Promise.resolve(answer),
  interrupted: () => Promise.resolve('nobody'),
});

const asking: Work = async (context) => {
  const asked = await context.confirm('Go on?');
  return asked.ok ? ok({}) : asked;
};

test('a question in the middle that is skipped is a no, and one that is approved goes on', async () => {
  const skipped = await play(benchWith(asking, undefined, answering({ answer: 'skipped' })));
  expect(skipped.stages['a']).toMatchObject({ status: 'failed', failure: { reason: 'rejected' } });
  const bench = benchWith(asking, asking, answering({ answer: 'approved' }));
  const approved = await play(bench);
  expect(approved.stages['a']).toMatchObject({ status: 'passed', attempt: 1, undoable: true });
  // It waited in between, and is running again before it goes on.
  expect(eventsOf(bench, 'stage.started')).toHaveLength(2);
});

test.each([
  [{ answer: 'nobody' }, { reason: 'rejected', by: 'nobody here' }],
  [
    { answer: 'rejected', comment: 'not now' },
    { reason: 'rejected', by: 'ann@desk', comment: 'not now' },
  ],
] as const)('in an undo nobody waits: %j is a no', async (answer, cause) => {
  const done: Work = (context) => context.steps([step('done')]);
  const bench = benchWith(done, asking, answering(answer));
  const state = await play(bench, [WORK, stage('b', ['a'], { on_failure: 'rollback' })]);
  expect(state.failure).toStrictEqual({ reason: 'rollback-failed', stage: 'a', cause });
});

test('in an undo a yes goes on', async () => {
  const done: Work = (context) => context.steps([step('done')]);
  const bench = benchWith(done, asking, answering({ answer: 'approved' }));
  const state = await play(bench, [WORK, stage('b', ['a'], { on_failure: 'rollback' })]);
  expect(state.status).toBe('rolled_back');
});
