import { expect, test } from 'vitest';
import { z } from 'zod';
import { valueOf } from '../support/results.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { StopReason } from '../../src/core/engine/stop.ts';
import { undoOf } from '../../src/core/engine/undo.ts';
import { defineStage } from '../../src/core/stage-kind.ts';
import { stageKinds } from '../../src/stages/index.ts';
import {
  driveWith,
  pipelineOf,
  requestFor,
  type Script,
  stage,
  step,
  testBench,
  type TestBench,
} from '../support/fakes.ts';

/* A run that is cancelled when nothing of it is in the middle: what had ended well goes back all the same. */

const deploy = defineStage({
  kind: 'deploy',
  summary: 'One command that can be undone.',
  schema: z.strictObject({}),
  run: (_config, context) => context.steps([step('deploy')]),
  undo: (_config, context) => context.steps([step('take back')]),
});

const benchOf = (script: Script = {}): TestBench => testBench(script, { kinds: { ...stageKinds, deploy } });

const scripts = (bench: TestBench) => bench.executor.ran.map(({ script }) => script);

test('cancelled while a question after the deploy waits, what was deployed is taken back', async () => {
  const bench = benchOf();
  const engine = createEngine(bench.deps);
  const definition = pipelineOf([
    stage('ship', [], { uses: 'deploy', config: {} }),
    stage('ask', ['ship'], { uses: 'approval', config: {} }),
  ]);
  const waiting = valueOf(await engine.start(requestFor(definition), driveWith()));
  expect(waiting).toMatchObject({ status: 'waiting', stages: { ship: { status: 'passed' } } });
  expect(valueOf(await engine.cancel(waiting.run_id))).toBe('rolled_back');
  expect(scripts(bench)).toEqual(['deploy', 'take back']);
  expect(valueOf(await engine.state(waiting.run_id))).toMatchObject({
    rollback: { cause: 'ask', stages: ['ship'], by: 'ann@desk' },
    stages: { ship: { status: 'rolled_back' }, ask: { status: 'cancelled' } },
  });
});

/** Stopped by `reason` in the very moment in which `a` has ended well; `b` never begins. */
async function stoppedAfterA(bench: TestBench, stop: AbortController) {
  const undo = (name: string) => ({ rollback: [step(`undo ${name}`)] });
  const definition = pipelineOf([stage('a', [], undo('a')), stage('b', ['a'], undo('b'))]);
  return valueOf(
    await createEngine(bench.deps).start(requestFor(definition), driveWith({ signal: stop.signal })),
  );
}

const BACK: StopReason = { kind: 'cancel', cause: 'SIGINT', undo: true };

test('cancelled between two stages, the one before is undone', async () => {
  const stop = new AbortController();
  const bench = benchOf({
    a: () => {
      stop.abort(BACK);
      return Promise.resolve({});
    },
  });
  const state = await stoppedAfterA(bench, stop);
  expect(state).toMatchObject({
    status: 'rolled_back',
    exit_code: 5,
    rollback: { cause: 'a', by: 'SIGINT' },
  });
  expect(scripts(bench)).toEqual(['a', 'undo a']);
});

test('cancelled between two stages, a crash in its undo is gone on with, and starts nothing else', async () => {
  const stop = new AbortController();
  const bench = benchOf({
    a: () => {
      stop.abort(BACK);
      return Promise.resolve({});
    },
  });
  const { run_id: runId } = await stoppedAfterA(bench, stop);
  const events = bench.store.journals.get(runId) ?? [];
  const begun = events.findIndex(({ type }) => type === 'rollback.started');
  bench.store.journals.set(runId, events.slice(0, begun + 1));
  const after = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(after).toMatchObject({ status: 'rolled_back', failure: { cause: { reason: 'cancelled' } } });
  expect(scripts(bench)).toEqual(['a', 'undo a', 'undo a']);
});

test('cancelled between two stages without an undo, it can be undone afterwards', async () => {
  const stop = new AbortController();
  const bench = benchOf({
    a: () => {
      stop.abort({ kind: 'cancel', cause: 'SIGINT' } satisfies StopReason);
      return Promise.resolve({});
    },
  });
  const state = await stoppedAfterA(bench, stop);
  expect(state.status).toBe('cancelled');
  expect(undoOf(state)).toEqual({ ok: true, value: { cause: 'a', stages: ['a'] } });
  const undone = valueOf(await createEngine(bench.deps).undo(state.run_id, driveWith()));
  expect(undone.status).toBe('rolled_back');
  expect(scripts(bench)).toEqual(['a', 'undo a']);
});
