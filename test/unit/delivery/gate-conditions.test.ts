import { expect, test } from 'vitest';
import type { Analysis } from '../../../src/core/analysis.ts';
import * as conditions from '../../../src/delivery/deploy/conditions.ts';

/* Each condition of the gate, from facts alone: what opens it, what closes it, and what is for a person to say. */

const place = (change: Partial<conditions.PlaceFacts> = {}): conditions.PlaceFacts => ({
  place: 'web@local',
  previous_problems: [],
  problems: [],
  free_bytes: 10e9,
  needed_bytes: 1e6,
  volume: '/srv',
  digest_on_host: true,
  ...change,
});
const previous = { digest: 'sha256:1', run_id: 'r', commit: 'c' };
const ANALYSIS: Analysis = {
  changes: {
    any: true,
    head: 'c',
    base: null,
    is_dirty: false,
    files_count: 1,
    categories: {},
    counts: {},
    is_truncated: false,
    services: {},
  },
  decisions: [],
};
const COMMIT = '0123456789abcdef';

const verdicts = (found: readonly { readonly name: string; readonly verdict: string }[]) =>
  Object.fromEntries(found.map(({ name, verdict }) => [name, verdict]));

test.each([
  [[], undefined, 'unmeasured', 'this pipeline has no stage that tests'],
  [
    [
      ['unit', 'passed'],
      ['e2e', 'warning'],
    ],
    undefined,
    'passed',
    'no critical test failed',
  ],
  [
    [
      ['unit', 'failed'],
      ['e2e', 'skipped'],
    ],
    undefined,
    'failed',
    'unit is failed',
  ],
  [[['unit', 'pending']], undefined, 'failed', 'unit is pending'],
  [[['unit', 'skipped']], undefined, 'inconclusive', 'unit skipped: this tree was not tested'],
  [[['unit', 'skipped']], 'analysis', 'passed', 'unit skipped by what has changed'],
] as const)('tests %j, %s: %s', (stages, analysed, verdict, reason) => {
  const found = conditions.testsPassed(
    stages.map(([name, status]) => ({ name, status })),
    analysed && ANALYSIS,
  );
  expect(found).toMatchObject({ verdict, reason });
  expect(found.evidence).toEqual(Object.fromEntries(stages));
});

test('every service that is to be deployed was built', () => {
  expect(conditions.artifactsExist(['api', 'web'], ['web', 'old'])).toMatchObject({
    verdict: 'failed',
    reason: 'not built: api',
  });
  expect(conditions.artifactsExist(['web'], ['web'])).toMatchObject({ verdict: 'passed' });
});

test('a way back: open, closed with what is missing, and none at a first deploy', () => {
  expect(verdicts(conditions.rollbackPossible([place({ previous })]))).toEqual({
    'rollback-target': 'passed',
    'first-deploy': 'passed',
  });
  const broken = place({ previous, previous_problems: ['release 1 is not there', 'no tar'] });
  const [target] = conditions.rollbackPossible([broken]);
  expect(target).toMatchObject({ verdict: 'failed', reason: 'web@local: release 1 is not there, no tar' });
  const some = conditions.rollbackPossible([place({ previous }), place({ place: 'web@second' })]);
  expect(verdicts(some)).toEqual({ 'rollback-target': 'passed', 'first-deploy': 'inconclusive' });
  // Nothing to say of a target where there is none anywhere.
  expect(verdicts(conditions.rollbackPossible([place()]))).toEqual({ 'first-deploy': 'inconclusive' });
});

test.each([
  [{ free_bytes: 3e9 }, 'passed'],
  [{ free_bytes: 2e9 - 1 }, 'failed'],
  [{ free_bytes: 3e9, needed_bytes: 4e9 }, 'failed'],
  // A host that does not tell has none.
  [{ free_bytes: Number.NaN }, 'failed'],
] as const)('room: %j over a floor of 2 GB: %s', (facts, verdict) => {
  expect(conditions.diskFree([place({ free_bytes: 9e9 }), place(facts)], 2e9).verdict).toBe(verdict);
});

test('hosts: all that are silent are said, with their reasons', () => {
  expect(conditions.hostsAnswer({ a: undefined, b: 'refused', c: 'timeout' })).toMatchObject({
    verdict: 'failed',
    reason: 'b: refused; c: timeout',
  });
  expect(conditions.hostsAnswer({ a: undefined })).toMatchObject({ verdict: 'passed', reason: 'a answered' });
});

test('what lies there is what was built and could start; of what was never brought there nothing is said', () => {
  expect(verdicts(conditions.startable([place()]))).toEqual({ digest: 'passed', startable: 'passed' });
  const wrong = place({ digest_on_host: false, problems: ['port 80 is taken'] });
  expect(conditions.startable([place(), wrong])).toMatchObject([
    { verdict: 'failed', reason: 'not what was built: web@local' },
    { verdict: 'failed', reason: 'web@local: port 80 is taken' },
  ]);
  const { digest_on_host: _, ...unknown } = place();
  expect(verdicts(conditions.startable([unknown]))).toEqual({
    digest: 'unmeasured',
    startable: 'unmeasured',
  });
});

test('an older commit and one that was rolled back from need a word, and take it', () => {
  const newer = { web: 'fedcba9876543210' };
  const order = (isAllowed: boolean) =>
    conditions.noNewerDeploy({ commit: COMMIT, newer, allow_older: isAllowed });
  expect(order(false)).toMatchObject({
    verdict: 'failed',
    reason: 'web runs fedcba9, which is newer than 0123456; allow_older: true deploys it all the same',
  });
  expect(order(true)).toMatchObject({
    verdict: 'passed',
    reason: expect.stringContaining('allowed by allow_older'),
  });
  expect(conditions.notBad(COMMIT, ['api', 'web'], false)).toMatchObject({
    verdict: 'inconclusive',
    reason: '0123456 was rolled back from in api, web',
  });
  expect(conditions.notBad(COMMIT, ['web'], true)).toMatchObject({
    verdict: 'passed',
    reason: '0123456 was rolled back from in web; allowed by allow_bad',
  });
});

test('a change of the database is named, three files of it', () => {
  const files = ['1.sql', '2.sql', '3.sql', '4.sql'];
  expect(conditions.migration(files)).toMatchObject({
    verdict: 'inconclusive',
    reason: 'the database changes (1.sql, 2.sql, 3.sql): no automatic rollback',
    evidence: { files },
  });
});
