import { expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import type { Plan, PlannedStage, StartRequest } from '../../src/core/engine/api.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import { inOrder } from '../../src/core/engine/plan.ts';
import type { StageDefinition } from '../../src/core/definition.ts';
import { driveWith, exitOne, pipelineOf, requestFor, stage, step, testBench } from '../support/fakes.ts';

/* What a plan says before anything runs: the same rules as a run, with the stages before assumed to pass. */

async function planOf(
  stages: readonly StageDefinition[],
  change: Partial<StartRequest> = {},
  bench = testBench(),
): Promise<readonly PlannedStage[]> {
  return valueOf(await createEngine(bench.deps).plan(requestFor(pipelineOf(stages), change))).stages;
}

const actions = (stages: readonly PlannedStage[]) =>
  Object.fromEntries(stages.map(({ stage: name, action }) => [name, action]));

const nested = (name: string, inner: readonly StageDefinition[], change: Partial<StageDefinition> = {}) =>
  stage(name, [], {
    uses: 'pipeline',
    pipeline: pipelineOf(inner, { name: 'inner' }),
    config: { params: {} },
    ...change,
  });

test('a planned stage says everything that is known of it', async () => {
  const retry = { ...stage('b').retry, max_attempts: 4 };
  const steps = [step('one'), step('two', { context: 'prod' })];
  const [, planned] = await planOf([
    stage('a'),
    stage('b', ['a'], {
      retry,
      timeout_ms: 5000,
      confirmation: { expires_ms: 1000 },
      config: JSON.parse(JSON.stringify({ steps })),
    }),
  ]);
  expect(planned).toEqual({
    stage: 'b',
    kind: 'shell',
    action: 'run',
    decision: {
      action: 'run',
      rule: 'needs-met',
      reason: 'its needs are met: a',
      evidence: [{ name: 'stages.a.status', value: 'passed' }],
      would_flip: 'a ending as anything but passed or warning',
    },
    needs: { a: ['passed', 'warning'] },
    confirms: true,
    max_attempts: 4,
    timeout_ms: 5000,
    steps: [
      { name: 'one', command: 'one', context: 'local' },
      { name: 'two', command: 'two', context: 'prod' },
    ],
    finally: false,
  });
});

test('a stage confirms because it says so, or because its kind always asks', async () => {
  const planned = await planOf([stage('a'), stage('ask', [], { uses: 'approval', config: {} })]);
  expect(planned.map(({ confirms }) => confirms)).toEqual([false, true]);
  expect(planned[0]).not.toHaveProperty('timeout_ms');
});

test('stages at the end are planned last, each by its own switch and not by the outcome', async () => {
  const definition = pipelineOf([stage('a')], {
    finally: [stage('clean'), stage('off', [], { enabled: false })],
  });
  const { stages } = valueOf(await createEngine(testBench().deps).plan(requestFor(definition)));
  expect(stages.map((one) => [one.stage, one.action, one.finally])).toEqual([
    ['a', 'run', false],
    ['clean', 'run', true],
    ['off', 'skip', true],
  ]);
  expect(stages[1]?.decision).toEqual({
    action: 'run',
    rule: 'finally',
    reason: 'it runs at the end, whatever the outcome was',
    evidence: [],
  });
});

test('a condition that cannot be evaluated is the failure of the plan, also inside another pipeline', async () => {
  const engine = createEngine(testBench().deps);
  const bad = stage('b', [], { if: 'bad' });
  const failure = { ok: false, failure: { reason: 'condition-invalid' } };
  // `bad` counts as known only where a parameter has that name.
  const params = { bad: 1 };
  expect(await engine.plan(requestFor(pipelineOf([bad]), { params }))).toMatchObject(failure);
  const failing = testBench();
  const conditions = { ...failing.deps.conditions, reads: () => [] };
  const inside = requestFor(pipelineOf([nested('outer', [bad])]));
  expect(await createEngine({ ...failing.deps, conditions }).plan(inside)).toMatchObject(failure);
});

test('a condition on what a run finds out makes the stage a maybe, and what needs it as well', async () => {
  const planned = await planOf([
    stage('a'),
    stage('b', ['a'], { if: 'later' }),
    stage('x', [], { if: 'later' }),
    stage('c', ['b', 'a', 'x']),
  ]);
  expect(actions(planned)).toEqual({ a: 'run', b: 'maybe', x: 'maybe', c: 'maybe' });
  expect(planned[1]?.decision).toEqual({
    action: 'run',
    rule: 'depends',
    reason: 'if: later reads what earlier stages find out',
    evidence: [{ name: 'if', value: 'later' }],
  });
  expect(planned[3]?.decision).toEqual({
    action: 'run',
    rule: 'depends',
    reason: 'it depends on whether b, x runs',
    evidence: [
      { name: 'b', value: null },
      { name: 'x', value: null },
    ],
  });
});

test('a condition on outputs of stages is a maybe even where a parameter is known', async () => {
  const planned = await planOf([stage('a', [], { if: 'stages' })], { params: { flag: true } });
  expect(actions(planned)).toEqual({ a: 'maybe' });
});

test('a stage that is planned to be skipped counts as skipped for those that accept it', async () => {
  const planned = await planOf(
    [
      stage('a', [], { if: 'flag' }),
      stage('b', ['a']),
      stage('c', [], { needs: { a: ['skipped'], b: ['skipped'] } }),
    ],
    { params: { flag: false } },
  );
  expect(actions(planned)).toEqual({ a: 'skip', b: 'skip', c: 'run' });
});

test('a pipeline inside is planned under its stage; --skip and --only name stages of the outermost alone', async () => {
  const stages = [nested('outer', [stage('one'), stage('two', ['one'])]), stage('two')];
  const all = await planOf(stages, { selection: { skip: ['two'], only: [] } });
  expect(all.map((one) => [one.stage, one.action])).toEqual([
    ['outer', 'run'],
    ['outer/one', 'run'],
    ['outer/two', 'run'],
    ['two', 'skip'],
  ]);
  const deep = await planOf([nested('outer', [nested('mid', [stage('one')])])]);
  expect(deep.map(({ stage: name }) => name)).toEqual(['outer', 'outer/mid', 'outer/mid/one']);
});

test('inside a pipeline with parameters of its own a condition is open until it runs', async () => {
  const inner = [stage('one', [], { if: 'environment' })];
  expect(actions(await planOf([nested('outer', inner)]))).toEqual({ outer: 'run', 'outer/one': 'skip' });
  const params = { x: { type: 'string' as const, required: false } };
  const outer = nested('outer', [], { pipeline: pipelineOf(inner, { name: 'inner', params }) });
  expect(actions(await planOf([outer]))).toEqual({ outer: 'run', 'outer/one': 'maybe' });
});

test('a stored result is planned as a reuse, with its key, and what a reused pipeline would run is left out', async () => {
  const bench = testBench();
  const engine = createEngine(bench.deps);
  const stages = [stage('a', [], { cache: { key: ['src/**'] } }), stage('b', ['a'])];
  const before = await planOf(stages, {}, bench);
  expect(actions(before)).toEqual({ a: 'run', b: 'run' });
  expect(before[0]?.decision.rule).toBe('needs-met');
  await engine.start(requestFor(pipelineOf(stages)), driveWith());
  const [reused] = await planOf(stages, {}, bench);
  expect(reused).toMatchObject({ action: 'reuse', decision: { action: 'reuse', rule: 'cache-hit' } });
  expect(reused?.decision.evidence).toEqual([
    { name: 'cache.key', value: expect.stringMatching(/^[0-9a-f]{12}$/) },
  ]);
  const outer = nested('outer', [stage('one')], { cache: { key: ['src/**'] } });
  await engine.start(requestFor(pipelineOf([outer])), driveWith());
  expect(actions(await planOf([outer], {}, bench))).toEqual({ outer: 'reuse' });
});

test('a rerun plans the chosen stage to run, whatever the cache holds; the others have ended', async () => {
  const bench = testBench();
  const engine = createEngine(bench.deps);
  const definition = pipelineOf([stage('z'), stage('a', ['z'], { cache: { key: ['src/**'] } })]);
  const { run_id: runId } = valueOf(await engine.start(requestFor(definition), driveWith()));
  const choice = { stages: ['a'], downstream: false, failed: false };
  const plan = valueOf(await engine.planAgain(runId, choice));
  expect(actions(plan.stages)).toEqual({ z: 'skip', a: 'run' });
  expect(plan.stages[0]?.decision).toEqual({
    action: 'skip',
    rule: 'already-ended',
    reason: 'it already ended as passed in this run',
    evidence: [{ name: 'stages.z.status', value: 'passed' }],
    would_flip: 'rerun z',
  });
});

test('a stage that ended with a warning or was skipped is not planned again, a failed one is', async () => {
  const bench = testBench({ w: exitOne, f: exitOne });
  const engine = createEngine(bench.deps);
  const stages = [
    stage('w', [], { on_failure: 'continue' }),
    stage('s', [], { if: 'flag' }),
    stage('f', ['w']),
    stage('after', [], { needs: { w: ['warning'], s: ['skipped'], f: ['passed'] } }),
  ];
  const { run_id: runId } = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  const plan = valueOf(await engine.planAgain(runId));
  expect(actions(plan.stages)).toEqual({ w: 'skip', s: 'skip', f: 'run', after: 'run' });
  expect(plan.stages.map(({ decision }) => decision.rule)).toEqual([
    'already-ended',
    'already-ended',
    'needs-met',
    'needs-met',
  ]);
});

test('the hash of a plan changes with everything that decides what a run does, and with nothing else', async () => {
  const { deps } = testBench();
  const hashOf = async (change: Partial<StartRequest>, name = 'a'): Promise<string> =>
    valueOf(await createEngine(deps).plan(requestFor(pipelineOf([stage(name)]), change))).plan_hash;
  const settings = requestFor(pipelineOf([])).settings;
  const different: readonly Partial<StartRequest>[] = [
    { params: { v: 1 } },
    { environment: 'production' },
    { commits: ['c'.repeat(40)] },
    { selection: { skip: [], only: ['a'] } },
    { settings: { ...settings, project: 'another' } },
  ];
  const hashes = [await hashOf({}), await hashOf({}, 'b')];
  for (const change of different) hashes.push(await hashOf(change));
  expect(new Set(hashes).size).toBe(different.length + 2);
  for (const change of [{ trigger: 'hook' }, { assumeYes: true }, { project: '/elsewhere' }]) {
    expect(await hashOf(change)).toBe(hashes[0]);
  }
});

test('a plan of a locked pipeline says who locked it; of another environment, nothing', async () => {
  const { deps, store } = testBench();
  const lock = {
    pipeline: 'demo',
    environment: 'default',
    consecutive_failures: 3,
    since: '2026-01-01T00:00:00Z',
    run_id: 'r',
  };
  store.locked = [{ ...lock, pipeline: 'another' }, lock];
  const planOfLocked = async (environment: string): Promise<Plan> =>
    valueOf(await createEngine(deps).plan(requestFor(pipelineOf([stage('a')]), { environment })));
  expect((await planOfLocked('default')).locked).toEqual(lock);
  expect(await planOfLocked('staging')).not.toHaveProperty('locked');
});

test('stages are planned after what they need, otherwise as written; a circle ends', () => {
  const namesOf = (stages: readonly StageDefinition[]) => inOrder(pipelineOf(stages)).map(({ name }) => name);
  expect(namesOf([stage('d', ['c', 'b']), stage('a'), stage('c', ['a']), stage('b')])).toEqual([
    'a',
    'c',
    'b',
    'd',
  ]);
  expect(namesOf([stage('a', ['b']), stage('b', ['a', 'nowhere'])])).toEqual(['b', 'a']);
});
