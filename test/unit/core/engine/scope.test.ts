import { expect, test } from 'vitest';
import {
  allStages,
  downstreamOf,
  findStage,
  loadConditions,
  scopeOf,
  variablesOf,
} from '../../../../src/core/engine/scope.ts';
import { isUnitOpen } from '../../../../src/core/engine/unit.ts';
import { checkSelection } from '../../../../src/core/engine/selection.ts';
import { idleRun, type RunState } from '../../../../src/core/run-state.ts';
import { pendingStage, type StageState } from '../../../../src/core/stage-state.ts';
import { pipelineOf, stage } from '../../../support/fakes.ts';

const deep = pipelineOf([stage('c', ['b'])], { name: 'deep' });
const inner = pipelineOf([stage('b'), stage('deep', [], { uses: 'pipeline', pipeline: deep })], {
  name: 'inner',
  finally: [stage('tidy')],
});
const outer = pipelineOf([stage('a'), stage('in', ['a'], { uses: 'pipeline', pipeline: inner })], {
  finally: [stage('clean')],
});

const FACTS = {
  run_id: 'r',
  environment: 'staging',
  trigger: 'hook',
  project: '/p',
  commits: ['c1', 'c2'],
  artifacts: '/s/artifacts',
};

function stateOf(name: string, change: Partial<StageState>): StageState {
  return { ...pendingStage(name, 'shell'), status: 'passed', attempt: 1, ...change };
}

function runWith(...stages: readonly StageState[]): RunState {
  return { ...idleRun('r'), stages: Object.fromEntries(stages.map((one) => [one.name, one])) };
}

/** A step as far as its captured variable is concerned; without one, a step that still runs. */
function steps(name: string, value?: string): StageState['steps'] {
  const base = { seq: 1, at: '', run_id: 'r', stage: 'a', step: name, attempt: 1 };
  const started = {
    ...base,
    type: 'step.started' as const,
    index: 1,
    total: 1,
    command: name,
    context: 'local',
    log: '',
    token: '',
  };
  const finished = { ...base, type: 'step.finished' as const, duration_ms: 1, log_bytes: 0, adopted: false };
  return {
    [name]: { started, ...(value !== undefined && { finished: { ...finished, variable: { name, value } } }) },
  };
}

test('a stage is found by its name, through the pipelines around it, and at the end of each', () => {
  expect(findStage(outer, 'a')?.name).toBe('a');
  expect(findStage(outer, 'clean')?.name).toBe('clean');
  expect(findStage(outer, 'in/tidy')?.name).toBe('tidy');
  expect(findStage(outer, 'in/deep/c')?.name).toBe('c');
  const absent = ['b', 'in/c', 'a/b', 'in/nope', '', '/'];
  expect(absent.filter((id) => findStage(outer, id) !== undefined)).toEqual([]);
  expect(allStages(outer).map(({ name }) => name)).toEqual(['a', 'in', 'clean']);
});

test('what needs a stage, directly or not, comes in the order of the pipeline and without itself', () => {
  const stages = [stage('d', ['c']), stage('a'), stage('b', ['a']), stage('c', ['b', 'x']), stage('x')];
  const definition = pipelineOf(stages);
  expect(downstreamOf(definition, new Set(['a']))).toEqual(['d', 'b', 'c']);
  expect(downstreamOf(definition, new Set(['x', 'b']))).toEqual(['d', 'c']);
  expect(downstreamOf(definition, new Set(['d']))).toEqual([]);
});

test('templates of a stage inside read its own pipeline', () => {
  const scope = { definition: outer, prefix: '', params: { v: 1 } };
  expect(scopeOf(scope, 'a')).toBe(scope);
  expect(scopeOf(scope, 'clean')).toBe(scope);
  expect(scopeOf(scope, 'in/b')).toEqual({ definition: inner, prefix: 'in/', params: { v: 1 } });
  expect(scopeOf(scope, 'in/deep/c')).toEqual({ definition: deep, prefix: 'in/deep/', params: { v: 1 } });
  expect(scopeOf(scope, 'in')).toBe(scope);
});

test('outputs, then parameters, then the built-in names: the later ones win', () => {
  const state = runWith(
    stateOf('a', { outputs: { x: 'a', shared: 'a', environment: 'nowhere' } }),
    stateOf('in', { status: 'running', outputs: { shared: 'in', v: 'from a stage' } }),
    stateOf('in/b', { outputs: { hidden: true } }),
    stateOf('clean', { status: 'pending' }),
  );
  const scope = { definition: outer, prefix: '', params: { v: 1 } };
  expect(variablesOf(scope, FACTS, state)).toEqual({
    x: 'a',
    shared: 'in',
    v: 1,
    params: { v: 1 },
    stages: {
      a: {
        kind: 'shell',
        status: 'passed',
        outputs: { x: 'a', shared: 'a', environment: 'nowhere' },
      },
      in: { kind: 'pipeline', status: 'running', outputs: { shared: 'in', v: 'from a stage' } },
      clean: { kind: 'shell', status: 'pending', outputs: {} },
    },
    pipeline: 'demo',
    environment: 'staging',
    project: '/p',
    artifacts: '/s/artifacts',
    commits: ['c1', 'c2'],
    run_id: 'r',
    run: { id: 'r', trigger: 'hook', commits: ['c1', 'c2'] },
  });
});

test('a pipeline inside sees its own stages under their short names, and no others', () => {
  const state = runWith(
    stateOf('a', { outputs: { outside: true } }),
    stateOf('in/b', { outputs: { inside: true } }),
  );
  const seen = variablesOf({ definition: inner, prefix: 'in/', params: {} }, FACTS, state);
  expect(seen).toMatchObject({ inside: true, stages: { b: { outputs: { inside: true } } } });
  expect(seen).not.toHaveProperty('outside');
  expect(seen['pipeline']).toBe('inner');
});

test('what a step has captured counts before its stage ends; an output of the same name wins', () => {
  const state = runWith(
    stateOf('a', { status: 'running', steps: { ...steps('v', 'captured'), ...steps('open') } }),
    stateOf('in', { steps: steps('w', 'captured'), outputs: { w: 'output' } }),
  );
  const seen = variablesOf({ definition: outer, prefix: '', params: {} }, FACTS, state);
  expect(seen).toMatchObject({ v: 'captured', w: 'output' });
  expect(seen).not.toHaveProperty('open');
});

test('conditions are loaded only for a pipeline that has one, also at its end', async () => {
  let loads = 0;
  const conditions = {
    evaluate: () => {
      throw new Error('not asked');
    },
    reads: () => [],
    load: () => {
      loads += 1;
      return Promise.resolve();
    },
  };
  await loadConditions({ conditions }, { definition: pipelineOf([stage('a')]) });
  expect(loads).toBe(0);
  await loadConditions({ conditions }, { definition: pipelineOf([stage('a', [], { if: 'x' }), stage('b')]) });
  expect(loads).toBe(1);
  const atEnd = pipelineOf([stage('a')], { finally: [stage('b', [], { if: 'x' })] });
  await loadConditions({ conditions }, { definition: atEnd });
  expect(loads).toBe(2);
  const { load: _, ...without } = conditions;
  await loadConditions({ conditions: without }, { definition: atEnd });
});

test('a deploy that has begun is a unit until the run ends or it is undone', () => {
  const acted = { undoable: true as const, steps: steps('s'), status: 'running' as const };
  const isOpen = (change: Partial<StageState>) => isUnitOpen(runWith(stateOf('a', change), stateOf('b', {})));
  expect(isOpen(acted)).toBe(true);
  expect(isOpen({ ...acted, status: 'passed' })).toBe(true);
  expect(isOpen({ ...acted, status: 'failed' })).toBe(true);
  expect(isOpen({ ...acted, status: 'rolled_back' })).toBe(false);
  expect(isOpen({ ...acted, status: 'skipped' })).toBe(false);
  expect(isOpen({ ...acted, steps: {} })).toBe(false);
  expect(isOpen({ steps: steps('s') })).toBe(false);
  expect(isOpen({ steps: steps('s'), kind: 'rollback' })).toBe(true);
  expect(isUnitOpen(undefined)).toBe(false);
  expect(isUnitOpen({ ...runWith(stateOf('a', acted)), finished_at: 'now' })).toBe(false);
});

test('a selection names stages that are there; the first that is not is named, with what is near', () => {
  const definition = pipelineOf([stage('build'), stage('deploy', ['build'])]);
  const check = (selection: Partial<Parameters<typeof checkSelection>[0]['selection']>) =>
    checkSelection({ definition, selection: { skip: [], only: [], ...selection } });
  expect(check({})).toEqual({ ok: true, value: undefined });
  expect(check({ skip: ['build'], only: ['deploy'], from: 'build' })).toEqual({ ok: true, value: undefined });
  const refused = {
    ok: false,
    failure: {
      reason: 'invalid',
      message: 'There is no stage "biuld" in demo. Did you mean "build"?',
      hint: 'its stages: build, deploy',
    },
  };
  expect(check({ skip: ['biuld'] })).toEqual(refused);
  expect(check({ only: ['build', 'biuld'] })).toEqual(refused);
  expect(check({ from: 'biuld' })).toEqual(refused);
  expect(check({ from: 'zzzzzzzz' })).toMatchObject({
    failure: { message: 'There is no stage "zzzzzzzz" in demo.' },
  });
});
