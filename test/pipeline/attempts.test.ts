import { expect, test } from 'vitest';
import { z } from 'zod';
import { valueOf } from '../support/results.ts';
import type { StageDefinition } from '../../src/core/definition.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { RunEvent } from '../../src/core/events.ts';
import { failed, ok, type Result } from '../../src/core/failure.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { DAY_MS } from '../../src/core/quantities.ts';
import { JournalError } from '../../src/core/ports.ts';
import { defineStage, type StageContext } from '../../src/core/stage-kind.ts';
import { stageKinds } from '../../src/stages/index.ts';
import {
  driveWith,
  eventsOf,
  exitOne,
  pipelineOf,
  requestFor,
  type Script,
  stage,
  testBench,
  type TestBench,
} from '../support/fakes.ts';

/* One stage from its decision to its end: attempts, waits, what a kind returns or throws. */

/** A stage `a` of a kind that does `run`, and its bench. */
function custom(
  run: (context: StageContext) => Promise<Result<JsonObject>>,
  change: Partial<StageDefinition> = {},
): { readonly bench: TestBench; readonly definition: ReturnType<typeof pipelineOf> } {
  const work = defineStage({
    kind: 'work',
    summary: 'What a test wants.',
    schema: z.strictObject({}),
    run: (_config, context) => run(context),
  });
  const bench = testBench({}, { kinds: { ...stageKinds, work } });
  return { bench, definition: pipelineOf([stage('a', [], { uses: 'work', config: {}, ...change })]) };
}

async function stateOf({ bench, definition }: ReturnType<typeof custom>) {
  return valueOf(await createEngine(bench.deps).start(requestFor(definition), driveWith()));
}

/** As a deadline: ends when the clock of the test says so, not after ten minutes. */
const forEver = ({ signal }: StageContext): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

test('a kind that throws fails its stage with what it threw, and the run goes on to its end', async () => {
  const error = new Error('a bug');
  const made = custom(() => Promise.reject(error));
  const definition = { ...made.definition, finally: [stage('clean')] };
  expect(await stateOf({ ...made, definition })).toMatchObject({
    status: 'failed',
    stages: {
      a: { status: 'failed', failure: { reason: 'unexpected', message: 'a bug', stack: error.stack } },
      clean: { status: 'passed' },
    },
  });
});

test('a stage that warned has passed with a warning, and keeps what it said and gave', async () => {
  const state = await stateOf(
    custom((context) => {
      context.warn('careful');
      return Promise.resolve(ok({ v: 1 }));
    }),
  );
  expect(state).toMatchObject({
    status: 'warning',
    exit_code: 0,
    stages: { a: { status: 'warning', warnings: ['careful'], outputs: { v: 1 } } },
  });
});

test('what a kind makes of its own deadline is a timeout, unless it had succeeded after all', async () => {
  const timeout = { reason: 'timed-out', scope: 'attempt', limit_ms: 10 };
  const gaveUp = custom(
    async (context) => {
      await forEver(context);
      return failed({ reason: 'reported', message: 'gave up', retryable: true });
    },
    { timeout_ms: 10 },
  );
  expect((await stateOf(gaveUp)).stages['a']).toMatchObject({ status: 'failed', failure: timeout });
  const made = custom(
    async (context) => {
      await forEver(context);
      return ok({ v: 1 });
    },
    { timeout_ms: 10 },
  );
  expect((await stateOf(made)).stages['a']).toMatchObject({ status: 'passed', outputs: { v: 1 } });
});

const RETRY = { ...stage('a').retry, max_attempts: 3, delay_ms: 1000, backoff: 'exponential' } as const;

const retried = (bench: TestBench) =>
  eventsOf(bench, 'stage.retried').map(({ attempt, max_attempts, delay_ms }) => [
    attempt,
    max_attempts,
    delay_ms,
  ]);

test('a stage that is opened again has all its tries, and waits as at first', async () => {
  const bench = testBench({ a: exitOne });
  const engine = createEngine(bench.deps);
  const definition = pipelineOf([stage('a', [], { retry: RETRY })]);
  const first = valueOf(await engine.start(requestFor(definition), driveWith()));
  expect(first.stages['a']).toMatchObject({ status: 'failed', attempt: 3, max_attempts: 3 });
  const again = valueOf(await engine.continue(first.run_id, driveWith()));
  expect(again.stages['a']).toMatchObject({ status: 'failed', attempt: 6, max_attempts: 6 });
  expect(retried(bench)).toEqual([
    [1, 3, 1000],
    [2, 3, 2000],
    [4, 6, 1000],
    [5, 6, 2000],
  ]);
});

test('waiting between tries is told apart from work', async () => {
  const bench = testBench({ a: exitOne });
  const definition = pipelineOf([stage('a', [], { retry: RETRY })]);
  const state = valueOf(await createEngine(bench.deps).start(requestFor(definition), driveWith()));
  const { duration_ms: durationMs, wait_ms: waitMs } = state.stages['a'] ?? {};
  // The clock moves a millisecond per look.
  expect(waitMs).toBeGreaterThanOrEqual(3000);
  expect(waitMs).toBeLessThan(3500);
  expect(durationMs).toBeGreaterThan(0);
  expect(durationMs).toBeLessThan(500);
  for (const event of eventsOf(bench, 'stage.retried')) expect(event.duration_ms).toBeLessThan(500);
});

test('a pipeline inside that is tried again says why its stages are open', async () => {
  let tries = 0;
  const bench = testBench({ in: () => Promise.resolve(++tries === 1 ? exitOne : {}) });
  const inner = pipelineOf([stage('in')], { name: 'inner' });
  const outer = stage('out', [], {
    uses: 'pipeline',
    pipeline: inner,
    config: { params: {} },
    retry: RETRY,
  });
  const state = valueOf(
    await createEngine(bench.deps).start(
      requestFor(pipelineOf([outer, stage('next', ['out'])])),
      driveWith(),
    ),
  );
  expect(state.status).toBe('success');
  expect(eventsOf(bench, 'stage.reset')).toMatchObject([
    { stage: 'out/in', by: 'retry', reason: 'out is tried again' },
  ]);
});

async function cutAfter(
  bench: TestBench,
  stages: readonly StageDefinition[],
  last: (event: RunEvent) => boolean,
): Promise<string> {
  const engine = createEngine(bench.deps);
  const done = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith({ assumeYes: true })));
  const events = bench.store.journals.get(done.run_id) ?? [];
  bench.store.journals.set(done.run_id, events.slice(0, events.findLastIndex(last) + 1));
  bench.executor.ran.length = 0;
  return done.run_id;
}

test('a stage that had begun before a crash is neither decided nor asked for nor looked up again', async () => {
  const bench = testBench();
  const asked = stage('a', [], { confirmation: { expires_ms: DAY_MS }, cache: { key: ['x'] } });
  const isStart = (event: RunEvent) => event.type === 'step.started' && event.stage === 'a';
  const runId = await cutAfter(bench, [asked, stage('b', ['a'])], isStart);
  const before = eventsOf(bench, 'stage.decided').length;
  // The first time it went on to its end and filled the cache: what has begun is finished, not taken from there.
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state).toMatchObject({ status: 'success', stages: { a: { status: 'passed', cached: false } } });
  expect(bench.executor.ran.map(({ script }) => script)).toEqual(['a', 'b']);
  const decided = eventsOf(bench, 'stage.decided').filter(({ stage: name }) => name === 'a');
  expect(decided.length).toBe(before);
  expect(eventsOf(bench, 'confirmation.requested')).toHaveLength(1);
});

test('a stage that was only open when its process died is decided anew', async () => {
  const bench = testBench();
  const runId = await cutAfter(
    bench,
    [stage('a'), stage('b', ['a'])],
    (event) => event.type === 'run.created',
  );
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state.status).toBe('success');
  expect(eventsOf(bench, 'stage.decided').map(({ stage: name }) => name)).toEqual(['a', 'b']);
});

interface TaskChange {
  readonly context?: string;
  readonly timeoutMs?: number;
  readonly work: (io: {
    readonly signal: AbortSignal;
    readonly log: (line: string) => Promise<void>;
  }) => Promise<Result<JsonObject>>;
}

function withTask(task: TaskChange, change: Partial<StageDefinition> = {}) {
  return custom((context) => context.task({ name: 'look', text: 'looks', ...task }), change);
}

test('a task is recorded with where and when it ran, and its lines go into its own log', async () => {
  const made = withTask({ context: 'box', work: ({ log }) => log('hello').then(() => ok({})) });
  const lines: [string, string][] = [];
  const { store } = made.bench.deps;
  const create = async (runId: string) => {
    const handle = valueOf(await store.create(runId));
    const appendLog = (name: string, text: string) => {
      lines.push([name, text]);
      return Promise.resolve();
    };
    return { ok: true as const, value: { ...handle, appendLog } };
  };
  const deps = { ...made.bench.deps, store: { ...store, create } };
  await createEngine(deps).start(requestFor(made.definition), driveWith());
  expect(lines).toEqual([['a.look.log', 'hello\n']]);
  const [started] = eventsOf(made.bench, 'step.started');
  expect(started).toMatchObject({ context: 'box', log: 'logs/a.look.log', command: 'looks', attempt: 1 });
  const [finished] = eventsOf(made.bench, 'step.finished');
  expect(finished).toMatchObject({ adopted: false, log_bytes: 9, outputs: {} });
  expect(finished).not.toHaveProperty('failure');
  expect(finished?.duration_ms).toBeLessThan(500);
});

test('each attempt of a task has its own log and token, and its failure is recorded', async () => {
  let tries = 0;
  const no = { reason: 'reported', message: 'no', retryable: true } as const;
  const work = () => Promise.resolve(++tries === 1 ? failed(no) : ok({}));
  const retry = { ...RETRY, on: ['reported'] } as const;
  const made = withTask({ work }, { retry });
  expect((await stateOf(made)).status).toBe('success');
  const started = eventsOf(made.bench, 'step.started');
  expect(started.map(({ log, token, context }) => [log, token, context])).toEqual([
    ['logs/a.look.log', 'a.look', 'local'],
    ['logs/a.look@2.log', 'a.look@2', 'local'],
  ]);
  const [finished] = eventsOf(made.bench, 'step.finished');
  expect(finished).toMatchObject({ failure: no });
  expect(finished).not.toHaveProperty('outputs');
});

test('a task that takes longer than it may has timed out, whatever it says then', async () => {
  const late = (result: Result<JsonObject>) => (io: { readonly signal: AbortSignal }) =>
    new Promise<Result<JsonObject>>((resolve) => io.signal.addEventListener('abort', () => resolve(result)));
  const no = failed({ reason: 'reported', message: 'gave up', retryable: true });
  const state = await stateOf(withTask({ timeoutMs: 10, work: late(no) }));
  expect(state.stages['a']?.failure).toEqual({
    reason: 'timed-out',
    limit_ms: 10,
    scope: 'step',
    step: 'look',
  });
  const after = await stateOf(withTask({ timeoutMs: 10, work: late(ok({ v: 1 })) }));
  expect(after.stages['a']).toMatchObject({ status: 'passed', outputs: { v: 1 } });
});

test('a task that throws fails with what it threw; a state that cannot be written stops the run', async () => {
  const thrown = withTask({ work: () => Promise.reject(new Error('a bug')) });
  expect((await stateOf(thrown)).stages['a']).toMatchObject({
    status: 'failed',
    failure: { reason: 'unexpected', message: 'a bug' },
    steps: { look: { finished: { failure: { reason: 'unexpected' } } } },
  });
  const full = { reason: 'state-unwritable', path: '/state', detail: 'no space left' } as const;
  const { bench, definition } = withTask({ work: () => Promise.reject(new JournalError(full)) });
  const result = await createEngine(bench.deps).start(requestFor(definition), driveWith());
  expect(result).toEqual({ ok: false, failure: full });
});

test('tasks take their turn with the commands of the run', async () => {
  let inside = 0;
  let most = 0;
  const script: Script = {};
  const work = async () => {
    most = Math.max(most, ++inside);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    inside -= 1;
    return ok({});
  };
  const busy = defineStage({
    kind: 'busy',
    summary: 'One task.',
    schema: z.strictObject({}),
    run: (_config, context) => context.task({ name: 't', text: 't', work }),
  });
  const bench = testBench(script, { kinds: { ...stageKinds, busy } });
  const stages = ['a', 'b', 'c', 'd'].map((name) => stage(name, [], { uses: 'busy', config: {} }));
  const state = valueOf(
    await createEngine(bench.deps).start(requestFor(pipelineOf(stages, { max_workers: 2 })), driveWith()),
  );
  expect(state.status).toBe('success');
  expect(most).toBe(2);
});
