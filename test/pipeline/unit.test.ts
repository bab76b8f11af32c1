import { expect, test } from 'vitest';
import { z } from 'zod';
import { valueOf } from '../support/results.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import { failed, ok, type Result } from '../../src/core/failure.ts';
import { defineStage, type StageContext } from '../../src/core/stage-kind.ts';
import { stageKinds } from '../../src/stages/index.ts';
import { driveWith, pipelineOf, requestFor, stage, testBench, type TestBench } from '../support/fakes.ts';

/* What the engine promises a kind that delivers: questions in its middle, settling, and being undone as a unit. */

interface Delivery {
  readonly bench: TestBench;
  readonly done: string[];
}

/** A kind that does `one`, asks, does `two`; `inside` runs in the middle of `two`. */
function delivery(
  inside: (context: StageContext) => Promise<Result<Record<string, never>>> = () => Promise.resolve(ok({})),
  undo?: () => Promise<Result<Record<string, never>>>,
): Delivery {
  const done: string[] = [];
  const note = (context: StageContext, name: string, work = inside) =>
    context.task({
      name,
      text: name,
      work: async () => {
        done.push(name);
        return name === 'two' ? work(context) : ok({});
      },
    });
  const deliver = defineStage({
    kind: 'deliver',
    summary: 'Two tasks and a question.',
    schema: z.strictObject({}),
    run: async (_config, context) => {
      const one = await note(context, 'one');
      if (!one.ok) return one;
      const asked = await context.confirm('Go on?');
      return asked.ok ? note(context, 'two') : asked;
    },
    undo: (_config, context) => undo?.() ?? note(context, 'back'),
    settle: (_config, context) => {
      done.push(`settled ${context.id}`);
      return Promise.resolve();
    },
  });
  return { bench: testBench({}, { kinds: { ...stageKinds, deliver } }), done };
}

const definition = pipelineOf([stage('ship', [], { uses: 'deliver', config: {}, on_failure: 'rollback' })]);

test('a question in the middle waits for another process; what was done before it is not done again', async () => {
  const { bench, done } = delivery();
  const engine = createEngine(bench.deps);
  const waiting = valueOf(await engine.start(requestFor(definition), driveWith()));
  expect(waiting).toMatchObject({ status: 'waiting', stages: { ship: { status: 'waiting' } } });
  expect(done).toEqual(['one']);
  valueOf(await engine.answer(waiting.run_id, 'ship', { type: 'approve' }));
  const state = valueOf(await engine.continue(waiting.run_id, driveWith()));
  expect(state).toMatchObject({ status: 'success', stages: { ship: { status: 'passed', attempt: 1 } } });
  expect(done).toEqual(['one', 'two', 'settled ship']);
});

test('continued before it was answered, the same question waits again', async () => {
  const { bench, done } = delivery();
  const engine = createEngine(bench.deps);
  const first = valueOf(await engine.start(requestFor(definition), driveWith()));
  const second = valueOf(await engine.continue(first.run_id, driveWith()));
  expect(second).toMatchObject({ status: 'waiting', stages: { ship: { status: 'waiting' } } });
  expect(done).toEqual(['one']);
});

test('a no fails the stage, and what it had done is undone and settled', async () => {
  const { bench, done } = delivery();
  const engine = createEngine(bench.deps);
  const waiting = valueOf(await engine.start(requestFor(definition), driveWith()));
  valueOf(await engine.answer(waiting.run_id, 'ship', { type: 'reject' }));
  const state = valueOf(await engine.continue(waiting.run_id, driveWith()));
  expect(state).toMatchObject({ status: 'rolled_back', exit_code: 5 });
  expect(done).toEqual(['one', 'back', 'settled ship']);
});

test('cancelled in the middle by a request, what was done is taken back', async () => {
  const { bench, done } = delivery(async (context) => {
    bench.store.deliver({ type: 'cancel', by: 'ann@desk' });
    await Promise.resolve();
    return context.signal.aborted ? failed({ reason: 'cancelled', by: 'ann@desk' }) : ok({});
  });
  const state = valueOf(
    await createEngine(bench.deps).start(requestFor(definition, { assumeYes: true }), {
      ...driveWith(),
      assumeYes: true,
    }),
  );
  expect(state).toMatchObject({ status: 'rolled_back', exit_code: 5, cancel_requested_by: 'ann@desk' });
  expect(done).toEqual(['one', 'two', 'back', 'settled ship']);
});

test('cancelled while nobody drives it, what was done is taken back and settled', async () => {
  const { bench, done } = delivery();
  const engine = createEngine(bench.deps);
  const waiting = valueOf(await engine.start(requestFor(definition), driveWith()));
  expect(valueOf(await engine.cancel(waiting.run_id))).toBe('rolled_back');
  expect(valueOf(await engine.state(waiting.run_id))).toMatchObject({
    status: 'rolled_back',
    exit_code: 5,
    cancel_requested_by: 'ann@desk',
  });
  expect(done).toEqual(['one', 'back', 'settled ship']);
});

test('an undo that fails locks at once, with its reason', async () => {
  const refuse = (message: string) => () =>
    Promise.resolve(failed({ reason: 'reported', message, retryable: false }));
  const { bench } = delivery(refuse('bad'), refuse('no way back'));
  const state = valueOf(
    await createEngine(bench.deps).start(requestFor(definition), { ...driveWith(), assumeYes: true }),
  );
  expect(state).toMatchObject({ status: 'failed', exit_code: 1 });
  expect(bench.store.records.at(-1)).toMatchObject({ lock_reason: 'undoing ship failed: no way back' });
});
