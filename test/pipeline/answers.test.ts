import { expect, test } from 'vitest';
import { z } from 'zod';
import { ok } from '../../src/core/failure.ts';
import { defineStage } from '../../src/core/stage-kind.ts';
import { stageKinds } from '../../src/stages/index.ts';
import { DAY_MS } from '../../src/core/quantities.ts';
import { valueOf } from '../support/results.ts';
import type { StageDefinition } from '../../src/core/definition.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import { stepsOf } from '../../src/core/engine/confirm.ts';
import type { Prompter } from '../../src/core/ports.ts';
import type { RunState } from '../../src/core/run-state.ts';
import {
  driveWith,
  eventsOf,
  pipelineOf,
  requestFor,
  stage,
  step,
  testBench,
  type TestBench,
} from '../support/fakes.ts';

/* Questions to a person: what is asked, who may answer, for how long, and what each answer means. */

const asking = (name: string, change: Partial<StageDefinition> = {}) =>
  stage(name, [], { confirmation: { expires_ms: DAY_MS }, ...change });

type Question = Parameters<Prompter['confirm']>[0];

/** A terminal at which somebody sits who gives these answers in turn, and `nobody` afterwards. */
function terminal(...answers: readonly Awaited<ReturnType<Prompter['confirm']>>[]): {
  readonly prompter: Prompter;
  readonly asked: Question[];
} {
  const asked: Question[] = [];
  return {
    asked,
    prompter: {
      confirm: (question) => {
        asked.push(question);
        return Promise.resolve(answers[asked.length - 1] ?? { answer: 'nobody' });
      },
      interrupted: () => Promise.resolve('nobody'),
    },
  };
}

async function runWith(
  bench: TestBench,
  stages: readonly StageDefinition[],
  assumeYes = false,
): Promise<RunState> {
  const request = requestFor(pipelineOf(stages), { params: { v: 1 } });
  return valueOf(await createEngine(bench.deps).start(request, driveWith({ assumeYes })));
}

test('a question names its stage unless its author wrote one, and shows what would run', async () => {
  const { prompter, asked } = terminal({ answer: 'approved' }, { answer: 'approved' });
  const bench = testBench({}, { prompter });
  const steps = [step('one', { name: 'first' }), step('two', { name: 'second' })];
  const state = await runWith(bench, [
    asking('a', { config: JSON.parse(JSON.stringify({ steps })) }),
    stage('b', ['a'], {
      confirmation: { expires_ms: 60_000, message: 'Really?' },
      uses: 'approval',
      config: {},
    }),
  ]);
  expect(state.status).toBe('success');
  expect(asked.map(({ stage: name, message }) => [name, message])).toEqual([
    ['a', 'Run stage a?'],
    ['b', 'Really?'],
  ]);
  const [first, second] = eventsOf(bench, 'confirmation.requested');
  expect(asked[0]?.details()).toEqual([
    `plan     ${state.created?.plan_hash.slice(0, 12)}`,
    'kind     shell',
    `expires  ${first?.expires_at}`,
    'params   v=1',
    'commands',
    '  first: one',
    '  second: two',
  ]);
  expect(asked[1]?.details()).toHaveLength(4);
  expect(second).toMatchObject({ stage: 'b', message: 'Really?', plan_hash: state.created?.plan_hash });
});

test('the details of a question show what the stages before it found out', async () => {
  const { prompter, asked } = terminal({ answer: 'approved' });
  const looking = defineStage({
    kind: 'looking',
    summary: 'Look.',
    schema: z.strictObject({}),
    run: (_config, context) => {
      context.explain({ name: 'files', value: ['a b', 'c'] });
      return Promise.resolve(ok({}));
    },
  });
  const bench = testBench({}, { prompter, kinds: { ...stageKinds, looking } });
  await runWith(bench, [
    stage('look', [], { uses: 'looking', config: {} }),
    stage('go', ['look'], { uses: 'approval', config: {}, confirmation: { expires_ms: DAY_MS } }),
  ]);
  expect(asked[0]?.details().slice(-2)).toEqual(['look found', '  files: ["a b","c"]']);
});

test('a question expires when its author said, otherwise after a day', async () => {
  const bench = testBench();
  await runWith(bench, [asking('a', { confirmation: { expires_ms: 1000 } })]);
  await runWith(bench, [stage('b', [], { uses: 'approval', config: {} })]);
  const lasts = eventsOf(bench, 'confirmation.requested').map(
    ({ at, expires_at }) => Date.parse(expires_at) - Date.parse(at),
  );
  expect(lasts).toEqual([1000, DAY_MS]);
});

test.each([
  {
    given: { answer: 'approved' },
    stage: { status: 'passed' },
    run: 'success',
  },
  {
    given: { answer: 'skipped' },
    stage: {
      status: 'skipped',
      decision: {
        action: 'skip',
        rule: 'skipped-by-person',
        reason: 'ann@desk skipped it at its confirmation',
        evidence: [{ name: 'by', value: 'ann@desk' }],
        would_flip: 'answering yes',
      },
    },
    run: 'success',
  },
  {
    given: { answer: 'rejected', comment: 'not today' },
    stage: { status: 'failed', failure: { reason: 'rejected', by: 'ann@desk', comment: 'not today' } },
    run: 'failed',
  },
] as const)('$given.answer at the terminal is recorded with who said it', async (expected) => {
  const { prompter } = terminal(expected.given);
  const bench = testBench({}, { prompter });
  const state = await runWith(bench, [asking('a'), stage('b', ['a'])]);
  expect(state.status).toBe(expected.run);
  expect(state.stages['a']).toMatchObject(expected.stage);
  // A stage that a person waived does not keep the others from running.
  expect(state.stages['b']?.status).toBe(expected.run === 'success' ? 'passed' : 'pending');
  const [answered] = eventsOf(bench, 'confirmation.answered');
  expect(answered).toMatchObject({ ...expected.given, by: 'ann@desk', via: 'terminal' });
  expect('comment' in (answered ?? {})).toBe('comment' in expected.given);
});

test('a rejection without a word has none in its failure', async () => {
  const { prompter } = terminal({ answer: 'rejected' });
  const state = await runWith(testBench({}, { prompter }), [asking('a')]);
  expect(state.stages['a']?.failure).toEqual({ reason: 'rejected', by: 'ann@desk' });
});

test('--yes answers, and nobody is asked', async () => {
  const { prompter, asked } = terminal({ answer: 'rejected' });
  const bench = testBench({}, { prompter });
  expect((await runWith(bench, [asking('a')], true)).status).toBe('success');
  expect(asked).toEqual([]);
  expect(eventsOf(bench, 'confirmation.answered')).toMatchObject([
    { answer: 'approved', by: 'ann@desk', via: '--yes' },
  ]);
});

test('a question that has expired is answered by the clock, not by --yes', async () => {
  const bench = testBench();
  const engine = createEngine(bench.deps);
  const waiting = await runWith(bench, [asking('a', { confirmation: { expires_ms: 1000 } })]);
  bench.clock.advance(1000);
  const after = valueOf(await engine.continue(waiting.run_id, driveWith({ assumeYes: true })));
  const { expires_at: expiredAt } = eventsOf(bench, 'confirmation.requested')[0] ?? {};
  expect(after.stages['a']?.failure).toEqual({ reason: 'confirmation-expired', expired_at: expiredAt });
  expect(eventsOf(bench, 'confirmation.answered')).toMatchObject([
    { answer: 'rejected', by: 'expiry', via: 'expiry' },
  ]);
});

test('a question is asked once: a later process waits for the same one, until the same time', async () => {
  const bench = testBench();
  const waiting = await runWith(bench, [asking('a')]);
  bench.clock.advance(60_000);
  const again = valueOf(await createEngine(bench.deps).continue(waiting.run_id, driveWith()));
  expect(again.status).toBe('waiting');
  expect(eventsOf(bench, 'confirmation.requested')).toHaveLength(1);
});

test('two questions at once are asked one after the other', async () => {
  const gate = Promise.withResolvers<void>();
  const asked: string[] = [];
  const prompter: Prompter = {
    confirm: async ({ stage: name }) => {
      asked.push(name);
      await gate.promise;
      return { answer: 'approved' };
    },
    interrupted: () => Promise.resolve('nobody'),
  };
  const running = runWith(testBench({}, { prompter }), [asking('a'), asking('b')]);
  await expect.poll(() => asked).toEqual(['a']);
  gate.resolve();
  expect((await running).status).toBe('success');
  expect(asked).toEqual(['a', 'b']);
});

test('an answer from another terminal is refused with the reason where there is nothing to answer', async () => {
  const bench = testBench();
  const engine = createEngine(bench.deps);
  const { run_id: runId } = await runWith(bench, [stage('done'), asking('a')]);
  const refused = async (name: string) => {
    const result = await engine.answer(runId, name, { type: 'approve' });
    return result.ok ? undefined : result.failure;
  };
  expect(await refused('nope')).toEqual({
    reason: 'invalid',
    message: `no stage "nope" in run ${runId}`,
    hint: 'its stages: done, a',
  });
  expect(await refused('done')).toEqual({
    reason: 'invalid',
    message: 'stage done does not wait for an answer',
  });
  valueOf(await engine.answer(runId, 'a', { type: 'reject', comment: 'no' }));
  expect(await refused('a')).toEqual({
    reason: 'invalid',
    message: 'stage a was already rejected by ann@desk',
  });
  expect(await engine.answer('missing', 'a', { type: 'approve' })).toMatchObject({ ok: false });
});

test.each([
  { type: 'approve', said: 'approved', status: 'passed' },
  { type: 'reject', said: 'rejected', status: 'failed' },
  { type: 'skip', said: 'skipped', status: 'skipped' },
] as const)('$type from another terminal ends the stage as $status', async ({ type, said, status }) => {
  const bench = testBench();
  const engine = createEngine(bench.deps);
  const waiting = await runWith(bench, [asking('a')]);
  valueOf(await engine.answer(waiting.run_id, 'a', { type, comment: 'why' }));
  expect(eventsOf(bench, 'confirmation.answered')).toMatchObject([
    {
      answer: said,
      by: 'ann@desk',
      via: 'command',
      comment: 'why',
      plan_hash: waiting.created?.plan_hash,
    },
  ]);
  const done = valueOf(await engine.continue(waiting.run_id, driveWith()));
  expect(done.stages['a']?.status).toBe(status);
});

test('an answer is for one plan: that of another, of a stage that does not ask, or a second one, is not taken', async () => {
  const release = Promise.withResolvers<object>();
  const bench = testBench({ slow: () => release.promise });
  const running = runWith(bench, [stage('slow'), asking('a')]);
  await expect.poll(() => eventsOf(bench, 'confirmation.requested')).toHaveLength(1);
  const { plan_hash: planHash = '' } = eventsOf(bench, 'confirmation.requested')[0] ?? {};
  const say = { type: 'skip', stage: 'a', by: 'bob@hut', plan_hash: planHash } as const;
  bench.store.deliver({ ...say, plan_hash: 'f'.repeat(64) });
  bench.store.deliver({ ...say, stage: 'slow' });
  bench.store.deliver({ ...say, stage: 'nope' });
  bench.store.deliver({ ...say, comment: 'go' });
  await expect.poll(() => eventsOf(bench, 'confirmation.answered')).toHaveLength(1);
  bench.store.deliver({ ...say, type: 'reject' });
  release.resolve({});
  expect((await running).stages['a']?.status).toBe('skipped');
  expect(eventsOf(bench, 'confirmation.answered')).toMatchObject([
    { stage: 'a', answer: 'skipped', by: 'bob@hut', via: 'command', comment: 'go' },
  ]);
});

test('commands that a question can show are those of steps that are written as such', () => {
  const of = (config: StageDefinition['config']) => stepsOf(stage('a', [], { config }));
  expect(of({})).toEqual([]);
  expect(of({ steps: 'no list' })).toEqual([]);
  const good = { name: 'x', command: { text: 'do x' } };
  expect(
    of({
      steps: [
        null,
        'text',
        { name: 'no command' },
        { command: { text: 'no name' } },
        { name: 'null', command: null },
        { name: 'word', command: 'word' },
        { name: 'no text', command: {} },
        good,
        { ...good, context: 'prod' },
        { ...good, context: 7 },
      ],
    }),
  ).toEqual([
    { name: 'x', text: 'do x', context: 'local' },
    { name: 'x', text: 'do x', context: 'prod' },
    { name: 'x', text: 'do x', context: 'local' },
  ]);
});
