import { expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import { EMPTY_INDEX, foldIndex, toStateIndex } from '../../src/core/fold-index.ts';
import { failureOfAbort } from '../../src/core/engine/stop.ts';
import type { RunState } from '../../src/core/run-state.ts';
import { driveWith, exitOne, pipelineOf, requestFor, stage, step, testBench } from '../support/fakes.ts';

const statuses = (state: RunState) =>
  Object.fromEntries(Object.values(state.stages).map(({ name, status }) => [name, status]));

test('a pipeline whose stages pass ends as success, in order', async () => {
  const { deps, executor } = testBench();
  const engine = createEngine(deps);
  const state = valueOf(
    await engine.start(requestFor(pipelineOf([stage('a'), stage('b', ['a'])])), driveWith()),
  );
  expect(state.status).toBe('success');
  expect(statuses(state)).toEqual({ a: 'passed', b: 'passed' });
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'b']);
});

test('a failed stage fails the run and leaves later stages pending', async () => {
  const { deps, store } = testBench({ a: exitOne });
  const engine = createEngine(deps);
  const state = valueOf(
    await engine.start(requestFor(pipelineOf([stage('a'), stage('b', ['a'])])), driveWith()),
  );
  expect(state).toMatchObject({ status: 'failed', exit_code: 1 });
  expect(statuses(state)).toEqual({ a: 'failed', b: 'pending' });
  expect(store.journals.get(state.run_id)?.at(-1)?.type).toBe('run.finished');
  expect(state.stages['a']?.failure).toMatchObject({
    reason: 'exit-non-zero',
    step: 'a',
    tail: ['last line'],
  });
});

test('continue runs what failed and what is open, and nothing twice', async () => {
  let broken = true;
  const { deps, executor } = testBench({ b: () => Promise.resolve(broken ? exitOne : {}) });
  const engine = createEngine(deps);
  const stages = [stage('a'), stage('b', ['a']), stage('c', ['b'])];
  const first = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  broken = false;
  const second = valueOf(await engine.continue(first.run_id, driveWith()));
  expect(second.status).toBe('success');
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'b', 'b', 'c']);
  expect(second.stages['b']).toMatchObject({ attempt: 2, attempts: [{ attempt: 1 }] });
});

test('a condition that is false skips its stage with the values read, and the skip spreads', async () => {
  const { deps } = testBench();
  const engine = createEngine(deps);
  const stages = [stage('a', [], { if: 'flag' }), stage('b', ['a'])];
  const state = valueOf(
    await engine.start(requestFor(pipelineOf(stages), { params: { flag: false } }), driveWith()),
  );
  expect(statuses(state)).toEqual({ a: 'skipped', b: 'skipped' });
  expect(state.stages['a']?.decision).toMatchObject({
    rule: 'condition-false',
    evidence: [{ name: 'flag', value: false }],
  });
  expect(state.stages['b']?.decision).toMatchObject({
    rule: 'need-unmet',
    would_flip: 'a ending as passed or warning',
  });
  expect(state.status).toBe('success');
});

test('a need that accepts skipped lets its stage run', async () => {
  const { deps } = testBench();
  const stages = [stage('a', [], { if: 'flag' }), stage('b', [], { needs: { a: ['passed', 'skipped'] } })];
  const state = valueOf(await createEngine(deps).start(requestFor(pipelineOf(stages)), driveWith()));
  expect(statuses(state)).toEqual({ a: 'skipped', b: 'passed' });
});

test('a stage left out by name passes its own needs on to those that need it', async () => {
  const { deps, executor } = testBench();
  const stages = [stage('a'), stage('b', ['a']), stage('c', ['b'])];
  const request = requestFor(pipelineOf(stages), { selection: { skip: ['b'], only: [] } });
  const state = valueOf(await createEngine(deps).start(request, driveWith()));
  expect(statuses(state)).toEqual({ a: 'passed', b: 'skipped', c: 'passed' });
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'c']);
});

test('retry counts total attempts and waits between them', async () => {
  let tries = 0;
  const { deps } = testBench({ a: () => Promise.resolve(++tries < 3 ? exitOne : {}) });
  const retry = { ...stage('a').retry, max_attempts: 3 };
  const state = valueOf(
    await createEngine(deps).start(requestFor(pipelineOf([stage('a', [], { retry })])), driveWith()),
  );
  expect(state.stages['a']).toMatchObject({ status: 'passed', attempt: 3, max_attempts: 3 });
  expect(state.stages['a']?.wait_ms).toBeGreaterThanOrEqual(2000);
});

test('a missing command is never tried again', async () => {
  const { deps, executor } = testBench({ a: { exitCode: 127, failure: { reason: 'command-not-found' } } });
  const retry = { ...stage('a').retry, max_attempts: 3 };
  const state = valueOf(
    await createEngine(deps).start(requestFor(pipelineOf([stage('a', [], { retry })])), driveWith()),
  );
  expect(state.status).toBe('failed');
  expect(executor.ran).toHaveLength(1);
});

test('on_failure continue makes the failure a warning and goes on', async () => {
  const { deps } = testBench({ a: exitOne });
  const stages = [stage('a', [], { on_failure: 'continue' }), stage('b', ['a'])];
  const state = valueOf(await createEngine(deps).start(requestFor(pipelineOf(stages)), driveWith()));
  expect(state).toMatchObject({ status: 'warning', exit_code: 0 });
  expect(statuses(state)).toEqual({ a: 'warning', b: 'passed' });
});

test('on_failure rollback undoes in reverse order of completion and ends as rolled back', async () => {
  const { deps, executor, store } = testBench({ c: exitOne });
  const undo = (name: string) => ({ rollback: [step(`undo ${name}`)] });
  const stages = [
    stage('a', [], undo('a')),
    stage('b', ['a'], undo('b')),
    stage('c', ['b'], { ...undo('c'), on_failure: 'rollback' }),
  ];
  const state = valueOf(await createEngine(deps).start(requestFor(pipelineOf(stages)), driveWith()));
  expect(state).toMatchObject({ status: 'rolled_back', exit_code: 5 });
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'b', 'c', 'undo c', 'undo b', 'undo a']);
  expect(statuses(state)).toEqual({ a: 'rolled_back', b: 'rolled_back', c: 'rolled_back' });
  // All were undone, one of them had failed: that one counts as a failure.
  const { stats } = toStateIndex(foldIndex(EMPTY_INDEX, store.records));
  const failures = Object.entries(stats.per_stage).map(([name, counted]) => [name, counted.failures]);
  expect(failures).toEqual([
    ['a', 0],
    ['b', 0],
    ['c', 1],
  ]);
});

test('a confirmation that nobody can answer leaves the run waiting; approve and continue finish it', async () => {
  const { deps, executor, clock } = testBench();
  const engine = createEngine(deps);
  const stages = [stage('a'), stage('b', ['a'], { confirmation: { expires_ms: 86_400_000 } })];
  const waiting = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  expect(waiting.status).toBe('waiting');
  expect(executor.ran.map(({ script }) => script)).toEqual(['a']);
  clock.advance(60_000);
  const status = valueOf(await engine.answer(waiting.run_id, 'b', { type: 'approve' }));
  expect(status).toBe('waiting');
  clock.advance(90_000);
  const done = valueOf(await engine.continue(waiting.run_id, driveWith()));
  // Until the answer, not until somebody went on.
  expect(Math.floor((done.stages['b']?.wait_ms ?? 0) / 1000)).toBe(60);
  expect(done.stages['b']?.duration_ms).toBeLessThan(60_000);
  expect(done.status).toBe('success');
  expect(done.stages['b']?.confirmation?.answered).toMatchObject({ answer: 'approved', via: 'command' });
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'b']);
});

test('an expired confirmation counts as rejected', async () => {
  const { deps, clock } = testBench();
  const engine = createEngine(deps);
  const stages = [stage('a', [], { confirmation: { expires_ms: 60_000 } })];
  const waiting = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  clock.advance(61_000);
  expect(valueOf(await engine.state(waiting.run_id)).status).toBe('failed');
  expect(await engine.answer(waiting.run_id, 'a', { type: 'approve' })).toMatchObject({
    ok: false,
    failure: { reason: 'confirmation-expired' },
  });
  const done = valueOf(await engine.continue(waiting.run_id, driveWith()));
  expect(done.stages['a']).toMatchObject({ status: 'failed', failure: { reason: 'confirmation-expired' } });
});

test('an answer of another process reaches a run that goes on meanwhile', async () => {
  const release = Promise.withResolvers<object>();
  const { deps, store } = testBench({ slow: () => release.promise });
  const engine = createEngine(deps);
  const stages = [stage('slow'), stage('asked', [], { confirmation: { expires_ms: 86_400_000 } })];
  const hash: string[] = [];
  const observers = [
    (event: { readonly type: string }) => {
      if (event.type === 'confirmation.requested' && 'plan_hash' in event) hash.push(String(event.plan_hash));
    },
  ];
  const running = engine.start(requestFor(pipelineOf(stages)), driveWith({ observers }));
  await expect.poll(() => hash.length).toBe(1);
  store.deliver({ type: 'approve', stage: 'asked', by: 'bob@hut', plan_hash: hash[0] ?? '' });
  await expect
    .poll(() =>
      [...store.journals.values()][0]?.some(
        (event) => event.type === 'stage.finished' && event.stage === 'asked',
      ),
    )
    .toBe(true);
  release.resolve({});
  expect(valueOf(await running).status).toBe('success');
});

test('cancel ends what runs, keeps what passed and is final', async () => {
  const stop = new AbortController();
  const { deps } = testBench({
    b: (signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ failure: { reason: 'signal', signal: 'SIGTERM' } }));
        stop.abort({ kind: 'cancel', cause: 'SIGINT' });
      }),
  });
  const engine = createEngine(deps);
  const stages = [stage('a'), stage('b', ['a']), stage('c', ['b'])];
  const definition = pipelineOf(stages, { finally: [stage('clean')] });
  const state = valueOf(await engine.start(requestFor(definition), driveWith({ signal: stop.signal })));
  expect(state).toMatchObject({ status: 'cancelled', exit_code: 130 });
  expect(statuses(state)).toEqual({ a: 'passed', b: 'cancelled', c: 'pending', clean: 'passed' });
  expect(valueOf(await engine.continue(state.run_id, driveWith())).status).toBe('cancelled');
});

test('a pipeline that is a stage and is cancelled in the middle has not passed', async () => {
  const stop = new AbortController();
  const { deps } = testBench({
    y: (signal) => {
      stop.abort({ kind: 'cancel', cause: 'SIGINT' });
      return Promise.resolve({ failure: failureOfAbort(signal) });
    },
  });
  const inner = pipelineOf([stage('x'), stage('y', ['x'])], { name: 'inner' });
  const outer = pipelineOf([stage('in', [], { uses: 'pipeline', pipeline: inner, config: { params: {} } })]);
  const state = valueOf(
    await createEngine(deps).start(requestFor(outer), driveWith({ signal: stop.signal })),
  );
  expect(state.status).toBe('cancelled');
  expect(statuses(state)).toEqual({ in: 'cancelled', 'in/x': 'passed', 'in/y': 'cancelled' });
});

test.each([
  ['cancel', 'SIGINT', 'cancelled', { f1: 'cancelled', f2: 'passed' }],
  ['interrupt', 'SIGHUP', 'interrupted', { f1: 'interrupted', f2: 'pending' }],
] as const)('a %s during finally is no success', async (kind, cause, status, ends) => {
  const stop = new AbortController();
  const { deps } = testBench({
    f1: (signal) => {
      stop.abort({ kind, cause });
      return Promise.resolve({ failure: failureOfAbort(signal) });
    },
  });
  const definition = { ...pipelineOf([stage('a')]), finally: [stage('f1'), stage('f2')] };
  const state = valueOf(
    await createEngine(deps).start(requestFor(definition), driveWith({ signal: stop.signal })),
  );
  expect(state.status).toBe(status);
  expect(statuses(state)).toEqual({ a: 'passed', ...ends });
});

test('a run whose undo failed is not well when it goes on: what was undone runs again', async () => {
  const { deps, executor } = testBench({ c: exitOne, 'undo a': exitOne });
  const engine = createEngine(deps);
  const stages = [
    stage('a', [], { rollback: [step('undo a')] }),
    stage('b', ['a'], { rollback: [step('undo b')] }),
    stage('c', ['b'], { on_failure: 'rollback' }),
  ];
  const failed = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  expect(failed.status).toBe('failed');
  executor.ran.splice(0);
  const again = valueOf(await engine.continue(failed.run_id, driveWith()));
  expect(again.status).toBe('failed');
  expect(executor.ran.map(({ script }) => script).slice(0, 3)).toEqual(['a', 'b', 'c']);
});

test('rerun of what failed in a run that was rolled back runs all that was undone', async () => {
  let broken = true;
  const { deps, executor } = testBench({ c: () => Promise.resolve(broken ? exitOne : {}) });
  const engine = createEngine(deps);
  const stages = [
    stage('a', [], { rollback: [step('undo a')] }),
    stage('c', ['a'], { on_failure: 'rollback' }),
    stage('d', ['c']),
  ];
  const undone = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  expect(undone.status).toBe('rolled_back');
  broken = false;
  executor.ran.splice(0);
  const choice = { stages: [], downstream: false, failed: true };
  const state = valueOf(await engine.rerun(undone.run_id, choice, driveWith()));
  expect(state.status).toBe('success');
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'c', 'd']);
});

test('an interrupted run goes on with the same attempt and does not repeat its finished steps', async () => {
  const stop = new AbortController();
  let first = true;
  const { deps, executor } = testBench({
    two: (signal) =>
      new Promise((resolve) => {
        if (!first) return resolve({});
        first = false;
        signal.addEventListener('abort', () => resolve({ failure: { reason: 'signal', signal: 'SIGHUP' } }));
        stop.abort({ kind: 'interrupt', cause: 'SIGHUP' });
      }),
  });
  const engine = createEngine(deps);
  const steps = [step('one'), step('two'), step('three')];
  const definition = pipelineOf([stage('a', [], { config: JSON.parse(JSON.stringify({ steps })) })]);
  const before = valueOf(await engine.start(requestFor(definition), driveWith({ signal: stop.signal })));
  expect(before.status).toBe('interrupted');
  expect(statuses(before)).toEqual({ a: 'interrupted' });
  const after = valueOf(await engine.continue(before.run_id, driveWith()));
  expect(after.status).toBe('success');
  expect(after.stages['a']?.attempt).toBe(1);
  expect(executor.ran.map(({ script }) => script)).toEqual(['one', 'two', 'two', 'three']);
});

test('a nested pipeline runs on the same log, under its stage', async () => {
  const { deps } = testBench({ inner2: exitOne });
  const inner = pipelineOf([stage('inner1'), stage('inner2', ['inner1'])], { name: 'inner' });
  const outer = pipelineOf([
    stage('outer', [], { uses: 'pipeline', pipeline: inner, config: { params: {} } }),
    stage('after', ['outer']),
  ]);
  const state = valueOf(await createEngine(deps).start(requestFor(outer), driveWith()));
  expect(statuses(state)).toEqual({
    outer: 'failed',
    'outer/inner1': 'passed',
    'outer/inner2': 'failed',
    after: 'pending',
  });
  expect(state.stages['outer']?.failure).toMatchObject({ reason: 'stage-failed', stage: 'outer/inner2' });
});

test('a cached stage is reused only for the same inputs', async () => {
  const { deps, executor } = testBench();
  const engine = createEngine(deps);
  const definition = pipelineOf([stage('a', [], { cache: { key: ['src/**'] } })]);
  await engine.start(requestFor(definition, { params: { v: 1 } }), driveWith());
  const again = valueOf(await engine.start(requestFor(definition, { params: { v: 1 } }), driveWith()));
  expect(again.stages['a']).toMatchObject({
    status: 'passed',
    cached: true,
    decision: { rule: 'cache-hit' },
  });
  await engine.start(requestFor(definition, { params: { v: 2 } }), driveWith());
  expect(executor.ran).toHaveLength(2);
});

test('a cached stage whose key files are not there is not taken from the cache', async () => {
  const bench = testBench();
  const none = { ...bench.deps.files, fingerprint: () => Promise.resolve({ hash: 'none', count: 0 }) };
  const engine = createEngine({ ...bench.deps, files: none });
  const definition = pipelineOf([stage('a', [], { cache: { key: ['pakcage-lock.json'] } })]);
  await engine.start(requestFor(definition), driveWith());
  const again = valueOf(await engine.start(requestFor(definition), driveWith()));
  expect(again.stages['a']?.decision).toMatchObject({
    action: 'run',
    rule: 'cache-miss',
    reason: 'no file matches cache.key, so nothing can be told from it',
  });
  expect(bench.executor.ran).toHaveLength(2);
});

test('independent stages run side by side, commands at most max_workers', async () => {
  let now = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now -= 1;
    return {};
  };
  const names = ['a', 'b', 'c', 'd', 'e'];
  const { deps } = testBench(Object.fromEntries(names.map((name) => [name, work])));
  const definition = pipelineOf(
    names.map((name) => stage(name)),
    { max_workers: 3 },
  );
  const state = valueOf(await createEngine(deps).start(requestFor(definition), driveWith()));
  expect(state.status).toBe('success');
  expect(most).toBe(3);
});

test('a locked pipeline does not start', async () => {
  const { deps, store } = testBench();
  store.locked = [
    {
      pipeline: 'demo',
      environment: 'default',
      consecutive_failures: 3,
      since: '2026-01-01T00:00:00Z',
      run_id: 'r',
    },
  ];
  const result = await createEngine(deps).start(requestFor(pipelineOf([stage('a')])), driveWith());
  expect(result).toMatchObject({ ok: false, failure: { reason: 'locked', consecutive_failures: 3 } });
});

test('the second failure in a row writes an analysis', async () => {
  const { deps, store } = testBench({ a: exitOne });
  const engine = createEngine(deps);
  store.consecutive = { 'demo\u0000default': 1 };
  await engine.start(requestFor(pipelineOf([stage('a')])), driveWith());
  expect([...store.artifacts.keys()]).toEqual([]);
  store.consecutive = { 'demo\u0000default': 2 };
  await engine.start(requestFor(pipelineOf([stage('a')])), driveWith());
  expect(store.artifacts.get('analysis.md')).toContain('The same stage fails every time: a');
});

test('a plan says what would run, what would not and what depends, and records nothing', async () => {
  const { deps, store, executor } = testBench();
  const stages = [
    stage('a'),
    stage('b', ['a'], { if: 'flag' }),
    stage('c', ['b']),
    stage('d', ['a'], { if: 'later' }),
  ];
  const plan = valueOf(
    await createEngine(deps).plan(requestFor(pipelineOf(stages), { params: { flag: false } })),
  );
  expect(plan.stages.map(({ stage: name, action }) => [name, action])).toEqual([
    ['a', 'run'],
    ['b', 'skip'],
    ['c', 'skip'],
    ['d', 'maybe'],
  ]);
  expect(store.records).toEqual([]);
  expect(executor.ran).toEqual([]);
});

test('rerun opens the chosen stages, with or without what follows', async () => {
  const { deps, executor } = testBench();
  const engine = createEngine(deps);
  const done = valueOf(
    await engine.start(
      requestFor(pipelineOf([stage('a'), stage('b', ['a']), stage('c', ['b'])])),
      driveWith(),
    ),
  );
  const choice = { stages: ['b'], downstream: false, failed: false };
  const plan = valueOf(await engine.planAgain(done.run_id, { ...choice, downstream: true }));
  expect(plan.stages.map(({ action }) => action)).toEqual(['skip', 'run', 'run']);
  await engine.rerun(done.run_id, choice, driveWith());
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'b', 'c', 'b']);
  await engine.rerun(done.run_id, { ...choice, downstream: true }, driveWith());
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'b', 'c', 'b', 'b', 'c']);
});

test('parallel steps all end before the stage does, also when one fails', async () => {
  const { deps } = testBench({ bad: exitOne });
  const steps = [step('bad'), step('good'), step('never'), step('never2')];
  const definition = pipelineOf([
    stage('a', [], { parallel: true, max_workers: 2, config: JSON.parse(JSON.stringify({ steps })) }),
  ]);
  const state = valueOf(await createEngine(deps).start(requestFor(definition), driveWith()));
  expect(state.stages['a']?.status).toBe('failed');
  expect(Object.values(state.stages['a']?.steps ?? {}).every(({ finished }) => finished)).toBe(true);
});

test('a stage that needs a failure runs after it, and the run still fails', async () => {
  const { deps, executor } = testBench({ a: exitOne });
  const stages = [stage('a'), stage('b', ['a']), stage('tell', [], { needs: { a: ['failed'] } })];
  const state = valueOf(await createEngine(deps).start(requestFor(pipelineOf(stages)), driveWith()));
  expect(statuses(state)).toEqual({ a: 'failed', b: 'pending', tell: 'passed' });
  expect(state.status).toBe('failed');
  expect(executor.ran.map(({ script }) => script)).toEqual(['a', 'tell']);
});

test('a pipeline that is a stage runs again whole when it is chosen, or from the stage in it that is', async () => {
  const { deps, executor } = testBench();
  const engine = createEngine(deps);
  const inner = pipelineOf([stage('x'), stage('y', ['x'])], { name: 'inner' });
  const nested = stage('in', ['a'], { uses: 'pipeline', pipeline: inner, config: { params: {} } });
  const definition = pipelineOf([stage('a'), nested, stage('z', ['in'])]);
  const done = valueOf(await engine.start(requestFor(definition), driveWith()));
  const again = async (stages: readonly string[], downstream: boolean) => {
    executor.ran.splice(0);
    const state = valueOf(
      await engine.rerun(done.run_id, { stages, downstream, failed: false }, driveWith()),
    );
    expect(state.status).toBe('success');
    return executor.ran.map(({ script }) => script);
  };
  expect(await again(['in'], false)).toEqual(['x', 'y']);
  expect(await again(['in/x'], false)).toEqual(['x']);
  expect(await again(['in/x'], true)).toEqual(['x', 'y', 'z']);
  expect(await again(['a'], true)).toEqual(['a', 'x', 'y', 'z']);
});

test('a stage chosen by rerun runs, whatever the cache holds', async () => {
  const { deps, executor } = testBench();
  const engine = createEngine(deps);
  const definition = pipelineOf([stage('a', [], { cache: { key: ['src/**'] } })]);
  const first = valueOf(await engine.start(requestFor(definition), driveWith()));
  await engine.rerun(first.run_id, { stages: ['a'], downstream: false, failed: false }, driveWith());
  expect(executor.ran).toHaveLength(2);
});

test('an answer counts only for the stage that waits, not for the one around it', async () => {
  const { deps } = testBench();
  const engine = createEngine(deps);
  const inner = pipelineOf([stage('ask', [], { confirmation: { expires_ms: 86_400_000 } })], {
    name: 'inner',
  });
  const outer = pipelineOf([
    stage('outer', [], { uses: 'pipeline', pipeline: inner, config: { params: {} } }),
  ]);
  const waiting = valueOf(await engine.start(requestFor(outer), driveWith()));
  expect(waiting.status).toBe('waiting');
  expect(await engine.answer(waiting.run_id, 'outer', { type: 'approve' })).toMatchObject({
    ok: false,
    failure: { reason: 'invalid', message: 'stage outer does not wait for an answer' },
  });
  valueOf(await engine.answer(waiting.run_id, 'outer/ask', { type: 'approve' }));
  expect(valueOf(await engine.continue(waiting.run_id, driveWith())).status).toBe('success');
});
