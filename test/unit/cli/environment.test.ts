import { expect, test } from 'vitest';
import { findEnvironment, inEnvironment } from '../../../src/cli/environment.ts';
import type { StartRequest } from '../../../src/core/engine/api.ts';
import { exclusionsOf } from '../../../src/core/engine/decide.ts';
import { defaultSettings } from '../../../src/core/settings/index.ts';
import { created } from '../reporters/run-of-events.ts';

const settings = defaultSettings('shop');
const guarded = { env: {}, params: {}, require_confirmation: true, settings };

function requestFor(selection: StartRequest['selection']): StartRequest {
  const event = created(['unit', 'deploy', 'notify']);
  if (event.type !== 'run.created') throw new Error('not the first event');
  const [unit, deploy, notify] = event.definition.stages;
  if (!unit || !deploy || !notify) throw new Error('three stages');
  const stages = [
    unit,
    { ...deploy, needs: { unit: ['passed' as const] } },
    { ...notify, needs: { deploy: ['failed' as const] } },
  ];
  return {
    ...event,
    definition: { ...event.definition, stages },
    selection,
    settings: defaultSettings('demo'),
    assumeYes: false,
    maxConsecutiveFailures: 3,
  };
}

test.each([
  [{ skip: [], only: [] }, ['confirm-environment', 'unit', 'deploy', 'notify']],
  [{ skip: [], only: ['notify'] }, ['confirm-environment', 'notify']],
  [{ skip: [], only: [], from: 'deploy' }, ['confirm-environment', 'deploy', 'notify']],
  [{ skip: ['unit'], only: [] }, ['confirm-environment', 'deploy', 'notify']],
])('no selection leads around the question of an environment: %o', (selection, left) => {
  const { definition, selection: chosen } = inEnvironment(requestFor(selection), guarded, 1_000);
  const excluded = exclusionsOf(definition, chosen);
  const names = definition.stages.map(({ name }) => name).filter((name) => !excluded[name]);
  expect(names).toEqual(left);
  const others = definition.stages.slice(1);
  expect(others.every(({ needs }) => needs['confirm-environment']?.join() === 'passed')).toBe(true);
  expect(definition.stages[0]).toMatchObject({
    uses: 'approval',
    confirmation: { message: 'Run release in staging?', expires_ms: 1_000 },
  });
});

test('variables of the environment go over those of the pipeline', () => {
  const place = { text: 'staging', script: 'staging', values: [] };
  const staging = { env: { WHERE: place }, params: {}, require_confirmation: false, settings };
  const request = requestFor({ skip: [], only: [] });
  expect(inEnvironment(request, staging, 1).definition.env).toEqual({ WHERE: place });
  expect(inEnvironment(request, undefined, 1)).toBe(request);
});

test('where environments are declared another name is a mistake', () => {
  const declared = { production: guarded };
  expect(findEnvironment('production', declared)).toEqual({ ok: true, value: guarded });
  expect(findEnvironment('default', declared)).toEqual({ ok: true, value: undefined });
  expect(findEnvironment('anything', {})).toEqual({ ok: true, value: undefined });
  expect(findEnvironment('prodution', declared)).toMatchObject({
    ok: false,
    failure: { message: 'There is no environment "prodution". Did you mean "production"?' },
  });
});
