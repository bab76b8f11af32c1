import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineDeps } from '../../src/core/engine/api.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { RunEvent } from '../../src/core/events.ts';
import { ok } from '../../src/core/failure.ts';
import type { Prompter } from '../../src/core/ports.ts';
import { createRunStore } from '../../src/persistence/run-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { valueOf } from '../support/results.ts';
import { driveWith, pipelineOf, requestFor, stage, type Script, testBench } from '../support/fakes.ts';

/* What another terminal says to the process that owns a run, over the real store: answers, cancels, and their refusals. */

const DAY = { expires_ms: 86_400_000 };
const identity = { user: 'ann', host: 'desk', pid: process.pid };

/** Sits at the terminal and thinks, until the question is taken away. */
const thinking: Prompter = {
  confirm: (_question, signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve({ answer: 'nobody' }));
    }),
  interrupted: () => Promise.resolve('nobody'),
};

/** A state folder; each `terminal` is what another process would open on it. */
function stateFolder() {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'pipewright-other-'));
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  return {
    terminal: (script: Script = {}, change: Partial<EngineDeps> = {}) => {
      const store = createRunStore({ stateDir, identity, clock: systemClock });
      const bench = testBench(script, { store, clock: systemClock, ...change });
      return { ...bench, engine: createEngine(bench.deps) };
    },
  };
}

/** Resolves with the run's id when an event of this type comes by. */
function watching(type: RunEvent['type']) {
  const seen = Promise.withResolvers<string>();
  return {
    seen: seen.promise,
    observers: [(event: RunEvent) => void (event.type === type && seen.resolve(event.run_id))],
  };
}

test.each([
  ['approve', 'passed', 'success', ['asked', 'next']],
  ['reject', 'failed', 'failed', []],
  ['skip', 'skipped', 'success', ['next']],
] as const)('%s from another terminal reaches the one that asks', async (type, stageStatus, status, ran) => {
  const folder = stateFolder();
  const owner = folder.terminal({}, { prompter: thinking });
  const { seen, observers } = watching('confirmation.requested');
  const stages = [stage('asked', [], { confirmation: DAY }), stage('next', ['asked'])];
  const running = owner.engine.start(requestFor(pipelineOf(stages)), driveWith({ observers }));
  const other = folder.terminal();
  const given = await other.engine.answer(await seen, 'asked', { type, comment: 'as agreed' });
  expect(given.ok).toBe(true);
  const state = valueOf(await running);
  expect(state).toMatchObject({ status, stages: { asked: { status: stageStatus } } });
  expect(state.stages['asked']?.confirmation?.answered).toMatchObject({
    via: 'command',
    comment: 'as agreed',
  });
  expect(owner.executor.ran.map(({ script }) => script)).toEqual(ran);
});

test('a question that nobody answers in time is a no, also while somebody sits in front of it', async () => {
  const { engine, executor } = stateFolder().terminal({}, { prompter: thinking });
  const stages = [stage('asked', [], { confirmation: { expires_ms: 300 } })];
  const state = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  expect(state).toMatchObject({
    status: 'failed',
    stages: { asked: { status: 'failed', failure: { reason: 'confirmation-expired' } } },
  });
  expect(executor.ran).toEqual([]);
});

test('cancel reaches the owner; an ended run is not cancelled again', async () => {
  const folder = stateFolder();
  const owner = folder.terminal({
    slow: (signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ failure: { reason: 'signal', signal: 'SIGTERM' } }));
      }),
  });
  const { seen, observers } = watching('step.started');
  const running = owner.engine.start(requestFor(pipelineOf([stage('slow')])), driveWith({ observers }));
  const id = await seen;
  const other = folder.terminal();
  expect(await other.engine.cancel(id)).toEqual(ok('cancelled'));
  expect(valueOf(await running)).toMatchObject({ status: 'cancelled', exit_code: 130 });
  expect(await other.engine.cancel(id)).toMatchObject({
    failure: { message: `run ${id} has already ended: cancelled` },
  });
});

test('an owner that does not act is said after a while, and the run is as it was', async () => {
  const folder = stateFolder();
  const release = Promise.withResolvers<object>();
  const owner = folder.terminal({ slow: () => release.promise });
  const { seen, observers } = watching('step.started');
  const stages = [stage('slow'), stage('asked', ['slow'], { confirmation: DAY })];
  const running = owner.engine.start(requestFor(pipelineOf(stages)), driveWith({ observers }));
  const id = await seen;
  const impatient = {
    ...systemClock,
    sleep: (_ms: number, signal: AbortSignal) => systemClock.sleep(300, signal),
  };
  // The step takes no notice of the cancel.
  const cancelled = await folder.terminal({}, { clock: impatient }).engine.cancel(id);
  expect(cancelled).toMatchObject({
    failure: { message: `the process that runs ${id} did not act on it within 15 s` },
  });
  release.resolve({});
  expect(valueOf(await running).status).toBe('cancelled');
});

test('cancelled while it waits before another try, there is no other try', async () => {
  const folder = stateFolder();
  const exits = { exitCode: 1, failure: { reason: 'exit-non-zero', exit_code: 1 } } as const;
  const owner = folder.terminal({ bad: exits });
  const { seen, observers } = watching('stage.retried');
  const { retry } = stage('bad');
  const stages = [stage('bad', [], { retry: { ...retry, max_attempts: 3, delay_ms: 60_000 } })];
  const running = owner.engine.start(requestFor(pipelineOf(stages)), driveWith({ observers }));
  expect(await folder.terminal().engine.cancel(await seen)).toEqual(ok('cancelled'));
  expect(valueOf(await running).stages['bad']).toMatchObject({ status: 'cancelled', attempt: 1 });
  expect(owner.executor.ran).toHaveLength(1);
});
