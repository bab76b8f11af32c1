import { expect, test } from 'vitest';
import type { InstanceFacts } from '../../../src/core/runtime.ts';
import { verifySchema } from '../../../src/core/settings/verify.ts';
import { median } from '../../../src/delivery/median.ts';
import { type Expected, judge, type Look, slowLimit } from '../../../src/delivery/verify/judge.ts';
import latencies from '../../fixtures/latencies-ms.json' with { type: 'json' };

const settings = verifySchema.parse({}).watchdog;
const facts: InstanceFacts = {
  id: '7:9',
  is_running: true,
  started_at: '2026-01-01T00:00:00Z',
  restart_count: 0,
};
const expected: Expected = { place: 'web@local', facts, baseline_ms: { '/': 100 } };

function look(change: Partial<Look> = {}, ms = 100): Look {
  const samples = Array.from({ length: 10 }, () => ({ path: '/', status: 200, duration_ms: ms }));
  return { place: 'web@local', samples, facts, ...change };
}

test('all as before passes', () => {
  expect(judge([look(), look()], expected, settings).verdict).toBe('passed');
});

test('one 500 fails, unless as many are looked over', () => {
  const bad = look({ samples: [{ path: '/', status: 503, duration_ms: 3 }] });
  expect(judge([look(), bad, look()], expected, settings)).toEqual({
    verdict: 'failed',
    reason: 'web@local: 1 x 503 at /',
  });
  expect(judge([bad], expected, { ...settings, max_5xx: 1 }).verdict).toBe('passed');
});

test('one slow look is inconclusive while it is the last, two in a row fail', () => {
  const slow = look({}, 250);
  expect(judge([look(), slow], expected, settings).verdict).toBe('inconclusive');
  expect(judge([look(), slow, look()], expected, settings).verdict).toBe('passed');
  expect(judge([slow, slow], expected, settings)).toMatchObject({
    verdict: 'failed',
    reason: 'web@local: / took 250 ms instead of 100 ms in 2 of the last 2 looks',
  });
});

test('K of the last N looks: a slow one between good ones counts as long as the window is', () => {
  const wide = { ...settings, strikes: 2, window: 3 };
  expect(judge([look({}, 250), look(), look({}, 250)], expected, wide).verdict).toBe('failed');
});

test('what is faster than the floor allows is never slow', () => {
  expect(slowLimit(2, settings)).toBe(102);
  expect(
    judge([look({}, 90), look({}, 90)], { ...expected, baseline_ms: { '/': 2 } }, settings).verdict,
  ).toBe('passed');
});

test.each([
  ['a restart', { restart_count: 1 }],
  ['another start with the same count, as after docker restart', { started_at: '2026-01-01T00:00:09Z' }],
  ['an end', { is_running: false, exit_code: 3 }],
  ['another instance', { id: '8:9' }],
])('%s fails', (_name, change) => {
  expect(judge([look(), look({ facts: { ...facts, ...change } })], expected, settings).verdict).toBe(
    'failed',
  );
});

test('a host that cannot be asked is unmeasured, not failed; seldom asked is inconclusive', () => {
  const { facts: _, ...blind } = look();
  expect(judge([blind, blind], expected, settings).verdict).toBe('unmeasured');
  expect(judge([look(), blind, blind], expected, settings).verdict).toBe('inconclusive');
});

test('no answers at all in two looks fail', () => {
  const silent = look({ samples: [{ path: '/', duration_ms: 5000 }] });
  expect(judge([look(), silent], expected, settings).verdict).toBe('inconclusive');
  expect(judge([silent, silent], expected, settings)).toMatchObject({
    verdict: 'failed',
    reason: 'web@local: / did not answer in 2 of the last 2 looks',
  });
});

/**
 * One deploy of a healthy service: baseline and six looks, drawn from latencies that a real service had (every fourth of
 * 2 000, and each of the 40 slowest: a longer tail than it really has).
 */
function simulate(random: () => number, floorMs: number): string {
  const draw = (): number => latencies[Math.floor(random() * latencies.length)] ?? 0;
  const baseline = median(Array.from({ length: settings.samples * 2 }, draw)) ?? 0;
  const watched = { ...settings, latency_floor: floorMs };
  const looks: Look[] = [];
  for (let round = 0; round < 6; round += 1) {
    const samples = Array.from({ length: settings.samples }, () => ({
      path: '/',
      status: 200,
      duration_ms: draw(),
    }));
    looks.push({ place: 'web@local', samples, facts });
    const { verdict } = judge(looks, { ...expected, baseline_ms: { '/': baseline } }, watched);
    if (verdict === 'failed') return verdict;
  }
  return 'passed';
}

test.each([settings.latency_floor, 1])(
  'of 1 000 deploys of a healthy service at most one is undone, with a floor of %d ms',
  (floorMs) => {
    let seed = 20_261_128;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    const verdicts = Array.from({ length: 1000 }, () => simulate(random, floorMs));
    expect(verdicts.filter((verdict) => verdict === 'failed').length).toBeLessThanOrEqual(1);
  },
);
