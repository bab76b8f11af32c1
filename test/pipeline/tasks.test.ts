import { expect, test } from 'vitest';
import { z } from 'zod';
import { valueOf } from '../support/results.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import { failed, ok } from '../../src/core/failure.ts';
import { defineStage } from '../../src/core/stage-kind.ts';
import { stageKinds } from '../../src/stages/index.ts';
import { driveWith, pipelineOf, requestFor, stage, testBench, type TestBench } from '../support/fakes.ts';

/** A kind whose two tasks note that they were done; `broken` makes the second fail. */
function bench(broken = false): { readonly bench: TestBench; readonly done: string[] } {
  const done: string[] = [];
  const work = defineStage({
    kind: 'work',
    summary: 'Two tasks.',
    schema: z.strictObject({}),
    run: async (_config, context) => {
      for (const name of ['first', 'second']) {
        const result = await context.task({
          name,
          text: `does ${name}`,
          work: async () => {
            done.push(`${context.id}.${name}`);
            return broken && name === 'second'
              ? failed({ reason: 'reported', message: 'no', retryable: false })
              : ok({ name });
          },
        });
        if (!result.ok) return result;
      }
      return ok(
        Object.fromEntries(Object.entries(context.recorded).map(([n, { outputs }]) => [n, outputs ?? {}])),
      );
    },
    undo: (_config, context) =>
      context.task({
        name: 'back',
        text: 'undoes',
        work: async () => {
          done.push(`${context.id}.back after ${Object.keys(context.recorded).join(', ')}`);
          return ok({});
        },
      }),
  });
  return { bench: testBench({}, { kinds: { ...stageKinds, work } }), done };
}

test('a task is recorded as a step, with what it found', async () => {
  const { bench: one, done } = bench();
  const definition = pipelineOf([stage('a', [], { uses: 'work', config: {} })]);
  const state = valueOf(await createEngine(one.deps).start(requestFor(definition), driveWith()));
  expect(done).toEqual(['a.first', 'a.second']);
  expect(state.stages['a']?.outputs).toEqual({ first: { name: 'first' }, second: { name: 'second' } });
  expect(state.stages['a']?.steps['first']?.finished).toMatchObject({ outputs: { name: 'first' } });
});

test('after a crash a recorded task is not done again, one that had only begun is', async () => {
  const { bench: one, done } = bench();
  const definition = pipelineOf([stage('a', [], { uses: 'work', config: {} })]);
  const first = valueOf(await createEngine(one.deps).start(requestFor(definition), driveWith()));
  const events = one.store.journals.get(first.run_id) ?? [];
  const cut = events.findIndex((event) => event.type === 'step.started' && event.step === 'second');
  one.store.journals.set(first.run_id, events.slice(0, cut + 1));
  done.length = 0;
  const state = valueOf(await createEngine(one.deps).continue(first.run_id, driveWith()));
  expect(state.status).toBe('success');
  expect(done).toEqual(['a.second']);
});

test('a failed task rolls back: the failing stage first, then those before it in reverse, knowing how far they came', async () => {
  const { bench: one, done } = bench(true);
  const definition = pipelineOf([
    stage('a', [], { uses: 'work', config: {}, on_failure: 'continue' }),
    stage('b', ['a'], { uses: 'work', config: {}, on_failure: 'rollback' }),
  ]);
  const state = valueOf(await createEngine(one.deps).start(requestFor(definition), driveWith()));
  expect(state).toMatchObject({ status: 'rolled_back', exit_code: 5 });
  expect(done).toEqual([
    'a.first',
    'a.second',
    'b.first',
    'b.second',
    'b.back after first, second',
    'a.back after first, second',
  ]);
});

test('what steps are doing is kept as the last look at each, and not in the journal', async () => {
  const counting = defineStage({
    kind: 'counting',
    summary: 'Shows progress.',
    schema: z.strictObject({}),
    run: async (_config, context) => {
      for (const passed of [1, 2, 3]) {
        const counts = { passed, failed: 0, skipped: 0 };
        context.progress([{ name: 'unit', what: 'tests', kind: 'tests', status: 'running', counts }]);
      }
      context.progress([{ name: 'scan', what: 'audit', kind: 'report', status: 'passed', result: 'clean' }]);
      return ok({});
    },
  });
  const { deps, store } = testBench({}, { kinds: { ...stageKinds, counting } });
  const definition = pipelineOf([stage('a', [], { uses: 'counting', config: {} })]);
  const state = valueOf(await createEngine(deps).start(requestFor(definition), driveWith()));
  expect(JSON.parse(store.artifacts.get('a/progress.json') ?? '')).toMatchObject({
    stage: 'a',
    steps: [
      { name: 'unit', counts: { passed: 3 } },
      { name: 'scan', result: 'clean' },
    ],
  });
  expect(JSON.stringify(store.journals.get(state.run_id))).not.toContain('counts');
});
