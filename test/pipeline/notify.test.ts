import { expect, test } from 'vitest';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { EngineDeps } from '../../src/core/engine/api.ts';
import type { Notice } from '../../src/core/notify.ts';
import type { RunSummary } from '../../src/core/run-index.ts';
import { defaultSettings } from '../../src/core/settings/index.ts';
import { type NotifySettings, notifySchema } from '../../src/core/settings/notify.ts';
import { driveWith, pipelineOf, requestFor, type Script, stage, step, testBench } from '../support/fakes.ts';

const FAILS: Script = { build: { failure: { reason: 'exit-non-zero', exit_code: 1 }, exitCode: 1 } };
const ALL: NotifySettings['on'] = ['failure', 'lock', 'rollback', 'waiting', 'success', 'recovery'];

/** An engine whose notices are collected, with a journal look at each moment one is sent. */
function bench(script: Script, on: NotifySettings['on'] = ALL) {
  const notices: Notice[] = [];
  const lastEvents: (string | undefined)[] = [];
  const notifier: EngineDeps['notifier'] = {
    send: (notice) => {
      notices.push(notice);
      lastEvents.push(one.store.journals.get(notice.run_id)?.at(-1)?.type);
      return Promise.resolve([]);
    },
  };
  const one = testBench(script, { notifier });
  const settings = { ...defaultSettings('shop'), notify: notifySchema.parse({ on, command: 'true' }) };
  return { ...one, engine: createEngine(one.deps), settings, notices, lastEvents };
}

const DEFINITION = pipelineOf([stage('build')]);

test('a failed run is told once, when its end is in the journal', async () => {
  const { engine, settings, notices, lastEvents } = bench(FAILS);
  await engine.start(requestFor(DEFINITION, { settings }), driveWith());
  expect(notices).toMatchObject([
    {
      event: 'failure',
      events: ['failure'],
      project: 'shop',
      pipeline: 'demo',
      status: 'failed',
      stages: [{ name: 'build', status: 'failed' }],
    },
  ]);
  expect(lastEvents).toEqual(['run.finished']);
});

test('continue tells how its part ended; success after a failure is a recovery', async () => {
  const script: Record<string, Script[string]> = { ...FAILS };
  const { engine, settings, notices } = bench(script);
  const started = await engine.start(requestFor(DEFINITION, { settings }), driveWith());
  script['build'] = {};
  await engine.continue(started.ok ? started.value.run_id : '', driveWith());
  expect(notices.map(({ event, events }) => [event, events])).toEqual([
    ['failure', ['failure']],
    ['recovery', ['recovery', 'success']],
  ]);
});

test('success after another run that failed is a recovery, after one that succeeded it is not', async () => {
  const { engine, settings, notices, store } = bench({});
  const before = (status: RunSummary['status']): void => {
    const summary = {
      pipeline_id: `old-${status}`,
      pipeline: 'demo',
      environment: 'default',
      status,
      trigger: '',
      started_at: '',
      stages: [],
      decisions: [],
    };
    store.records.push({
      type: 'run.ended',
      run_id: summary.pipeline_id,
      at: '',
      summary,
      max_consecutive_failures: 0,
    });
  };
  before('rolled_back');
  await engine.start(requestFor(DEFINITION, { settings }), driveWith());
  await engine.start(requestFor(DEFINITION, { settings }), driveWith());
  expect(notices.map(({ event }) => event)).toEqual(['recovery', 'success']);
});

test('a waiting run is told with its question, a cancelled one is not', async () => {
  const { engine, settings, notices } = bench({});
  const asking = pipelineOf([
    stage('build', [], { confirmation: { message: 'Really?', expires_ms: 60_000 } }),
  ]);
  await engine.start(requestFor(asking, { settings }), driveWith());
  expect(notices).toMatchObject([{ event: 'waiting', stages: [{ name: 'build', question: 'Really?' }] }]);
  const stopped = bench({
    build: (signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ failure: { reason: 'cancelled', by: 'x' } })),
      ),
  });
  const stop = new AbortController();
  const running = stopped.engine.start(requestFor(DEFINITION, { settings }), {
    ...driveWith(),
    signal: stop.signal,
  });
  await expect.poll(() => stopped.executor.ran.length).toBe(1);
  stop.abort({ kind: 'cancel', cause: 'SIGINT' });
  await running;
  expect(stopped.notices).toEqual([]);
});

test('a run that was undone is a rollback', async () => {
  const { engine, settings, notices } = bench(FAILS);
  const undone = pipelineOf([stage('build', [], { on_failure: 'rollback', rollback: [step('back')] })]);
  await engine.start(requestFor(undone, { settings }), driveWith());
  expect(notices).toMatchObject([
    { event: 'rollback', events: ['rollback', 'failure'], status: 'rolled_back' },
  ]);
});

test('the failure that locks the pipeline says so first, with how many there were', async () => {
  const script: Record<string, Script[string]> = {};
  const { engine, settings, notices, store } = bench(script);
  script['build'] = async () => {
    // As the index would fold the end of this run.
    const pair = { pipeline: 'demo', environment: 'default', consecutive_failures: 3, since: '' };
    store.locked = [{ ...pair, run_id: [...store.journals.keys()][0] ?? '' }];
    store.consecutive = { 'demo\u0000default': 3 };
    return { failure: { reason: 'exit-non-zero', exit_code: 1 } };
  };
  await engine.start(requestFor(DEFINITION, { settings }), driveWith());
  expect(notices).toMatchObject([{ event: 'lock', events: ['lock', 'failure'], consecutive_failures: 3 }]);
});

test('only what was asked for is told, and nothing where nobody is named', async () => {
  const { engine, settings, notices } = bench(FAILS, ['success']);
  await engine.start(requestFor(DEFINITION, { settings }), driveWith());
  await engine.start(requestFor(DEFINITION, { settings: defaultSettings('shop') }), driveWith());
  expect(notices).toEqual([]);
});
