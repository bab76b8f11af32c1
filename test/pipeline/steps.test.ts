import { expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import type { CommandTemplate, PipelineDefinition, StageDefinition } from '../../src/core/definition.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { RunEvent } from '../../src/core/events.ts';
import type { Command, CommandOutcome, CommandOutput, Executor } from '../../src/core/ports.ts';
import { defaultSettings } from '../../src/core/settings/index.ts';
import { compileCommand, compileValue } from '../../src/core/template/compile.ts';
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

/* What a command is started with, and what is recorded of its end. */

interface Started {
  readonly command: Command;
  readonly output: CommandOutput;
}

/** A bench whose executor notes the output of each command too, and is called `name`. */
function benchOf(
  script: Script = {},
  change: Partial<Executor> = {},
): { readonly bench: TestBench; readonly started: Started[] } {
  const bench = testBench(script);
  const started: Started[] = [];
  const executor: Executor = {
    ...bench.executor,
    ...change,
    run: (command, output, signal) => {
      started.push({ command, output });
      return bench.executor.run(command, output, signal);
    },
  };
  const executors: TestBench['deps']['executors'] = (place) => ({
    ...bench.deps.executors(place),
    open: (context) => Promise.resolve({ ok: true, value: { ...executor, name: context } }),
  });
  return { bench: { ...bench, deps: { ...bench.deps, executors } }, started };
}

async function run(bench: TestBench, definition: PipelineDefinition, change = {}) {
  return valueOf(await createEngine(bench.deps).start(requestFor(definition, change), driveWith()));
}

const steps = (...list: readonly ReturnType<typeof step>[]): Partial<StageDefinition> => ({
  config: JSON.parse(JSON.stringify({ steps: list })),
});

function compiled(text: string, compile = compileValue): CommandTemplate {
  const template = compile(text);
  if (!template.ok) throw new Error(JSON.stringify(template.failure));
  return template.value;
}

const RUN_FACTS = { PIPEWRIGHT_STAGE: 'a', PIPEWRIGHT_ATTEMPT: '1', PIPEWRIGHT_ENVIRONMENT: 'default' };
const RUN_FOLDER = '/state/runs/20260101-000000-0000001';
const FOLDERS = { PIPEWRIGHT_ARTIFACTS: `${RUN_FOLDER}/artifacts`, PIPEWRIGHT_PROJECT: '/project' };

test('a run that was stored before there was a queue goes on: what its settings lack is at its default', async () => {
  const { bench, started } = benchOf();
  const { queue: _, ...older } = defaultSettings('demo');
  const state = await run(bench, pipelineOf([stage('a')]), { settings: older });
  expect(state.status).toBe('success');
  expect(started).toHaveLength(1);
});

test('a command runs in the project, with the facts of its run, and leaves nothing running', async () => {
  const { bench, started } = benchOf();
  await run(bench, pipelineOf([stage('a')]));
  expect(started).toEqual([
    {
      command: {
        script: 'a',
        env: { ...RUN_FACTS, ...FOLDERS },
        workdir: '/project',
        token: 'a.a@1-1',
        orphan: { policy: 'kill', finish_ms: 5000 },
      },
      output: { logFile: `${RUN_FOLDER}/logs/a.a.log`, secrets: [] },
    },
  ]);
  expect(eventsOf(bench, 'step.started')).toMatchObject([{ log: 'logs/a.a.log', context: 'local' }]);
});

test('variables of the pipeline, the stage and the step: the nearer wins, the facts of the run stay', async () => {
  const { bench, started } = benchOf();
  const env = (names: readonly string[], where: string) =>
    Object.fromEntries(names.map((name) => [name, compiled(`${where} {{.v}}`)]));
  const only = step('a', { env: { ...env(['C'], 'step'), PIPEWRIGHT_STAGE: compiled('mine') } });
  const definition = pipelineOf([stage('a', [], { env: env(['B', 'C'], 'stage'), ...steps(only) })], {
    env: env(['A', 'B', 'C'], 'pipeline'),
  });
  await run(bench, definition, { params: { v: 'x y' } });
  expect(started[0]?.command.env).toEqual({
    ...RUN_FACTS,
    ...FOLDERS,
    A: 'pipeline x y',
    B: 'stage x y',
    C: 'step x y',
  });
});

test('a value that is not there refuses the command before it begins', async () => {
  for (const change of [
    { command: compiled('echo {{.nope}}', compileCommand) },
    { env: { A: compiled('{{.nope}}') } },
  ]) {
    const { bench, started } = benchOf();
    const state = await run(bench, pipelineOf([stage('a', [], steps(step('a', change)))]));
    expect(state.stages['a']).toMatchObject({ status: 'failed', failure: { reason: 'template-refused' } });
    expect(started).toEqual([]);
    expect(eventsOf(bench, 'step.started')).toEqual([]);
  }
});

test('a secret is resolved when it is used, masked, and only for the stage that names it', async () => {
  const { bench, started } = benchOf();
  const definition = pipelineOf([stage('a', [], { secrets: ['TOKEN'] }), stage('b', ['a'])], {
    secrets: { TOKEN: 'env:TOKEN', OTHER: 'env:OTHER' },
  });
  await run(bench, definition);
  expect(started[0]?.command.env['TOKEN']).toBe('secret of TOKEN');
  expect(started[0]?.output.secrets).toEqual(['secret of TOKEN']);
  expect(started[1]?.command.env).not.toHaveProperty('TOKEN');
  expect(started[1]?.output.secrets).toEqual([]);
  expect(JSON.stringify([...bench.store.journals.values()])).not.toContain('secret of');
});

test('a secret that nobody declared fails its stage, and its command never begins', async () => {
  const { bench, started } = benchOf();
  const state = await run(bench, pipelineOf([stage('a', [], { secrets: ['NOPE'] })]));
  expect(state.stages['a']?.failure).toEqual({
    reason: 'secret-unavailable',
    name: 'NOPE',
    detail: 'the pipeline declares no such secret',
  });
  expect(started).toEqual([]);
});

test.each<{ readonly of: string; readonly own?: string; readonly executor?: string; readonly is: string }>([
  { of: 'the step', own: 'step', is: '/project/step' },
  { of: 'the stage', is: '/project/stage' },
  { of: 'the step, absolute', own: '/somewhere', is: '/somewhere' },
  { of: 'the stage on another machine', executor: '/home/ci', is: '/home/ci/stage' },
  { of: 'the step on another machine', own: 'a/b', executor: '/home/ci', is: '/home/ci/a/b' },
])('the working folder is that of $of', async ({ own, executor: ofExecutor, is: expected }) => {
  const { bench, started } = benchOf({}, ofExecutor === undefined ? {} : { workdir: ofExecutor });
  const only = step('a', own === undefined ? {} : { workdir: own });
  await run(bench, pipelineOf([stage('a', [], { workdir: 'stage', ...steps(only) })]));
  expect(started[0]?.command.workdir).toBe(expected);
  // Folders of this machine mean nothing on another.
  expect(Object.hasOwn(started[0]?.command.env ?? {}, 'PIPEWRIGHT_PROJECT')).toBe(ofExecutor === undefined);
});

test('where a command runs: its own context, that of its stage, that of the run', async () => {
  const { bench } = benchOf();
  const definition = pipelineOf([
    stage('a'),
    stage('b', ['a'], { context: 'box' }),
    stage('c', ['b'], { context: 'box', ...steps(step('c', { context: 'other' })) }),
  ]);
  await run(bench, definition, { context: 'run' });
  expect(eventsOf(bench, 'step.started').map(({ context }) => context)).toEqual(['run', 'box', 'other']);
});

test('a context that cannot be opened fails the stage with its reason', async () => {
  const bench = testBench();
  const state = await run(bench, pipelineOf([stage('a', [], { context: 'nope' })]));
  expect(state.stages['a']).toMatchObject({ status: 'failed', failure: { message: 'no context nope' } });
});

test('limits, what happens after our death and what is captured reach the executor', async () => {
  const { bench, started } = benchOf({ a: { captured: 'one\ntwo\n\n' }, b: { captured: '\nthree' } });
  const resources = { memory_bytes: 1024 } as NonNullable<StageDefinition['resources']>;
  const definition = pipelineOf([
    stage('a', [], { on_interrupt: 'keep', resources, ...steps(step('a', { variable: 'v' })) }),
    stage('b', ['a'], steps(step('b', { variable: 'w' }))),
    stage('c', ['b'], steps(step('c', { variable: 'x' }))),
  ]);
  const state = await run(bench, definition);
  expect(started[0]?.command).toMatchObject({ orphan: { policy: 'keep' }, limits: resources });
  expect(started[0]?.output.capture).toEqual({ limitBytes: 65_536 });
  expect(started[1]?.command).not.toHaveProperty('limits');
  const captured = eventsOf(bench, 'step.finished').map(({ variable }) => variable);
  expect(captured).toEqual([
    { name: 'v', value: 'one\ntwo\n' },
    { name: 'w', value: '\nthree' },
    { name: 'x', value: '' },
  ]);
  expect(state.status).toBe('success');
});

test('what is recorded of an end: its code, what it used, what it captured, and nothing that was not there', async () => {
  const usage = { cpu_user_ms: 5, peak_memory_bytes: 7 };
  const { bench } = benchOf({ a: { exitCode: 0, usage } });
  await run(bench, pipelineOf([stage('a'), stage('b', ['a'])]));
  const [a, b] = eventsOf(bench, 'step.finished');
  expect(a).toMatchObject({ exit_code: 0, usage, log_bytes: 9, adopted: false });
  expect(a?.duration_ms).toBeLessThan(500);
  for (const key of ['exit_code', 'usage', 'failure', 'variable']) expect(b).not.toHaveProperty(key);
});

test('a command that failed captures nothing', async () => {
  const { bench } = benchOf({ a: { ...exitOne, captured: 'half' } });
  await run(bench, pipelineOf([stage('a', [], steps(step('a', { variable: 'v' })))]));
  expect(eventsOf(bench, 'step.finished')[0]).not.toHaveProperty('variable');
});

test.each<[CommandOutcome['failure'] & object, readonly string[]]>([
  [{ reason: 'exit-non-zero', exit_code: 1 }, ['step', 'tail']],
  [{ reason: 'command-not-found' }, ['step', 'tail']],
  [{ reason: 'command-not-executable' }, ['step', 'tail']],
  [{ reason: 'signal', signal: 'SIGSEGV' }, ['step', 'tail']],
  [{ reason: 'timed-out', limit_ms: 1, scope: 'step' }, ['step']],
  [{ reason: 'memory-limit', limit_bytes: 1 }, ['step']],
  [{ reason: 'limit-unavailable', detail: 'no cgroups' }, []],
])('a failure %j says which step it was, and its last lines where they explain it', async (failure, keys) => {
  const { bench } = benchOf({ a: { failure } });
  const state = await run(bench, pipelineOf([stage('a')]));
  const more = { step: 'a', tail: ['last line'] };
  const expected = Object.fromEntries(Object.entries(more).filter(([key]) => keys.includes(key)));
  expect(state.stages['a']?.failure).toStrictEqual({ ...failure, ...expected });
});

/** A run whose journal ends at the first event that `last` accepts, as a crash leaves it. */
async function crashedAt(
  bench: TestBench,
  definition: PipelineDefinition,
  last: (event: RunEvent) => boolean,
) {
  const { run_id: runId } = await run(bench, definition);
  const events = bench.store.journals.get(runId) ?? [];
  bench.store.journals.set(runId, events.slice(0, events.findIndex(last) + 1));
  return runId;
}

test('a step whose failure was recorded before a crash has failed, and is not run again', async () => {
  const { bench, started } = benchOf({ a: exitOne });
  const definition = pipelineOf([stage('a'), stage('b', ['a'])]);
  const runId = await crashedAt(bench, definition, ({ type }) => type === 'step.finished');
  const state = valueOf(await createEngine(bench.deps).continue(runId, driveWith()));
  expect(state.stages).toMatchObject({ a: { status: 'failed', failure: { reason: 'exit-non-zero' } } });
  expect(started).toHaveLength(1);
});

test('a lost step that a person calls done counts as adopted, and what follows runs', async () => {
  const { bench, started } = benchOf();
  const prompter = {
    confirm: () => Promise.resolve({ answer: 'nobody' as const }),
    interrupted: () => Promise.resolve('skip' as const),
  };
  const definition = pipelineOf([stage('a', [], { on_interrupt: 'ask' }), stage('b', ['a'])]);
  const runId = await crashedAt(bench, definition, ({ type }) => type === 'step.started');
  bench.executor.recoveries['a.a@1-1'] = { state: 'lost', detail: 'the machine restarted' };
  started.length = 0;
  const engine = createEngine({ ...bench.deps, prompter });
  const state = valueOf(await engine.continue(runId, driveWith()));
  expect(state.status).toBe('success');
  expect(state.stages['a']?.steps['a']?.finished).toMatchObject({ adopted: true });
  expect(started.map(({ command }) => command.script)).toEqual(['b']);
});

test('each attempt, and each try of a step in it, has a log or a token of its own', async () => {
  const { bench, started } = benchOf({ a: exitOne });
  const retry = { ...stage('a').retry, max_attempts: 2 };
  const definition = pipelineOf([stage('a', [], { retry })]);
  await run(bench, definition);
  expect(started.map(({ command, output }) => [command.token, output.logFile])).toEqual([
    ['a.a@1-1', `${RUN_FOLDER}/logs/a.a.log`],
    ['a.a@2-1', `${RUN_FOLDER}/logs/a.a@2.log`],
  ]);
  expect(started.map(({ command }) => command.env['PIPEWRIGHT_ATTEMPT'])).toEqual(['1', '2']);
});

test('the tenth try of a lost step still has a new token', async () => {
  const { bench, started } = benchOf();
  const runId = await crashedAt(bench, pipelineOf([stage('a-1')]), ({ type }) => type === 'step.started');
  const engine = createEngine(bench.deps);
  for (let tries = 2; tries <= 12; tries += 1) {
    valueOf(await engine.continue(runId, driveWith()));
    const events = bench.store.journals.get(runId) ?? [];
    const end = events.findLastIndex(({ type }) => type === 'step.started');
    bench.store.journals.set(runId, events.slice(0, end + 1));
  }
  expect(started.map(({ command }) => command.token)).toEqual(
    Array.from({ length: 12 }, (_, index) => `a-1.a-1@1-${index + 1}`),
  );
});
