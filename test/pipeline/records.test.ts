import { expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/quantities.ts';
import { valueOf } from '../support/results.ts';
import type { PipelineDefinition } from '../../src/core/definition.ts';
import { withDeadline } from '../../src/core/engine/deadline.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { EngineDeps } from '../../src/core/engine/api.ts';
import { failed } from '../../src/core/failure.ts';
import type { RunSummary } from '../../src/core/run-index.ts';
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

/* What the engine writes down about runs, what it keeps in the cache, and what it does when the store says no. */

const FULL = failed({ reason: 'state-unwritable', path: '/state', detail: 'no space left' });

const start = (deps: EngineDeps, definition: PipelineDefinition, change = {}) =>
  createEngine(deps).start(requestFor(definition, change), driveWith());

test('the beginning of a run says who began it, with what, and which stages it has', async () => {
  const bench = testBench();
  const definition = pipelineOf([stage('a'), stage('b')]);
  const state = valueOf(
    await start(bench.deps, definition, { commits: ['c1', 'c2'], trigger: 'hook', environment: 'prod' }),
  );
  expect(bench.store.records[0]).toEqual({
    type: 'run.started',
    run_id: state.run_id,
    pipeline: 'demo',
    environment: 'prod',
    trigger: 'hook',
    at: expect.stringMatching(/^2026-/),
    stages: ['a', 'b'],
  });
  expect(eventsOf(bench, 'run.created')).toMatchObject([
    { by: 'ann@desk', trigger: 'hook', commits: ['c1', 'c2'] },
  ]);
  expect(bench.store.records.at(-1)).toMatchObject({
    type: 'run.ended',
    run_id: state.run_id,
    max_consecutive_failures: 3,
    summary: { pipeline_id: state.run_id, status: 'success' },
  });
  expect(bench.store.records.at(-1)).not.toHaveProperty('is_undo');
  expect(eventsOf(bench, 'leftovers.stopped')).toEqual([]);
});

test('the id of a run is asked for with its newest commit', async () => {
  const bench = testBench();
  const asked: unknown[] = [];
  const ids = {
    ...bench.deps.ids,
    runId: (nowMs: number, commit?: string) => {
      asked.push(commit);
      return bench.deps.ids.runId(nowMs);
    },
  };
  await start({ ...bench.deps, ids }, pipelineOf([stage('a')]), { commits: ['old', 'new'] });
  await start({ ...bench.deps, ids }, pipelineOf([stage('a')]));
  expect(asked).toEqual(['new', undefined]);
});

test('a store that cannot begin, record or open a run says so, and lets go of it', async () => {
  const bench = testBench();
  let released = 0;
  const store = (change: Partial<EngineDeps['store']>): EngineDeps => ({
    ...bench.deps,
    store: { ...bench.deps.store, ...change },
  });
  const definition = pipelineOf([stage('a')]);
  const counting: Partial<EngineDeps['store']> = {
    create: async (runId) => {
      const handle = valueOf(await bench.deps.store.create(runId));
      const release = () => {
        released += 1;
        return Promise.resolve();
      };
      return { ok: true, value: { ...handle, release } };
    },
  };
  expect(await start(store({ create: () => Promise.resolve(FULL) }), definition)).toEqual(FULL);
  expect(await start(store({ ...counting, record: () => Promise.resolve(FULL) }), definition)).toEqual(FULL);
  expect(released).toBe(1);
  expect(bench.executor.ran).toEqual([]);
  const done = valueOf(await start(bench.deps, definition));
  const closed = createEngine(
    store({ open: () => Promise.resolve(FULL), read: () => Promise.resolve(FULL) }),
  );
  expect(await closed.continue(done.run_id, driveWith())).toEqual(FULL);
  expect(await closed.undo(done.run_id, driveWith())).toEqual(FULL);
  expect(await closed.planAgain(done.run_id)).toEqual(FULL);
  expect(await closed.state(done.run_id)).toEqual(FULL);
  expect(await closed.cancel(done.run_id)).toEqual(FULL);
  let records = 0;
  const record: EngineDeps['store']['record'] = (one) =>
    ++records > 1 ? Promise.resolve(FULL) : bench.deps.store.record(one);
  // The end of a run is in the journal, but nobody could be told.
  expect(await start(store({ record }), definition)).toEqual(FULL);
});

test('what a selection names must be there, for a plan and for a run', async () => {
  const bench = testBench();
  const request = requestFor(pipelineOf([stage('a')]), { selection: { skip: ['b'], only: [] } });
  const refused = { ok: false, failure: { reason: 'invalid', hint: 'its stages: a' } };
  expect(await createEngine(bench.deps).plan(request)).toMatchObject(refused);
  expect(await createEngine(bench.deps).start(request, driveWith())).toMatchObject(refused);
  expect(bench.store.journals.size).toBe(0);
});

test('a lock that a person has to look at says what it is about', async () => {
  const bench = testBench();
  const lock = {
    pipeline: 'demo',
    environment: 'default',
    consecutive_failures: 1,
    since: 'then',
    run_id: 'r',
  };
  bench.store.locked = [{ ...lock, reason: 'undoing a failed' }];
  const definition = pipelineOf([stage('a')]);
  const failure = {
    reason: 'locked',
    pipeline: 'demo',
    environment: 'default',
    consecutive_failures: 1,
    since: 'then',
  };
  expect(await start(bench.deps, definition)).toEqual(
    failed({ ...failure, reason: 'locked', cause: 'undoing a failed' }),
  );
  bench.store.locked = [lock];
  expect(await start(bench.deps, definition)).toEqual(failed({ ...failure, reason: 'locked' }));
  // An index that cannot be read locks nothing.
  const store = { ...bench.deps.store, index: () => Promise.resolve(FULL) };
  expect(valueOf(await start({ ...bench.deps, store }, definition)).status).toBe('success');
});

test('a waiting run names the stages that wait, in its event and as it is seen later', async () => {
  const bench = testBench();
  const confirmation = { expires_ms: DAY_MS };
  const definition = pipelineOf([
    stage('a'),
    stage('ask1', ['a'], { confirmation }),
    stage('ask2', [], { confirmation: { expires_ms: 60_000 } }),
    stage('end', ['ask1', 'ask2']),
  ]);
  const waiting = valueOf(await start(bench.deps, definition));
  expect(eventsOf(bench, 'run.waiting')).toMatchObject([{ status: 'waiting', stages: ['ask1', 'ask2'] }]);
  const engine = createEngine(bench.deps);
  expect(valueOf(await engine.state(waiting.run_id)).status).toBe('waiting');
  bench.clock.advance(59_000);
  const expiry = eventsOf(bench, 'confirmation.requested').find(
    (event) => event.stage === 'ask2',
  )?.expires_at;
  expect(valueOf(await engine.state(waiting.run_id)).status).toBe('waiting');
  bench.clock.advance(1000);
  const expired = valueOf(await engine.state(waiting.run_id));
  const cause = { reason: 'confirmation-expired', expired_at: expiry };
  expect(expired).toMatchObject({
    status: 'failed',
    failure: { reason: 'stage-failed', stage: 'ask2', cause },
  });
  expect(expired.stages['ask2']).toMatchObject({ status: 'failed', failure: cause });
  expect(expired.stages['ask1']?.status).toBe('waiting');
});

test('cancelling a run that waits ends what waits', async () => {
  const bench = testBench();
  const stop = new AbortController();
  const prompter: EngineDeps['prompter'] = {
    confirm: (_question, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ answer: 'nobody' }));
        stop.abort({ kind: 'cancel', cause: 'SIGINT' });
      }),
    interrupted: () => Promise.resolve('nobody'),
  };
  const definition = pipelineOf([stage('ask', [], { confirmation: { expires_ms: DAY_MS } })]);
  const state = valueOf(
    await createEngine({ ...bench.deps, prompter }).start(
      requestFor(definition),
      driveWith({ signal: stop.signal }),
    ),
  );
  expect(state.status).toBe('cancelled');
  expect(state.stages['ask']).toMatchObject({
    status: 'cancelled',
    attempt: 0,
    failure: { reason: 'cancelled', by: 'SIGINT' },
  });
});

test('the report of failures looks only at runs of its own pipeline and environment', async () => {
  const bench = testBench({ a: exitOne });
  const summary = (id: string, change: Partial<RunSummary>): RunSummary => ({
    pipeline_id: id,
    pipeline: 'demo',
    environment: 'default',
    status: 'failed',
    trigger: '',
    started_at: `at ${id}`,
    stages: [{ name: 'a', status: 'failed' }],
    decisions: [],
    ...change,
  });
  const earlier = [
    summary('other-pipeline', { pipeline: 'x', status: 'success' }),
    summary('other-environment', { environment: 'x', status: 'success' }),
    summary('good', { status: 'warning' }),
    summary('bad', {}),
  ];
  for (const one of earlier) {
    bench.store.records.push({
      type: 'run.ended',
      run_id: one.pipeline_id,
      at: '',
      summary: one,
      max_consecutive_failures: 0,
    });
  }
  bench.store.consecutive = { 'demo\u0000default': 2 };
  await start(bench.deps, pipelineOf([stage('a', [], { on_failure: 'rollback', rollback: [step('undo')] })]));
  // It was rolled back, which is a failure too.
  const report = bench.store.artifacts.get('analysis.md') ?? '';
  expect(report).toContain('Last success: good at at good.');
  expect(report).toMatch(/## The failures before\n\n- bad, failed: a\n\n## Reading/);
  bench.store.artifacts.clear();
  await start(bench.deps, pipelineOf([stage('fine')]));
  expect([...bench.store.artifacts.keys()].filter((name) => name === 'analysis.md')).toEqual([]);
});

const CACHED = (change: object = {}) =>
  pipelineOf([stage('a', [], { cache: { key: ['x', 'y'], ...change } })]);

test('a look into the cache is a decision with its key, its files and the run it came from', async () => {
  const bench = testBench();
  const first = valueOf(await start(bench.deps, CACHED()));
  const missed = first.stages['a']?.decision;
  const key = missed?.evidence[0]?.value;
  expect(missed).toEqual({
    action: 'run',
    rule: 'cache-miss',
    reason: 'no result is stored for these inputs',
    evidence: [
      { name: 'cache.key', value: expect.stringMatching(/^[0-9a-f]{12}$/) },
      { name: 'cache.files', value: 2 },
    ],
    would_flip: 'an unexpired result for the same key',
  });
  const second = valueOf(await start(bench.deps, CACHED()));
  expect(second.stages['a']?.decision).toEqual({
    action: 'reuse',
    rule: 'cache-hit',
    reason: `same inputs as in run ${first.run_id}`,
    evidence: [
      { name: 'cache.key', value: key },
      { name: 'cache.files', value: 2 },
      { name: 'cache.run', value: first.run_id },
    ],
    would_flip: 'a change in x, y, or its expiry',
  });
});

test('a stored result holds for as long as it may, to the millisecond', async () => {
  const bench = testBench();
  const definition = CACHED({ ttl_ms: 1000 });
  await start(bench.deps, definition);
  const [stored] = [...bench.cache.entries()];
  if (!stored) throw new Error('nothing was stored');
  const age = async (ageMs: number) => {
    const at = new Date(bench.clock.nowMs() - ageMs).toISOString();
    bench.cache.set(stored[0], { ...stored[1], stored_at: at });
    const plan = valueOf(await createEngine(bench.deps).plan(requestFor(definition)));
    return plan.stages[0]?.action;
  };
  expect([await age(0), await age(1000), await age(1001), await age(DAY_MS)]).toEqual([
    'reuse',
    'reuse',
    'run',
    'run',
  ]);
  await age(1001);
  const state = valueOf(await start(bench.deps, definition));
  expect(state.stages['a']?.decision?.reason).toBe('the stored result is older than its ttl');
});

test('a failure or a warning is not kept for later', async () => {
  const bench = testBench({ a: exitOne });
  await start(bench.deps, CACHED());
  await start(bench.deps, pipelineOf([stage('a', [], { on_failure: 'continue', cache: { key: ['x'] } })]));
  expect(bench.cache.size).toBe(0);
});

test('work with a limit is told when it is over, and the clock when work is', async () => {
  const failure = { reason: 'timed-out', limit_ms: 5, scope: 'step' } as const;
  const sleeps: {
    readonly ms: number;
    readonly signal: AbortSignal;
    readonly end: (elapsed: boolean) => void;
  }[] = [];
  const clock = {
    ...testBench().clock,
    sleep: (ms: number, signal: AbortSignal) =>
      new Promise<boolean>((resolve) => {
        sleeps.push({ ms, signal, end: resolve });
      }),
  };
  const outer = new AbortController();
  const seen = withDeadline(clock, outer.signal, { limitMs: 5, failure }, async (signal) => {
    sleeps[0]?.end(true);
    await Promise.resolve();
    await Promise.resolve();
    return [signal.aborted, signal.reason];
  });
  expect(await seen).toEqual([true, failure]);
  expect(sleeps[0]).toMatchObject({ ms: 5, signal: { aborted: true } });
  const stopped = withDeadline(clock, outer.signal, { limitMs: 5, failure }, async (signal) => {
    sleeps[1]?.end(false);
    await Promise.resolve();
    const before = signal.aborted;
    outer.abort('stop');
    return [before, signal.reason];
  });
  expect(await stopped).toEqual([false, 'stop']);
  const { signal } = new AbortController();
  expect(
    await withDeadline(clock, signal, { limitMs: undefined, failure }, (own) => Promise.resolve(own)),
  ).toBe(signal);
  const broken = withDeadline(clock, signal, { limitMs: 5, failure }, () =>
    Promise.reject(new Error('work')),
  );
  await expect(broken).rejects.toThrow('work');
  expect(sleeps.at(-1)?.signal.aborted).toBe(true);
});
