import { expect, test } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { defaultSettings } from '../../../src/core/settings/index.ts';
import { deploySchema } from '../../../src/core/settings/deploy.ts';
import { deploy } from '../../../src/stages/deploy.ts';
import { serviceBuild } from '../../../src/stages/service-build.ts';
import { verify } from '../../../src/stages/verify.ts';

const view = (variables: JsonObject, services: JsonObject = { api: { port: 80 } }, isForetold = false) => ({
  settings: {
    ...defaultSettings('shop'),
    deploy: deploySchema.parse({ runtime: 'process', hosts: ['local'], services }),
  },
  variables,
  isForetold,
});
const analysis = (build: boolean): JsonObject => ({
  changes: {
    any: true,
    head: 'a',
    categories: {},
    counts: {},
    services: { api: { build, rule: 'unchanged', reason: 'no file of it' } },
  },
  decisions: [],
});
const OPTIONS = { allow_older: false, redeploy: false };

test('services of which none has changed leave nothing to build, each with its reason', () => {
  expect(serviceBuild.idle?.({}, view(analysis(false)))).toEqual({
    reason: 'no service has to be built',
    evidence: [{ name: 'build api', value: 'no (unchanged): no file of it' }],
  });
  expect(serviceBuild.idle?.({}, view(analysis(true)))).toBeUndefined();
});

test('without an analysis everything is built', () => {
  expect(serviceBuild.idle?.({}, view({}))).toBeUndefined();
});

test('a deploy has nothing to do when nothing was built and nothing has changed; a plan cannot know it', () => {
  expect(deploy.idle?.(OPTIONS, view(analysis(false)))).toEqual({
    reason: 'no service was built and none has changed',
  });
  expect(deploy.idle?.(OPTIONS, view(analysis(false), undefined, true))).toBeUndefined();
  expect(deploy.idle?.(OPTIONS, view(analysis(true)))).toBeUndefined();
  const artifacts = {
    api: { digest: 'sha256:1', reference: 'api:1', commit: 'a', run_id: 'r', size_bytes: 1 },
  };
  const stages = { pack: { outputs: { artifacts } } };
  expect(deploy.idle?.(OPTIONS, view({ ...analysis(false), stages }))).toBeUndefined();
});

test('a verify has nothing to do when nothing was deployed', () => {
  expect(verify.idle?.({}, view({}))).toEqual({ reason: 'nothing was deployed' });
  expect(verify.idle?.({}, view({}, undefined, true))).toBeUndefined();
  expect(verify.idle?.({}, view({}, {}, true))).toMatchObject({
    reason: 'pipewright.yaml deploys no service',
  });
});
