import { expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import type { PipelineDefinition, StageDefinition } from '../../src/core/definition.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { StopReason } from '../../src/core/engine/stop.ts';
import type { CommandOutcome } from '../../src/core/ports.ts';
import type { RunState } from '../../src/core/run-state.ts';
import {
  driveWith,
  eventsOf,
  exitOne,
  pipelineOf,
  requestFor,
  type Script,
  stage,
  step,
  testBench,
  type TestBench,
} from '../support/fakes.ts';

/* How a run ends: which status and exit code, what is undone, what opens it again. */

const statuses = (state: RunState) =>
  Object.fromEntries(Object.values(state.stages).map(({ name, status }) => [name, status]));

const scripts = (bench: TestBench) => bench.executor.ran.map(({ script }) => script);

const undo = (name: string) => ({ rollback: [step(`undo ${name}`)] });

/** Runs a pipeline and stops it in its command `stop`, which ends by the signal. */
async function stoppedIn(
  definition: PipelineDefinition,
  reason: StopReason,
  script: Script = {},
): Promise<{ readonly bench: TestBench; readonly state: RunState }> {
  const stop = new AbortController();
  let times = 0;
  const bench = testBench({
    ...script,
    stop: (signal) =>
      new Promise<CommandOutcome>((resolve) => {
        if (++times > 1) return resolve({});
        signal.addEventListener('abort', () => resolve({ failure: { reason: 'signal', signal: 'SIGTERM' } }));
        stop.abort(reason);
      }),
  });
  const engine = createEngine(bench.deps);
  const state = valueOf(await engine.start(requestFor(definition), driveWith({ signal: stop.signal })));
  return { bench, state };
}

const CUT: readonly StageDefinition[] = [
  stage('a', [], undo('a')),
  stage('stop', ['a'], undo('stop')),
  stage('c', ['stop']),
];

test.each([
  { cause: 'SIGINT', exit_code: 130 },
  { cause: 'SIGTERM', exit_code: 143 },
  { cause: 'bob@hut', exit_code: 130 },
])('a run cancelled by $cause exits with $exit_code and keeps what it did', async ({ cause, exit_code }) => {
  const { bench, state } = await stoppedIn(pipelineOf(CUT), { kind: 'cancel', cause });
  expect(state).toMatchObject({
    status: 'cancelled',
    exit_code,
    cancel_requested_by: cause,
    failure: { reason: 'cancelled', by: cause },
  });
  expect(statuses(state)).toEqual({ a: 'passed', stop: 'cancelled', c: 'pending' });
  expect(state.stages['stop']?.failure).toEqual({ reason: 'cancelled', by: cause });
  expect(scripts(bench)).toEqual(['a', 'stop']);
});

test('a cancel that asks for it undoes what ran, from the stage that was cut; the end runs after that', async () => {
  const definition = pipelineOf(CUT, { finally: [stage('clean')] });
  const { bench, state } = await stoppedIn(definition, { kind: 'cancel', cause: 'SIGINT', undo: true });
  expect(state).toMatchObject({
    status: 'rolled_back',
    exit_code: 5,
    failure: { reason: 'cancelled', by: 'SIGINT' },
    rollback: { cause: 'stop', stages: ['stop', 'a'], by: 'SIGINT' },
  });
  expect(scripts(bench)).toEqual(['a', 'stop', 'undo stop', 'undo a', 'clean']);
});

test('an undo that does not work is the failure of the run, whoever asked for it', async () => {
  const script = { 'undo stop': exitOne };
  const reason = { kind: 'cancel', cause: 'SIGINT', undo: true } as const;
  const { bench, state } = await stoppedIn(pipelineOf(CUT), reason, script);
  expect(state).toMatchObject({
    status: 'failed',
    exit_code: 1,
    failure: { reason: 'rollback-failed', stage: 'stop', cause: { reason: 'exit-non-zero' } },
  });
  // As much as possible is undone.
  expect(scripts(bench)).toEqual(['a', 'stop', 'undo stop', 'undo a']);
  expect(bench.store.records.at(-1)).toMatchObject({
    type: 'run.ended',
    lock_reason: 'undoing stop failed: a command exited with code 1',
  });
});

test('a cancel with nothing to undo is a cancel', async () => {
  const stages = [stage('a'), stage('stop', ['a'])];
  const { state } = await stoppedIn(pipelineOf(stages), { kind: 'cancel', cause: 'SIGINT', undo: true });
  expect(state).toMatchObject({ status: 'cancelled', exit_code: 130 });
  expect(state).not.toHaveProperty('rollback');
});

test('an interrupted run says why, runs nothing that belongs to an end, and can be continued', async () => {
  const definition = pipelineOf(CUT, { finally: [stage('clean')] });
  const { bench, state } = await stoppedIn(definition, { kind: 'interrupt', cause: 'SIGHUP' });
  expect(state).toMatchObject({ status: 'interrupted', interrupted_by: 'SIGHUP' });
  expect(state).not.toHaveProperty('finished_at');
  expect(scripts(bench)).toEqual(['a', 'stop']);
  const after = valueOf(await createEngine(bench.deps).continue(state.run_id, driveWith()));
  expect(after.status).toBe('success');
  expect(scripts(bench)).toEqual(['a', 'stop', 'stop', 'c', 'clean']);
  // Of both parts, without the time between them.
  const [interrupted] = eventsOf(bench, 'run.interrupted');
  expect(after.duration_ms).toBeGreaterThan(interrupted?.duration_ms ?? Number.NaN);
  expect(after.spent_ms).toBe(after.duration_ms);
});

test('a failure before anything was changed is a failure, not a rollback', async () => {
  const bench = testBench({ b: exitOne });
  const stages = [stage('a'), stage('b', ['a'], { on_failure: 'rollback' })];
  const state = valueOf(await createEngine(bench.deps).start(requestFor(pipelineOf(stages)), driveWith()));
  expect(state).toMatchObject({ status: 'failed', exit_code: 1 });
  expect(eventsOf(bench, 'rollback.started')).toEqual([]);
});

test('a stage inside a pipeline that asks for a rollback undoes the whole run', async () => {
  const bench = testBench({ inner: exitOne });
  const inside = pipelineOf([stage('inner', [], { on_failure: 'rollback' })], { name: 'inside' });
  const stages = [
    stage('a', [], undo('a')),
    stage('outer', ['a'], { uses: 'pipeline', pipeline: inside, config: { params: {} } }),
  ];
  const state = valueOf(await createEngine(bench.deps).start(requestFor(pipelineOf(stages)), driveWith()));
  expect(state).toMatchObject({ status: 'rolled_back', rollback: { cause: 'outer', stages: ['a'] } });
  expect(state.rollback).not.toHaveProperty('by');
  expect(scripts(bench)).toEqual(['a', 'inner', 'undo a']);
});

test('what was taken from the cache, skipped or never began is not undone', async () => {
  const bench = testBench({ d: exitOne });
  const engine = createEngine(bench.deps);
  const cached = stage('a', [], { ...undo('a'), cache: { key: ['x'] } });
  await engine.start(requestFor(pipelineOf([cached])), driveWith());
  bench.executor.ran.length = 0;
  const stages = [
    cached,
    stage('b', [], { ...undo('b'), if: 'flag' }),
    stage('w', [], undo('w')),
    stage('d', ['a', 'w'], { ...undo('d'), on_failure: 'rollback' }),
    stage('e', ['d'], undo('e')),
  ];
  const state = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  expect(state.rollback?.stages).toEqual(['d', 'w']);
  expect(scripts(bench)).toEqual(['w', 'd', 'undo d', 'undo w']);
});

test('a run with a warning ends as warning, with the exit code of a success', async () => {
  const bench = testBench({ w: exitOne });
  const stages = [stage('w', [], { on_failure: 'continue' })];
  const state = valueOf(await createEngine(bench.deps).start(requestFor(pipelineOf(stages)), driveWith()));
  expect(state).toMatchObject({ status: 'warning', exit_code: 0 });
  expect(state).not.toHaveProperty('failure');
});

test('processes that outlived their steps are named in the record', async () => {
  const bench = testBench();
  const { executor } = bench;
  const deps = {
    ...bench.deps,
    executors: () => ({
      ...bench.deps.executors({
        runId: '',
        folder: '',
        project: '',
        hiddenVariables: [],
        settings: requestFor(pipelineOf([])).settings,
      }),
      open: () =>
        Promise.resolve({
          ok: true as const,
          value: { ...executor, stopLeftovers: () => Promise.resolve(['sleep 60', 'tail -f']) },
        }),
    }),
  };
  await createEngine(deps).start(requestFor(pipelineOf([stage('a')])), driveWith());
  expect(eventsOf(bench, 'leftovers.stopped')).toMatchObject([
    { count: 2, commands: ['sleep 60', 'tail -f'] },
  ]);
});

test('cancelling a run that nobody drives ends it for good, with what was in the middle', async () => {
  const definition = pipelineOf([stage('stop'), stage('b', ['stop'])]);
  const { bench, state } = await stoppedIn(definition, { kind: 'interrupt', cause: 'SIGHUP' });
  const engine = createEngine(bench.deps);
  expect(valueOf(await engine.cancel(state.run_id))).toBe('cancelled');
  const after = valueOf(await engine.state(state.run_id));
  expect(after).toMatchObject({
    status: 'cancelled',
    exit_code: 130,
    failure: { reason: 'cancelled', by: 'ann@desk' },
  });
  expect(after.duration_ms).toBeGreaterThanOrEqual(state.spent_ms);
  expect(statuses(after)).toEqual({ stop: 'cancelled', b: 'pending' });
  expect(after.stages['stop']?.failure).toEqual({ reason: 'cancelled', by: 'ann@desk' });
  expect(bench.store.records.at(-1)).toMatchObject({ type: 'run.ended', max_consecutive_failures: 0 });
  expect(await engine.cancel(state.run_id)).toEqual({
    ok: false,
    failure: { reason: 'invalid', message: `run ${state.run_id} has already ended: cancelled` },
  });
});

test('continue leaves a run alone that is over, and tries again what failed', async () => {
  const outcomes: Record<string, CommandOutcome> = { b: exitOne };
  const bench = testBench(outcomes);
  const engine = createEngine(bench.deps);
  const good = valueOf(await engine.start(requestFor(pipelineOf([stage('a')])), driveWith()));
  expect(valueOf(await engine.continue(good.run_id, driveWith()))).toEqual(good);
  const stages = [
    stage('a'),
    stage('b', ['a']),
    stage('c', [], { needs: { b: ['passed'], a: ['failed'] } }),
    stage('d', ['b']),
  ];
  const definition = pipelineOf(stages, { finally: [stage('clean')] });
  const bad = valueOf(await engine.start(requestFor(definition), driveWith()));
  outcomes['b'] = {};
  bench.executor.ran.length = 0;
  const after = valueOf(await engine.continue(bad.run_id, driveWith()));
  expect(statuses(after)).toEqual({ a: 'passed', b: 'passed', c: 'skipped', d: 'passed', clean: 'passed' });
  expect(scripts(bench)).toEqual(['b', 'd', 'clean']);
  const resets = eventsOf(bench, 'stage.reset').map(({ stage: name, by, reason }) => [name, by, reason]);
  expect(resets).toEqual([
    ['b', 'continue', 'it had failed'],
    ['clean', 'continue', 'it follows one that runs again'],
  ]);
});

test('a rerun says why each stage was opened: chosen, failed, or following', async () => {
  const bench = testBench({ b: exitOne });
  const engine = createEngine(bench.deps);
  const inside = pipelineOf([stage('one'), stage('two', ['one'])], { name: 'inside' });
  const stages = [
    stage('in', [], { uses: 'pipeline', pipeline: inside, config: { params: {} } }),
    stage('b', [], { on_failure: 'continue' }),
    stage('c', ['in']),
  ];
  const first = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  const choice = { stages: ['in/two'], downstream: false, failed: false };
  const after = valueOf(await engine.rerun(first.run_id, choice, driveWith()));
  expect(after.status).toBe('warning');
  const resets = eventsOf(bench, 'stage.reset').map(({ stage: name, by, reason }) => [name, by, reason]);
  expect(resets).toEqual([
    ['in', 'rerun', 'it follows one that runs again'],
    ['in/two', 'rerun', 'chosen'],
  ]);
  expect(scripts(bench).toSorted()).toEqual(['b', 'c', 'one', 'two', 'two']);
});

test('a rerun of nothing, or of what is not there, is refused with what there is', async () => {
  const bench = testBench();
  const engine = createEngine(bench.deps);
  const { run_id: runId } = valueOf(
    await engine.start(requestFor(pipelineOf([stage('a'), stage('b')])), driveWith()),
  );
  const nothing = { stages: [], downstream: false, failed: true };
  const refused = {
    ok: false,
    failure: {
      reason: 'invalid',
      message: 'nothing to run again',
      hint: 'name a stage, or use --failed',
    },
  };
  expect(await engine.rerun(runId, nothing, driveWith())).toEqual(refused);
  expect(await engine.planAgain(runId, nothing)).toEqual(refused);
  const unknown = { stages: ['x', 'a', 'y'], downstream: false, failed: false };
  expect(await engine.rerun(runId, unknown, driveWith())).toEqual({
    ok: false,
    failure: { reason: 'invalid', message: `no stage "x", "y" in run ${runId}`, hint: 'its stages: a, b' },
  });
});

test('a run whose first event was never written is refused', async () => {
  const bench = testBench();
  bench.store.journals.set('empty', []);
  const engine = createEngine(bench.deps);
  const refused = { ok: false, failure: { reason: 'invalid', message: 'run empty never began' } };
  expect(await engine.continue('empty', driveWith())).toMatchObject(refused);
  expect(await engine.planAgain('empty')).toMatchObject(refused);
  expect(await engine.undo('empty', driveWith())).toMatchObject({
    ok: false,
    failure: { reason: 'invalid' },
  });
});

test('the report of failures in a row tells the same stage every time from different ones', async () => {
  const report = async (earlier: readonly string[]): Promise<string> => {
    const outcomes: Record<string, CommandOutcome> = {};
    const bench = testBench(outcomes);
    const engine = createEngine(bench.deps);
    const definition = pipelineOf([stage('a', [], { on_failure: 'stop' }), stage('b')]);
    await engine.start(requestFor(definition), driveWith());
    for (const name of [...earlier, 'a']) {
      outcomes['a'] = name === 'a' ? exitOne : {};
      outcomes['b'] = name === 'b' ? exitOne : {};
      bench.store.consecutive = { 'demo\u0000default': earlier.length + 1 };
      await engine.start(requestFor(definition), driveWith());
    }
    return bench.store.artifacts.get('analysis.md') ?? '';
  };
  const same = await report(['a', 'a']);
  expect(same).toContain('# Analysis: demo failed 3 times in a row\n');
  expect(same).toMatch(/^Run 20260101-000000-0000004, environment default, 2026-01-01T/m);
  expect(same).toMatch(/^Last success: 20260101-000000-0000001 at 2026-01-01T/m);
  expect(same).toMatch(/^- \*\*a\*\* \(shell, attempt 1 of 1\): `\{"reason":"exit-non-zero"/m);
  expect(same).toMatch(/^- 20260101-000000-0000003, failed: a\n- 20260101-000000-0000002, failed: a\n\n/m);
  expect(same).toContain('The same stage fails every time: a.');
  expect(same).toContain('`pipewright continue 20260101-000000-0000004`');
  expect(await report(['a', 'b'])).toContain('Different stages fail each time.');
});
