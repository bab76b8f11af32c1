import { expect, test } from 'vitest';
import type { StageDefinition } from '../../../src/core/definition.ts';
import type { Draft, RunEvent } from '../../../src/core/events.ts';
import { flattenStages, foldRun, idleRun, reduce, type RunState } from '../../../src/core/run-state.ts';
import { addUsage } from '../../../src/core/stage-state.ts';
import { runCreated } from '../../support/definitions.ts';
import { pipelineOf, stage } from '../../support/fakes.ts';

/* The fold that live view, replay and resume share: what each event changes, and what it leaves alone. */

const CREATED = runCreated(pipelineOf([stage('a'), stage('b', ['a'])]));
const EXIT = { reason: 'exit-non-zero', exit_code: 1 } as const;

/** As the log stamps them: `at` is the minute of the event's position. */
function stamped(drafts: readonly Draft[]): readonly RunEvent[] {
  return drafts.map(stampedAt);
}

const stampedAt = (draft: Draft, seq: number): RunEvent => ({ ...draft, seq, at: atOf(seq), run_id: 'r' });

const atOf = (seq: number): string => `2026-01-01T00:${String(seq).padStart(2, '0')}:00.000Z`;

function fold(...drafts: readonly Draft[]): RunState {
  return foldRun('r', stamped([CREATED, ...drafts]));
}

const started = (attempt = 1, more: Partial<Extract<Draft, { type: 'stage.started' }>> = {}) =>
  ({ type: 'stage.started', stage: 'a', kind: 'shell', attempt, max_attempts: 3, ...more }) as const;

type Finished = Extract<Draft, { readonly type: 'stage.finished' }>;

const finished = (more: Partial<Finished> = {}): Finished => ({
  type: 'stage.finished',
  stage: 'a',
  status: 'passed',
  attempt: 1,
  duration_ms: 20,
  wait_ms: 3,
  warnings: [],
  outputs: {},
  cached: false,
  ...more,
});

const retried = (attempt = 1): Draft => ({
  type: 'stage.retried',
  stage: 'a',
  attempt,
  max_attempts: 3,
  failure: EXIT,
  delay_ms: 100,
  duration_ms: 7,
});

const stepStarted = (step: string, attempt = 1): Draft => ({
  type: 'step.started',
  stage: 'a',
  step,
  attempt,
  index: 1,
  total: 1,
  command: step,
  context: 'local',
  log: 'a.log',
  token: `a.${step}@${attempt}-1`,
});

const stepFinished = (
  step: string,
  more: Partial<Extract<Draft, { type: 'step.finished' }>> = {},
): Draft => ({
  type: 'step.finished',
  stage: 'a',
  step,
  attempt: 1,
  duration_ms: 5,
  log_bytes: 9,
  adopted: false,
  ...more,
});

const reset: Draft = { type: 'stage.reset', stage: 'a', by: 'rerun', reason: 'chosen' };
const resumed: Draft = { type: 'run.resumed', by: 'ann@desk', pid: 1, assume_yes: true };

test('a run that has only been created has all its stages, open, in order', () => {
  const inner = pipelineOf([stage('one')], { name: 'inner', finally: [stage('tidy')] });
  const outer = stage('outer', [], { uses: 'pipeline', pipeline: inner });
  const created = runCreated(pipelineOf([outer, stage('b')], { finally: [stage('clean')] }), {
    assume_yes: true,
  });
  const [event] = stamped([created]);
  const state = foldRun('r', stamped([created]));
  expect(Object.keys(state.stages)).toEqual(['outer', 'outer/one', 'outer/tidy', 'b', 'clean']);
  expect(state.stages['outer']).toEqual({
    name: 'outer',
    kind: 'pipeline',
    status: 'pending',
    attempt: 0,
    max_attempts: 1,
    attempt_base: 0,
    warnings: [],
    outputs: {},
    cached: false,
    attempts: [],
    steps: {},
  });
  const { stages: _, ...run } = state;
  expect(run).toEqual({
    run_id: 'r',
    status: 'running',
    created: event,
    started_at: atOf(0),
    assume_yes: true,
    spent_ms: 0,
    last_seq: 0,
  });
});

test('a run without events is one that has not begun', () => {
  expect(foldRun('r', [])).toEqual(idleRun('r'));
  expect(idleRun('r')).toEqual({
    run_id: 'r',
    status: 'running',
    assume_yes: false,
    spent_ms: 0,
    stages: {},
    last_seq: -1,
  });
});

test('stages inside stages get the names of all around them', () => {
  const deep = pipelineOf([stage('c')], { name: 'deep' });
  const middle = pipelineOf([stage('b', [], { uses: 'pipeline', pipeline: deep })], { name: 'middle' });
  const outer: StageDefinition = stage('a', [], { uses: 'pipeline', pipeline: middle });
  expect(flattenStages(pipelineOf([outer]))).toEqual([
    { id: 'a', kind: 'pipeline' },
    { id: 'a/b', kind: 'pipeline' },
    { id: 'a/b/c', kind: 'shell' },
  ]);
});

test('an attempt that passed keeps when it began and ended, and its place in the order of completion', () => {
  const state = fold(
    { ...started(), undoable: true },
    finished({ outputs: { x: 1 }, warnings: ['w'], status: 'warning', cached: true }),
  );
  expect(state.stages['a']).toMatchObject({
    status: 'warning',
    kind: 'shell',
    undoable: true,
    attempt: 1,
    max_attempts: 3,
    started_at: atOf(1),
    finished_at: atOf(2),
    finished_seq: 2,
    duration_ms: 20,
    wait_ms: 3,
    outputs: { x: 1 },
    warnings: ['w'],
    cached: true,
  });
  expect(state.stages['a']).not.toHaveProperty('failure');
  expect(state.stages['b']?.status).toBe('pending');
  expect(state.last_seq).toBe(2);
});

test('a failed attempt is kept beside the next one, whose failure and steps are its own', () => {
  const waiting = fold(started(), stepStarted('s'), retried());
  expect(waiting.stages['a']).toMatchObject({
    status: 'waiting',
    failure: EXIT,
    attempts: [{ attempt: 1, duration_ms: 7, failure: EXIT }],
  });
  const again = fold(started(), stepStarted('s'), retried(), started(2));
  expect(again.stages['a']).toMatchObject({ status: 'running', attempt: 2, started_at: atOf(1), steps: {} });
  expect(again.stages['a']?.attempts).toHaveLength(1);
  expect(again.stages['a']).not.toHaveProperty('failure');
  const third = fold(started(), retried(), started(2), retried(2), started(3));
  expect(third.stages['a']?.attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
});

test('the same attempt again, taken up after a crash, keeps its steps and the word about them', () => {
  const answered: Draft = { type: 'interruption.answered', stage: 'a', answer: 'skip', by: 'ann@desk' };
  const interrupted = finished({ status: 'interrupted' });
  const same = fold(started(), stepStarted('s'), interrupted, answered, started(1));
  expect(Object.keys(same.stages['a']?.steps ?? {})).toEqual(['s']);
  expect(same.stages['a']?.interruption_answer).toBe('skip');
  expect(same.stages['a']).not.toHaveProperty('finished_at');
  const other = fold(started(), stepStarted('s'), interrupted, answered, started(2));
  expect(other.stages['a']?.steps).toEqual({});
  expect(other.stages['a']).not.toHaveProperty('interruption_answer');
  const unasked = fold(started(), started(1));
  expect(unasked.stages['a']).not.toHaveProperty('interruption_answer');
});

test('a stage that is opened again starts anew, but its number of attempts and what failed go on', () => {
  const decided: Draft = {
    type: 'stage.decided',
    stage: 'a',
    decision: { action: 'run', rule: 'needs-met', reason: '', evidence: [] },
  };
  const state = fold(
    decided,
    started(),
    retried(),
    started(2),
    stepStarted('s', 2),
    finished({ status: 'failed', failure: EXIT, attempt: 2, outputs: { x: 1 } }),
    reset,
  );
  expect(state.stages['a']).toEqual({
    name: 'a',
    kind: 'shell',
    status: 'pending',
    attempt: 2,
    max_attempts: 1,
    attempt_base: 2,
    reset_by: 'rerun',
    warnings: [],
    outputs: {},
    cached: false,
    attempts: [
      { attempt: 1, duration_ms: 7, failure: EXIT },
      { attempt: 2, duration_ms: 20, failure: EXIT },
    ],
    steps: {},
  });
});

test('opening a stage again that passed, or failed before it began, adds no attempt', () => {
  expect(fold(started(), finished(), reset).stages['a']).toMatchObject({ attempts: [], attempt: 1 });
  const failedFirst = finished({ status: 'failed', failure: EXIT, attempt: 0 });
  expect(fold(failedFirst, reset).stages['a']).toMatchObject({ attempts: [], attempt: 0 });
  // A crash between the failure and its end: how long it took is not known.
  expect(fold(started(), retried(), reset).stages['a']?.attempts.at(-1)).toEqual({
    attempt: 1,
    duration_ms: 0,
    failure: EXIT,
  });
});

test('steps keep their order; what they used adds up, memory is the highest', () => {
  const state = fold(
    started(),
    stepStarted('s'),
    stepStarted('t'),
    stepFinished('t', { usage: { cpu_user_ms: 10, cpu_system_ms: 1, peak_memory_bytes: 500 } }),
    stepFinished('s', { usage: { cpu_user_ms: 5, cpu_system_ms: 2, peak_memory_bytes: 300 } }),
  );
  const { steps = {}, usage } = state.stages['a'] ?? {};
  expect(Object.keys(steps)).toEqual(['s', 't']);
  expect(steps['s']?.finished).toMatchObject({ log_bytes: 9 });
  expect(steps['s']?.started).toMatchObject({ token: 'a.s@1-1' });
  expect(usage).toEqual({ cpu_user_ms: 15, cpu_system_ms: 3, peak_memory_bytes: 500 });
});

test('a state keeps its steps as they were, also when two others go on from it', () => {
  const before = fold(started(), stepStarted('one'), stepStarted('two'));
  const [left, right] = [stepFinished('one'), stepStarted('three')].map((draft) =>
    reduce(before, stampedAt(draft, before.last_seq + 1)),
  );
  const stepsOf = (state: RunState | undefined): readonly string[] =>
    Object.entries(state?.stages['a']?.steps ?? {}).map(
      ([name, step]) => `${name} ${step.finished ? 'finished' : 'started'}`,
    );
  expect(stepsOf(before)).toEqual(['one started', 'two started']);
  expect(stepsOf(left)).toEqual(['one finished', 'two started']);
  expect(stepsOf(right)).toEqual(['one started', 'two started', 'three started']);
  // As every state it is plain data.
  expect(JSON.parse(JSON.stringify(left))).toEqual(left);
});

// Copying them all at each event took minutes for so many.
test('tens of thousands of steps in one stage are folded in the time of the test', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `s${index}`);
  const state = fold(started(), ...names.flatMap((name) => [stepStarted(name), stepFinished(name)]));
  expect(Object.keys(state.stages['a']?.steps ?? {})).toEqual(names);
});

test('the end of a step that nobody saw begin, or an answer to no question, changes nothing', () => {
  const before = fold(started());
  expect(fold(started(), stepFinished('ghost')).stages).toEqual(before.stages);
  const answer: Draft = {
    type: 'confirmation.answered',
    stage: 'a',
    answer: 'approved',
    by: 'x',
    via: 'command',
    plan_hash: 'h',
  };
  expect(fold(started(), answer).stages).toEqual(before.stages);
});

test('usage of which only a part is known counts what is known', () => {
  expect(addUsage(undefined, { cpu_user_ms: 1 })).toEqual({ cpu_user_ms: 1 });
  expect(addUsage({ cpu_user_ms: 1 }, { cpu_system_ms: 2 })).toEqual({
    cpu_user_ms: 1,
    cpu_system_ms: 2,
    peak_memory_bytes: 0,
  });
  expect(addUsage({ peak_memory_bytes: 5 }, {})).toEqual({
    cpu_user_ms: 0,
    cpu_system_ms: 0,
    peak_memory_bytes: 5,
  });
});

test('a question makes its stage wait, its answer opens it; a second question forgets the first answer', () => {
  const ask: Draft = {
    type: 'confirmation.requested',
    stage: 'a',
    message: 'Run?',
    plan_hash: 'h',
    expires_at: atOf(59),
  };
  const answer: Draft = {
    type: 'confirmation.answered',
    stage: 'a',
    answer: 'approved',
    by: 'x',
    via: 'command',
    plan_hash: 'h',
  };
  expect(fold(ask).stages['a']).toMatchObject({
    status: 'waiting',
    confirmation: { requested: { message: 'Run?' } },
  });
  expect(fold(ask, answer).stages['a']).toMatchObject({
    status: 'pending',
    confirmation: { requested: { message: 'Run?' }, answered: { answer: 'approved' } },
  });
  expect(fold(ask, answer, ask).stages['a']?.confirmation).not.toHaveProperty('answered');
});

test('the parts of a run add up while it waits and is interrupted; its end says the whole', () => {
  const state = fold({ type: 'run.waiting', status: 'waiting', stages: ['a'], duration_ms: 10 }, resumed, {
    type: 'run.interrupted',
    status: 'interrupted',
    cause: 'SIGHUP',
    duration_ms: 5,
  });
  expect(state).toMatchObject({ status: 'interrupted', interrupted_by: 'SIGHUP', spent_ms: 15 });
  const waiting = fold({ type: 'run.waiting', status: 'waiting', stages: ['a'], duration_ms: 10 });
  expect(waiting).toMatchObject({ status: 'waiting', spent_ms: 10 });
});

test('a run that is taken up forgets how it had ended, and who cancelled it', () => {
  const ended: Draft = {
    type: 'run.finished',
    status: 'failed',
    duration_ms: 40,
    exit_code: 1,
    failure: { reason: 'stage-failed', stage: 'a', cause: EXIT },
  };
  const cancelled: Draft = { type: 'cancel.requested', by: 'bob@hut' };
  const over = fold(cancelled, ended);
  expect(over).toMatchObject({
    status: 'failed',
    finished_at: atOf(2),
    duration_ms: 40,
    spent_ms: 40,
    exit_code: 1,
    failure: { stage: 'a' },
    cancel_requested_by: 'bob@hut',
  });
  const again = fold(cancelled, ended, resumed);
  expect(again).toMatchObject({ status: 'running', assume_yes: true, spent_ms: 40 });
  for (const name of ['finished_at', 'duration_ms', 'exit_code', 'failure', 'cancel_requested_by'])
    expect(again).not.toHaveProperty(name);
  expect(fold({ type: 'run.finished', status: 'success', duration_ms: 1, exit_code: 0 })).not.toHaveProperty(
    'failure',
  );
});

const undo: Draft = { type: 'rollback.started', stages: ['b', 'a', 'gone'], cause: 'b', by: 'ann@desk' };

test('an undo marks what it undid; what could not be undone keeps its status and says why', () => {
  const state = fold(
    started(),
    finished(),
    undo,
    { type: 'rollback.finished', stage: 'b', duration_ms: 4, failure: EXIT },
    { type: 'rollback.finished', stage: 'a', duration_ms: 5 },
  );
  expect(state.rollback).toEqual({ stages: ['b', 'a', 'gone'], cause: 'b', by: 'ann@desk' });
  expect(Object.keys(state.stages)).toEqual(['a', 'b']);
  expect(state.stages['b']).toMatchObject({
    status: 'pending',
    undo_tries: 1,
    rollback: { duration_ms: 4, failure: EXIT },
  });
  expect(state.stages['a']).toMatchObject({ status: 'rolled_back', undo_tries: 1 });
  expect(state.stages['a']?.rollback).toEqual({ duration_ms: 5 });
  const { by: _, ...unasked } = undo;
  expect(fold(unasked).rollback).toEqual({ stages: ['b', 'a', 'gone'], cause: 'b' });
});

test('a second undo counts, and forgets what came of the first', () => {
  const state = fold(undo, { type: 'rollback.finished', stage: 'b', duration_ms: 4, failure: EXIT }, undo);
  expect(state.stages['b']).toMatchObject({ undo_tries: 2 });
  expect(state.stages['b']).not.toHaveProperty('rollback');
});

test('an undo that a crash cut short is still to be done when the run is taken up; one that had ended is not', () => {
  expect(fold(undo, resumed).rollback).toMatchObject({ cause: 'b' });
  const ended: Draft = { type: 'run.finished', status: 'rolled_back', duration_ms: 1, exit_code: 5 };
  expect(fold(undo, ended, resumed)).not.toHaveProperty('rollback');
  expect(fold(ended, resumed)).not.toHaveProperty('rollback');
});

test('processes that were stopped at the end change nothing but the position', () => {
  const { last_seq: seq, ...state } = fold({ type: 'leftovers.stopped', count: 1, commands: ['x'] });
  const { last_seq: _, ...before } = fold();
  expect(state).toEqual(before);
  expect(seq).toBe(1);
});

test('an event about a stage that the definition does not have is kept under its name', () => {
  const state = fold({ ...started(), stage: 'ghost' }, finished({ stage: 'ghost2' }));
  expect(state.stages['ghost']).toMatchObject({ name: 'ghost', kind: 'shell', status: 'running' });
  expect(state.stages['ghost2']).toMatchObject({ name: 'ghost2', kind: 'unknown', status: 'passed' });
});
