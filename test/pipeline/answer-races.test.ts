import { expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import type { EngineDeps } from '../../src/core/engine/api.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import { failed } from '../../src/core/failure.ts';
import { driveWith, pipelineOf, requestFor, stage, testBench, type TestBench } from '../support/fakes.ts';

/** A run that waits at its stage `ask`. */
async function waitingRun(bench: TestBench, finallyStages = [] as ReturnType<typeof stage>[]) {
  const engine = createEngine(bench.deps);
  const definition = {
    ...pipelineOf([stage('a'), stage('ask', ['a'], { confirmation: { expires_ms: 3_600_000 } })]),
    finally: finallyStages,
  };
  const run = valueOf(await engine.start(requestFor(definition), driveWith()));
  expect(run.status).toBe('waiting');
  return { engine, runId: run.run_id };
}

test('a cancelled run takes no answer', async () => {
  const bench = testBench();
  const { engine, runId } = await waitingRun(bench);
  expect(valueOf(await engine.cancel(runId))).toBe('cancelled');
  expect(await engine.answer(runId, 'ask', { type: 'approve' })).toMatchObject({
    failure: { reason: 'invalid', message: `run ${runId} has already ended: cancelled` },
  });
  const state = valueOf(await engine.state(runId));
  expect(state.stages['ask']?.status).toBe('cancelled');
});

test('cancelling a run that waits runs its finally stages', async () => {
  const bench = testBench();
  const { engine, runId } = await waitingRun(bench, [stage('clean')]);
  expect(valueOf(await engine.cancel(runId))).toBe('cancelled');
  const state = valueOf(await engine.state(runId));
  expect(state).toMatchObject({ status: 'cancelled', exit_code: 130 });
  expect(state.stages['ask']).toMatchObject({ status: 'cancelled', failure: { by: 'ann@desk' } });
  expect(state.stages['clean']?.status).toBe('passed');
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['a', 'clean']);
});

test('whoever answers a moment too late is told what counts, not that the answer was taken', async () => {
  const bench = testBench();
  const { runId } = await waitingRun(bench);
  const { store } = bench;
  // Another command has the run, and writes down its own answer while our request lies in the inbox.
  const taken: EngineDeps['store'] = {
    ...store,
    read: async (id) => {
      const stored = await store.read(id);
      return stored.ok ? { ok: true, value: { ...stored.value, owner: { pid: 2, host: 'desk' } } } : stored;
    },
    follow: async function* follow(id) {
      const first = createEngine(bench.deps);
      const before = store.journals.get(id)?.length ?? 0;
      valueOf(await first.answer(id, 'ask', { type: 'reject' }));
      yield* store.journals.get(id)?.slice(before) ?? [];
    },
  };
  const engine = createEngine({ ...bench.deps, store: taken });
  expect(await engine.answer(runId, 'ask', { type: 'approve' })).toMatchObject({
    failure: { reason: 'invalid', message: 'stage ask was already rejected by ann@desk' },
  });
});

test('an answer waits for a command that holds the run only for a moment', async () => {
  const bench = testBench();
  const { runId } = await waitingRun(bench);
  let looks = 0;
  const busy: EngineDeps['store'] = {
    ...bench.store,
    open: (id) =>
      ++looks < 3
        ? Promise.resolve(failed({ reason: 'run-owned', run_id: id, pid: 2, host: 'desk' }))
        : bench.store.open(id),
  };
  const engine = createEngine({ ...bench.deps, store: busy });
  expect(valueOf(await engine.answer(runId, 'ask', { type: 'approve' }))).toBe('waiting');
  expect(looks).toBe(3);
});
