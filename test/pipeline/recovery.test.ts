import { expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { RunEvent } from '../../src/core/events.ts';
import type { StageDefinition } from '../../src/core/definition.ts';
import {
  driveWith,
  exitOne,
  pipelineOf,
  requestFor,
  stage,
  step,
  testBench,
  type TestBench,
} from '../support/fakes.ts';

/** A finished run whose journal is then cut after the last event that `keep` accepts, as a crash leaves it. */
async function crashed(
  bench: TestBench,
  stages: readonly StageDefinition[],
  last: (event: RunEvent) => boolean,
): Promise<string> {
  const done = valueOf(await createEngine(bench.deps).start(requestFor(pipelineOf(stages)), driveWith()));
  const events = bench.store.journals.get(done.run_id) ?? [];
  const end = events.findLastIndex(last);
  expect(end).toBeGreaterThan(0);
  bench.store.journals.set(done.run_id, events.slice(0, end + 1));
  bench.executor.ran.length = 0;
  return done.run_id;
}

const startOf = (name: string) => (event: RunEvent) => event.type === 'step.started' && event.step === name;

test('a run whose process died shows as interrupted, not as running', async () => {
  const bench = testBench();
  const runId = await crashed(bench, [stage('a')], startOf('a'));
  expect(valueOf(await createEngine(bench.deps).state(runId))).toMatchObject({ status: 'interrupted' });
});

test('a step that ended while nobody watched is adopted, not repeated', async () => {
  const bench = testBench();
  const runId = await crashed(bench, [stage('a'), stage('b', ['a'])], startOf('a'));
  bench.executor.recoveries['a.a@1-1'] = { state: 'finished', outcome: { exitCode: 0 } };
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state.status).toBe('success');
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['b']);
  expect(state.stages['a']?.steps['a']?.finished?.adopted).toBe(true);
});

test('a step that failed while nobody watched fails its stage with its own exit code', async () => {
  const bench = testBench();
  const runId = await crashed(bench, [stage('a')], startOf('a'));
  bench.executor.recoveries['a.a@1-1'] = { state: 'finished', outcome: exitOne };
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state.stages['a']).toMatchObject({
    status: 'failed',
    failure: { reason: 'exit-non-zero', exit_code: 1 },
  });
});

test('a step that never ran runs, under a token of its own', async () => {
  const bench = testBench();
  const runId = await crashed(bench, [stage('a')], startOf('a'));
  valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(bench.executor.ran.map(({ token }) => token)).toEqual(['a.a@1-2']);
});

test('on_interrupt retry runs a lost step again in the same attempt', async () => {
  const bench = testBench();
  const runId = await crashed(bench, [stage('a')], startOf('a'));
  bench.executor.recoveries['a.a@1-1'] = { state: 'lost', detail: 'the machine restarted' };
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state.stages['a']).toMatchObject({ status: 'passed', attempt: 1 });
  expect(bench.executor.ran).toHaveLength(1);
});

test('on_interrupt ask waits for a word about a lost step, and takes it from another terminal', async () => {
  const bench = testBench();
  const runId = await crashed(
    bench,
    [stage('a', [], { on_interrupt: 'ask' }), stage('b', ['a'])],
    startOf('a'),
  );
  bench.executor.recoveries['a.a@1-1'] = { state: 'lost', detail: 'the machine restarted' };
  const engine = createEngine(bench.deps);
  const waiting = valueOf(await engine.continue(runId, driveWith()));
  expect(waiting.status).toBe('waiting');
  expect(bench.executor.ran).toEqual([]);
  valueOf(await engine.answer(runId, 'a', { type: 'approve' }));
  const done = valueOf(await engine.continue(runId, driveWith()));
  expect(done.status).toBe('success');
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['a', 'b']);
});

test('on_interrupt ask with the answer fail fails the stage', async () => {
  const bench = testBench(
    {},
    {
      prompter: {
        confirm: () => Promise.resolve({ answer: 'nobody' }),
        interrupted: () => Promise.resolve('fail'),
      },
    },
  );
  const runId = await crashed(bench, [stage('a', [], { on_interrupt: 'ask' })], startOf('a'));
  bench.executor.recoveries['a.a@1-1'] = { state: 'lost', detail: 'the machine restarted' };
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state.stages['a']).toMatchObject({
    status: 'failed',
    failure: { reason: 'interrupted', step: 'a' },
  });
  expect(state.status).toBe('failed');
});

test('a crash between the back-off and the next attempt goes on with the next attempt', async () => {
  let tries = 0;
  const bench = testBench({ a: () => Promise.resolve(++tries === 1 ? exitOne : {}) });
  const retry = { ...stage('a').retry, max_attempts: 3 };
  const runId = await crashed(bench, [stage('a', [], { retry })], (event) => event.type === 'stage.retried');
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state.stages['a']).toMatchObject({ status: 'passed', attempt: 2, max_attempts: 3 });
});

test('a rollback that a crash cut short goes on where it stood', async () => {
  const bench = testBench({ c: exitOne });
  const undo = (name: string) => ({ rollback: [step(`undo ${name}`)] });
  const stages = [
    stage('a', [], undo('a')),
    stage('b', ['a'], undo('b')),
    stage('c', ['b'], { on_failure: 'rollback' }),
  ];
  const runId = await crashed(
    bench,
    stages,
    (event) => event.type === 'rollback.finished' && event.stage === 'b',
  );
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state).toMatchObject({ status: 'rolled_back', exit_code: 5 });
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['undo a']);
});

test('a nested pipeline is taken up in the middle', async () => {
  const bench = testBench();
  const inner = pipelineOf([stage('one'), stage('two', ['one'])], { name: 'inner' });
  const outer = [stage('outer', [], { uses: 'pipeline', pipeline: inner, config: { params: {} } })];
  const runId = await crashed(
    bench,
    outer,
    (event) => event.type === 'stage.finished' && event.stage === 'outer/one',
  );
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state.status).toBe('success');
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['two']);
});

test('a journal that cannot be written ends the run with the reason, and nothing more starts', async () => {
  const bench = testBench();
  const { store } = bench.deps;
  let writes = 0;
  const { JournalError } = await import('../../src/core/ports.ts');
  const full = new JournalError({ reason: 'state-unwritable', path: '/state', detail: 'no space left' });
  const deps = {
    ...bench.deps,
    store: {
      ...store,
      create: async (runId: string) => {
        const handle = valueOf(await store.create(runId));
        const append = (events: readonly RunEvent[]) =>
          ++writes > 3 ? Promise.reject(full) : handle.journal.append(events);
        return { ok: true as const, value: { ...handle, journal: { append } } };
      },
    },
  };
  const result = await createEngine(deps).start(
    requestFor(pipelineOf([stage('a'), stage('b', ['a'])])),
    driveWith(),
  );
  expect(result).toMatchObject({ ok: false, failure: { reason: 'state-unwritable' } });
  expect(bench.executor.ran).toEqual([]);
});

test('a crash between a failure and its rollback goes on with the rollback, not with another try', async () => {
  const bench = testBench({ b: exitOne });
  const stages = [
    stage('a', [], { rollback: [step('undo a')] }),
    stage('b', ['a'], { on_failure: 'rollback' }),
  ];
  const isFailure = (event: RunEvent) => event.type === 'stage.finished' && event.stage === 'b';
  const runId = await crashed(bench, stages, isFailure);
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state).toMatchObject({ status: 'rolled_back', exit_code: 5 });
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['undo a']);
});

test('a crash among the stages at the end runs none of them twice, however they ended', async () => {
  const bench = testBench({ broken: exitOne, warned: exitOne });
  const engine = createEngine(bench.deps);
  const definition = pipelineOf([stage('a')], {
    finally: [
      stage('good'),
      stage('broken'),
      stage('warned', [], { on_failure: 'continue' }),
      stage('no', [], { if: 'flag' }),
      stage('cut'),
      stage('last'),
    ],
  });
  const done = valueOf(await engine.start(requestFor(definition), driveWith()));
  const events = bench.store.journals.get(done.run_id) ?? [];
  bench.store.journals.set(done.run_id, events.slice(0, events.findIndex(startOf('cut')) + 1));
  bench.executor.ran.length = 0;
  const decided = events.filter(({ type }) => type === 'stage.decided').length;
  const state = valueOf(await engine.continue(done.run_id, driveWith()));
  expect(state.status).toBe(done.status);
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['cut', 'last']);
  const after = bench.store.journals.get(done.run_id) ?? [];
  expect(after.filter(({ type }) => type === 'stage.decided')).toHaveLength(decided);
});

test('a crash between a failure and the end of its run ends the run; the next continue tries again', async () => {
  const bench = testBench({ a: exitOne });
  const isFailure = (event: RunEvent) => event.type === 'stage.finished';
  const runId = await crashed(bench, [stage('a')], isFailure);
  const engine = createEngine(bench.deps);
  expect(valueOf(await engine.continue(runId, driveWith())).status).toBe('failed');
  expect(bench.executor.ran).toEqual([]);
  await engine.continue(runId, driveWith());
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['a']);
});

test('a step that the full disk kept from starting stops the run, which can be continued', async () => {
  let isFull = true;
  const full = { failure: { reason: 'state-unwritable', path: '/state', detail: 'no space left' } } as const;
  const bench = testBench({ a: () => Promise.resolve(isFull ? full : {}) });
  const engine = createEngine(bench.deps);
  const result = await engine.start(requestFor(pipelineOf([stage('a')])), driveWith());
  expect(result).toMatchObject({ ok: false, failure: { reason: 'state-unwritable' } });
  isFull = false;
  const [runId = ''] = bench.store.journals.keys();
  expect(valueOf(await engine.state(runId)).status).toBe('interrupted');
  expect(valueOf(await engine.continue(runId, driveWith())).status).toBe('success');
});
