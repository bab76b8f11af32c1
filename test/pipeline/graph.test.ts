import { expect, test } from 'vitest';
import type { PipelineDefinition, StageDefinition } from '../../src/core/definition.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import { failed, ok } from '../../src/core/failure.ts';
import { defineStage } from '../../src/core/stage-kind.ts';
import type { RunState } from '../../src/core/run-state.ts';
import { stageKinds } from '../../src/stages/index.ts';
import { z } from 'zod';
import { valueOf } from '../support/results.ts';
import {
  driveWith,
  exitOne,
  pipelineOf,
  requestFor,
  stage,
  testBench,
  type TestBench,
} from '../support/fakes.ts';

/* Which stages run, in which order, and what ends them: stages at the end, conditions, pipelines inside. */

async function runOf(bench: TestBench, definition: PipelineDefinition, params = {}): Promise<RunState> {
  return valueOf(await createEngine(bench.deps).start(requestFor(definition, { params }), driveWith()));
}

const statuses = (state: RunState) =>
  Object.fromEntries(Object.values(state.stages).map(({ name, status }) => [name, status]));

const scripts = (bench: TestBench) => bench.executor.ran.map(({ script }) => script);

const nested = (name: string, inner: PipelineDefinition, change: Partial<StageDefinition> = {}) =>
  stage(name, [], { uses: 'pipeline', pipeline: inner, config: { params: {} }, ...change });

test('stages at the end run in order after a failure, each by its own condition', async () => {
  const bench = testBench({ a: exitOne });
  const state = await runOf(
    bench,
    pipelineOf([stage('a')], {
      finally: [
        stage('off', [], { enabled: false }),
        stage('no', [], { if: 'flag' }),
        stage('yes', [], { if: 'on' }),
        stage('last'),
      ],
    }),
    { flag: false, on: true },
  );
  expect(state.status).toBe('failed');
  expect(statuses(state)).toEqual({
    a: 'failed',
    off: 'pending',
    no: 'skipped',
    yes: 'passed',
    last: 'passed',
  });
  expect(scripts(bench)).toEqual(['a', 'yes', 'last']);
  expect(state.stages['no']?.decision).toEqual({
    action: 'skip',
    rule: 'condition-false',
    reason: 'if: flag is false',
    evidence: [],
  });
  expect(state.stages['last']?.decision).toEqual({
    action: 'run',
    rule: 'finally',
    reason: 'it runs at the end, whatever the outcome was',
    evidence: [],
  });
});

test('a stage at the end whose condition cannot be evaluated fails, and the next one runs', async () => {
  const bench = testBench();
  const state = await runOf(
    bench,
    pipelineOf([stage('a')], { finally: [stage('odd', [], { if: 'bad' }), stage('last')] }),
  );
  expect(statuses(state)).toEqual({ a: 'passed', odd: 'failed', last: 'passed' });
  expect(state.stages['odd']?.failure).toMatchObject({ reason: 'condition-invalid', expression: 'bad' });
  // The work is done; only what cleans up after it is not.
  expect(state.status).toBe('warning');
});

test('a condition that cannot be evaluated fails its stage, and with it the run', async () => {
  const bench = testBench();
  const state = await runOf(bench, pipelineOf([stage('a', [], { if: 'bad' }), stage('b', ['a'])]));
  expect(statuses(state)).toEqual({ a: 'failed', b: 'pending' });
  expect(state.failure).toMatchObject({
    reason: 'stage-failed',
    stage: 'a',
    cause: { reason: 'condition-invalid' },
  });
  expect(scripts(bench)).toEqual([]);
});

const nothing = defineStage({
  kind: 'nothing',
  summary: 'Does nothing.',
  schema: z.strictObject({}),
  run: () => Promise.resolve(ok({})),
});

test('a stage of a kind that is not there fails and names the kinds that are', async () => {
  const bench = testBench({}, { kinds: { one: nothing, two: nothing } });
  const state = await runOf(bench, pipelineOf([stage('a', [], { uses: 'teleport' })]));
  expect(state.stages['a']).toMatchObject({
    status: 'failed',
    failure: {
      reason: 'invalid',
      message: 'this Pipewright has no stage kind "teleport"; known: one, two',
    },
  });
});

test('stages may stand before what they need', async () => {
  const bench = testBench();
  const state = await runOf(
    bench,
    pipelineOf([
      stage('c', ['b']),
      stage('b', [], { needs: { a: ['skipped'] } }),
      stage('a', [], { if: 'flag' }),
    ]),
    { flag: false },
  );
  expect(statuses(state)).toEqual({ c: 'passed', b: 'passed', a: 'skipped' });
  expect(scripts(bench)).toEqual(['b', 'c']);
});

test('after a failure only stages written to follow it run, and not before it has happened', async () => {
  const bench = testBench({ a: exitOne });
  const state = await runOf(
    bench,
    pipelineOf([
      stage('a'),
      stage('other'),
      stage('after', ['other']),
      stage('both', [], { needs: { other: ['passed', 'failed'], a: ['failed'] } }),
      stage('if-other-fails', [], { needs: { other: ['failed'] } }),
    ]),
  );
  // `other` had begun before the failure and ends; `after` would be new work.
  expect(statuses(state)).toEqual({
    a: 'failed',
    other: 'passed',
    after: 'pending',
    both: 'passed',
    'if-other-fails': 'pending',
  });
});

test('a pipeline inside gives the outputs of its stages to the stage around it, and ends with its own clean-up', async () => {
  const give = defineStage({
    kind: 'give',
    summary: 'Gives its name.',
    schema: z.strictObject({}),
    run: (_config, { id }) => Promise.resolve(ok({ from: id })),
  });
  const bench = testBench({}, { kinds: { ...stageKinds, give } });
  const inner = pipelineOf(
    [stage('one', [], { uses: 'give', config: {} }), stage('off', [], { enabled: false })],
    { name: 'inner', finally: [stage('tidy')] },
  );
  const state = await runOf(bench, pipelineOf([nested('outer', inner), stage('tidy', ['outer'])]));
  expect(state.stages['outer']?.outputs).toEqual({ one: { from: 'outer/one' }, off: {} });
  expect(statuses(state)).toEqual({
    outer: 'passed',
    'outer/one': 'passed',
    'outer/off': 'skipped',
    'outer/tidy': 'passed',
    tidy: 'passed',
  });
});

test.each([
  ['fails', undefined, 'passed'],
  ['is cancelled', 'cancel', 'passed'],
  // It is not over: what belongs to its end comes when it is.
  ['is interrupted', 'interrupt', 'pending'],
])('a pipeline inside that %s cleans up when it is over', async (_, kind, expected) => {
  const stop = new AbortController();
  const bench = testBench({
    one: (signal) =>
      new Promise((resolve) => {
        if (kind === undefined) return resolve(exitOne);
        signal.addEventListener('abort', () => resolve({ failure: { reason: 'signal', signal: 'SIGTERM' } }));
        stop.abort({ kind, cause: 'SIGINT' });
      }),
  });
  const inner = pipelineOf([stage('one')], { name: 'inner', finally: [stage('tidy')] });
  const state = valueOf(
    await createEngine(bench.deps).start(
      requestFor(pipelineOf([nested('outer', inner)])),
      driveWith({ signal: stop.signal }),
    ),
  );
  expect(state.stages['outer/tidy']?.status).toBe(expected);
});

test('--skip names stages of the outermost pipeline, not those of one inside', async () => {
  const bench = testBench();
  const inner = pipelineOf([stage('same')], { name: 'inner' });
  const request = requestFor(pipelineOf([nested('outer', inner), stage('same')]), {
    selection: { skip: ['same'], only: [] },
  });
  const state = valueOf(await createEngine(bench.deps).start(request, driveWith()));
  expect(statuses(state)).toEqual({ outer: 'passed', 'outer/same': 'passed', same: 'skipped' });
});

test('an answer wakes only the stage that it is for', async () => {
  const release = Promise.withResolvers<object>();
  const bench = testBench({ slow: () => release.promise });
  const inner = pipelineOf([stage('ask', [], { confirmation: { expires_ms: 86_400_000 } })], {
    name: 'inner',
  });
  const asked: { readonly stage: string; readonly plan_hash: string }[] = [];
  const observers = [
    (event: { readonly type: string }) => {
      if (event.type === 'confirmation.requested' && 'plan_hash' in event && 'stage' in event)
        asked.push({ stage: String(event.stage), plan_hash: String(event.plan_hash) });
    },
  ];
  const definition = pipelineOf([
    stage('slow'),
    nested('outer', inner),
    stage('outer2', [], { confirmation: { expires_ms: 86_400_000 } }),
    stage('end', ['outer', 'outer2', 'slow']),
  ]);
  const running = createEngine(bench.deps).start(requestFor(definition), driveWith({ observers }));
  await expect.poll(() => asked.map((one) => one.stage)).toEqual(['outer2', 'outer/ask']);
  const events = () => [...bench.store.journals.values()][0] ?? [];
  bench.store.deliver({
    type: 'approve',
    stage: 'outer/ask',
    by: 'bob@hut',
    plan_hash: asked[0]?.plan_hash ?? '',
  });
  await expect
    .poll(() => events().some((event) => event.type === 'stage.finished' && event.stage === 'outer'))
    .toBe(true);
  // Asked once: the other one was not started a second time.
  expect(asked.map((one) => one.stage)).toEqual(['outer2', 'outer/ask']);
  release.resolve({});
  const state = valueOf(await running);
  expect(state.status).toBe('waiting');
  expect(statuses(state)).toEqual({
    slow: 'passed',
    outer: 'passed',
    'outer/ask': 'passed',
    outer2: 'waiting',
    end: 'pending',
  });
});

test('a bug in the engine ends the run loudly when what runs beside it has ended, and starts nothing new', async () => {
  const bench = testBench();
  const boom = {
    ...bench.deps.cache,
    get: () => Promise.reject(new Error('a bug in the cache')),
  };
  const deps = { ...bench.deps, cache: boom };
  const definition = pipelineOf([stage('a', [], { cache: { key: ['x'] } }), stage('b'), stage('c', ['b'])]);
  await expect(createEngine(deps).start(requestFor(definition), driveWith())).rejects.toThrow(
    'a bug in the cache',
  );
  expect(scripts(bench)).not.toContain('c');
});

test('a failure inside a pipeline that may heal is tried again as a whole, one that cannot is not', async () => {
  const retry = { ...stage('x').retry, max_attempts: 3 };
  const verdicts: string[] = [];
  const judge = defineStage({
    kind: 'judge',
    summary: 'Says no.',
    schema: z.strictObject({ retryable: z.boolean() }),
    run: ({ retryable }, { id }) => {
      verdicts.push(id);
      return Promise.resolve(failed({ reason: 'reported', message: 'no', retryable }));
    },
  });
  const play = async (retryable: boolean, depth: number): Promise<number> => {
    verdicts.length = 0;
    let stages = [stage('judge', [], { uses: 'judge', config: { retryable } })];
    for (let level = 1; level < depth; level += 1) {
      stages = [nested('mid', pipelineOf(stages, { name: 'mid' }))];
    }
    const bench = testBench({}, { kinds: { ...stageKinds, judge } });
    await runOf(bench, pipelineOf([nested('outer', pipelineOf(stages, { name: 'inner' }), { retry })]));
    return verdicts.length;
  };
  expect(await play(true, 1)).toBe(3);
  expect(await play(false, 1)).toBe(1);
  expect(await play(true, 2)).toBe(3);
  expect(await play(false, 2)).toBe(1);
});
