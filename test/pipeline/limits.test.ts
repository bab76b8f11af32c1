import { expect, test } from 'vitest';
import { createEngine } from '../../src/core/engine/engine.ts';
import { failed, ok } from '../../src/core/failure.ts';
import type { Executor } from '../../src/core/ports.ts';
import { systemClock } from '../../src/system/clock.ts';
import { valueOf } from '../support/results.ts';
import { driveWith, pipelineOf, requestFor, stage, step, testBench } from '../support/fakes.ts';

/* What a stage is given and what it is not: time, and secrets. */

/** Its step `slow` lasts until it is ended. */
function bench() {
  const slow = (signal: AbortSignal) =>
    new Promise<object>((resolve) => {
      signal.addEventListener('abort', () => resolve({ failure: { reason: 'signal', signal: 'SIGTERM' } }));
    });
  const made = testBench({ slow }, { clock: systemClock });
  return { ...made, engine: createEngine(made.deps) };
}

test.each([
  ['of the attempt', { timeout_ms: 100 }, { scope: 'attempt', limit_ms: 100 }, 2],
  ['of all attempts', { total_timeout_ms: 150 }, { scope: 'total', limit_ms: 150 }, 1],
] as const)('a limit %s ends its command and says which one it was', async (_name, limit, failure, tries) => {
  const { engine, executor } = bench();
  const { retry } = stage('slow');
  const twice = { ...retry, max_attempts: 2, delay_ms: 1, on: ['timeout'] as const };
  const stages = [stage('slow', [], { ...limit, retry: twice })];
  const state = valueOf(await engine.start(requestFor(pipelineOf(stages)), driveWith()));
  expect(state.stages['slow']).toMatchObject({
    status: 'failed',
    failure: { reason: 'timed-out', ...failure },
  });
  expect(executor.ran).toHaveLength(tries);
});

test('the limit of a step names the step', async () => {
  const { engine } = bench();
  const steps = JSON.parse(JSON.stringify({ steps: [step('slow', { timeout_ms: 100 })] }));
  const state = valueOf(
    await engine.start(requestFor(pipelineOf([stage('a', [], { config: steps })])), driveWith()),
  );
  expect(state.stages['a']).toMatchObject({
    failure: { reason: 'timed-out', scope: 'step', limit_ms: 100, step: 'slow' },
  });
});

test('secrets reach the stages that name them, with what to mask in their logs; one that is missing fails its stage', async () => {
  const given: unknown[] = [];
  const { deps, executor } = testBench();
  const listening: Executor = {
    ...executor,
    run: async ({ env }, { secrets }) => {
      given.push([env['TOKEN'], secrets]);
      return {};
    },
  };
  const change = {
    secrets: {
      resolve: async (name: string) =>
        name === 'TOKEN'
          ? ok('s3cret')
          : failed({ reason: 'secret-unavailable' as const, name, detail: 'NOWHERE is not set' }),
    },
    executors: (run: Parameters<typeof deps.executors>[0]) => ({
      ...deps.executors(run),
      open: async () => ok(listening),
    }),
  };
  const stages = [
    stage('with', [], { secrets: ['TOKEN'] }),
    stage('without', ['with']),
    stage('missing', ['without'], { secrets: ['GONE'] }),
  ];
  const definition = pipelineOf(stages, { secrets: { TOKEN: 'env:TOKEN', GONE: 'env:NOWHERE' } });
  const engine = createEngine({ ...deps, ...change });
  const state = valueOf(await engine.start(requestFor(definition), driveWith()));
  expect(given).toEqual([
    ['s3cret', ['s3cret']],
    [undefined, []],
  ]);
  expect(state.stages['missing']).toMatchObject({
    status: 'failed',
    failure: { reason: 'secret-unavailable', name: 'GONE', detail: 'NOWHERE is not set' },
  });
});
