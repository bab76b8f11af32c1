import { assert, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import type { RunRecord, RunSummary } from '../../../src/core/run-index.ts';
import { RunCounters } from '../../../src/server/metrics/fold.ts';
import { labelOf, metricsText } from '../../../src/server/metrics/text.ts';
import { parseMetrics } from '../../support/serve.ts';

function ended(pipeline: string, summary: Partial<RunSummary> = {}): RunRecord {
  const run_id = `${pipeline} ${summary.pipeline_id ?? '1'}`;
  return {
    type: 'run.ended',
    run_id,
    at: '2026-11-28T10:00:00Z',
    max_consecutive_failures: 0,
    summary: {
      pipeline_id: run_id,
      pipeline,
      environment: 'default',
      status: 'success',
      trigger: 'manual',
      started_at: '2026-11-28T09:00:00Z',
      stages: [],
      decisions: [],
      ...summary,
    },
  };
}

test('the values that a label holds come back as they went in, cut and without what steers a terminal', () => {
  assert(
    property(string({ unit: 'binary', maxLength: 300 }), (name) => {
      const counters = new RunCounters();
      counters.add([ended(name, { duration_ms: 1500 })]);
      const samples = parseMetrics(metricsText(counters.metrics()));
      expect(samples.every(({ labels }) => labels['pipeline'] === labelOf(name))).toBe(true);
      expect(samples.find(({ name: metric }) => metric.endsWith('_count'))?.value).toBe(1);
    }),
  );
});

test('the number of lines does not grow with the number of names', () => {
  const counters = new RunCounters();
  for (let index = 0; index < 5000; index += 1) {
    const stages = [{ name: `stage${index}`, status: 'failed' }];
    counters.add([ended(`p${index}`, { status: 'failed', duration_ms: index, stages })]);
  }
  const samples = parseMetrics(metricsText(counters.metrics()));
  expect(samples.length).toBeLessThan(201 * 20);
  const total = samples.filter(({ name }) => name === 'pipewright_runs_total');
  expect(total.reduce((sum, { value }) => sum + value, 0)).toBe(5000);
  expect(total.find(({ labels }) => labels['pipeline'] === '(others)')?.value).toBe(4800);
});

test('classes of the histogram hold all that is shorter; runs that wait are known until they go on', () => {
  const counters = new RunCounters();
  counters.add([ended('a', { duration_ms: 5000 }), ended('a', { duration_ms: 400_000 })]);
  counters.add([ended('b', { status: 'waiting' })]);
  const samples = parseMetrics(metricsText(counters.metrics()));
  const bucket = (le: string): number | undefined => samples.find(({ labels }) => labels['le'] === le)?.value;
  expect([bucket('1'), bucket('5'), bucket('300'), bucket('600'), bucket('+Inf')]).toEqual([0, 1, 1, 2, 2]);
  expect(counters.waiting).toEqual(new Set(['b 1']));
  counters.add([ended('b', { status: 'cancelled' })]);
  expect(counters.waiting.size).toBe(0);
});
