import { expect, test } from 'vitest';
import type { Failure } from '../../../src/core/failure.ts';
import { describeFailure } from '../../../src/reporters/describe-failure.ts';
import { formatBytes, formatDuration, table } from '../../../src/reporters/format.ts';
import { runDocument } from '../../../src/reporters/run-document.ts';
import { runsLines } from '../../../src/reporters/runs.ts';
import { showLines } from '../../../src/reporters/show.ts';
import { createStyle } from '../../../src/reporters/style.ts';
import { whyLines } from '../../../src/reporters/why.ts';
import { created, failing, stateAfter, waiting } from './run-of-events.ts';

const plain = createStyle(false);
const failedRun = stateAfter([
  created(['unit', 'deploy']),
  ...failing('unit', ['x']),
  { type: 'run.finished', status: 'failed', duration_ms: 2_900, exit_code: 1 },
]);

test('why prints rule, reason, evidence, what would flip it and every attempt', () => {
  const text = whyLines(failedRun, Object.values(failedRun.stages), plain).join('\n');
  expect(text).toContain('  run  [condition-true]  the condition holds\n    params.source = /srv/data\n');
  expect(text).toContain('  would flip: params.source were empty');
  expect(text).toContain('  attempt 1 failed after 400 ms: step "test" exited with code 1');
  expect(text).toContain('  attempt 2 ended: step "test" exited with code 1');
});

test('why says who confirmed, when and how', () => {
  const answered = stateAfter([
    created(['deploy']),
    ...waiting('deploy'),
    {
      type: 'confirmation.answered',
      stage: 'deploy',
      answer: 'approved',
      by: 'eve@laptop',
      via: 'command',
      comment: 'looks good',
      plan_hash: 'abcdef0123456789'.repeat(4),
    },
  ]);
  expect(whyLines(answered, Object.values(answered.stages), plain).join('\n')).toContain(
    'approved by eve@laptop at 2026-02-06 16:00:00 (command, plan abcdef012345): looks good',
  );
});

test('show prints one row per stage with work, wait, tries, CPU and memory', () => {
  const lines = showLines(failedRun, { style: plain, folder: '/s/runs/x' });
  expect(lines).toContain('  ✗ unit    failed   700 ms  2.0 s  2/3    150 ms  8.0 MiB');
  expect(lines).toContain('  · deploy  pending');
});

test('show --json has every key of the contract, null where nothing is known', () => {
  const document = JSON.parse(JSON.stringify(runDocument(failedRun, { folder: '/s' })));
  expect(document).toMatchObject({
    pipeline_id: '20260206-160000-a1b2c3d',
    pipeline: 'release',
    environment: 'staging',
    status: 'failed',
    trigger: 'manual',
    by: 'ada@box',
    duration_ms: 2_900,
    exit_code: 1,
    params: { source: '/srv/data' },
    changes: null,
    analysis: null,
    decisions: [{ stage: 'unit', action: 'run', rule: 'condition-true' }],
  });
  expect(document.stages[0]).toMatchObject({
    name: 'unit',
    kind: 'shell',
    attempt: 2,
    wait_ms: 2_000,
    attempts: [{ attempt: 1, duration_ms: 400 }],
    usage: { peak_memory_bytes: 8 * 1024 * 1024 },
    steps: [{ name: 'test', status: 'failed', exit_code: 1, log: 'logs/unit.test.log' }],
  });
});

test('runs that nobody started are said to be none', () => {
  const stats = { total_runs: 0, success_count: 0, failure_count: 0, consecutive_failures: 0, per_stage: {} };
  expect(runsLines([], { runs: [], stats, consecutive: {}, locked: [] }, plain)).toEqual([
    'No runs yet. pipewright run <pipeline> starts one.',
  ]);
});

test.each<[Failure, string]>([
  [
    { reason: 'timed-out', limit_ms: 300_000, scope: 'attempt' },
    'took longer than 5 m (timeout of one attempt)',
  ],
  [{ reason: 'memory-limit', limit_bytes: 64 * 1024 * 1024 }, 'used more than its 64 MiB of memory'],
  [{ reason: 'command-not-found', step: 'build' }, 'step "build" found no such command (exit code 127)'],
  [
    { reason: 'stage-failed', stage: 'unit', cause: { reason: 'exit-non-zero', exit_code: 3 } },
    'stage "unit" failed: exited with code 3',
  ],
  [{ reason: 'run-not-found', query: 'x', candidates: [] }, 'there is no run "x"'],
  [{ reason: 'reported', message: 'a\u001b[2Jb\nc', retryable: false }, 'ab c'],
])('%o is one sentence', (failure, sentence) => {
  expect(describeFailure(failure)).toBe(sentence);
});

test.each([
  [0, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [9_949, '9.9 s'],
  [59_400, '59 s'],
  [59_600, '1 m'],
  [200_000, '3 m 20 s'],
  [7_500_000, '2 h 5 m'],
])('%i ms is %s', (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test('bytes are shown in the largest unit that fits', () => {
  expect([0, 1023, 1024, 1_572_864, 17_179_869_184].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '16 GiB',
  ]);
});

test('columns line up with wide characters and colours in them', () => {
  const style = createStyle(true);
  expect(
    table([
      ['배포', 'x'],
      [style.good('ok'), 'y'],
    ]),
  ).toEqual(['배포  x', `${style.good('ok')}    y`]);
});
