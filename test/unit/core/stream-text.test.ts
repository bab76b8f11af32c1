import { expect, test } from 'vitest';
import type { StreamProgress, StreamRecord } from '../../../src/core/stream-report.ts';
import { progressBar, streamLine, streamSummary, streamTree } from '../../../src/core/stream-text.ts';

const MIB = 1024 * 1024;

const PROGRESS: StreamProgress = {
  stage: 'backup',
  elapsed_ms: 20_000,
  steps: [
    { name: 'create-tar', what: 'tar cf - {{.source}}', kind: 'command', status: 'running' },
    {
      name: 'process',
      what: 'tee',
      kind: 'tee',
      status: 'running',
      bytes: 452 * MIB,
      branches: [
        { name: 'checksum', what: 'sha256sum', kind: 'checksum', status: 'running', bytes: 452 * MIB },
        {
          name: 'progress',
          what: 'pv',
          kind: 'progress',
          status: 'running',
          bytes: 452 * MIB,
          size: 1000 * MIB,
          bytes_per_second: 23 * MIB,
          eta_ms: 24_000,
        },
        { name: 'save', what: 'gzip -9', kind: 'command', status: 'running', bytes: 0 },
      ],
    },
  ],
};

test('a running stream is drawn as its steps with the tree of its branches', () => {
  expect(streamTree(PROGRESS)).toEqual([
    '[1/2] create-tar: tar cf - {{.source}}',
    '      Status: Running... (streaming)',
    '[2/2] process: [parallel execution]',
    '      ├─ checksum: calculating... 452 MiB',
    '      ├─ progress: 45.2% [====>.......] 452 MiB/1000 MiB 23 MiB/s ETA: 24s',
    '      └─ save: writing...',
  ]);
});

test('without a terminal it is one line', () => {
  expect(streamLine(PROGRESS)).toBe('progress 45.2% [====>.......] 452 MiB/1000 MiB 23 MiB/s ETA: 24s');
});

test('a step name that would move the cursor is made visible', () => {
  const [line = ''] = streamTree({
    ...PROGRESS,
    steps: [{ name: 'a', what: 'echo \u001B[2J', kind: 'command', status: 'running' }],
  });
  expect(line).not.toContain('\u001B');
});

test('the bar never leaves its brackets', () => {
  expect([-1, 0, 0.5, 0.999, 1, 7].map((fraction) => progressBar(fraction, 4))).toEqual([
    '[....]',
    '[....]',
    '[=>..]',
    '[====]',
    '[====]',
    '[====]',
  ]);
});

test('the summary tells checksums, sizes with their reduction, and branches that failed', () => {
  const streams: readonly StreamRecord[] = [
    {
      id: 'str-001',
      type: 'pipe',
      from: 'tar',
      to: 'process',
      bytes_transferred: 1000 * MIB,
      duration_ms: 1,
    },
    {
      id: 'str-002',
      type: 'tee',
      from: 'process',
      bytes_transferred: 1000 * MIB,
      duration_ms: 1,
      branches: [
        { name: 'checksum', status: 'passed', bytes_transferred: 1, result: 'abc' },
        { name: 'save', status: 'passed', bytes_transferred: 1, file: { path: '/b.gz', bytes: 230 * MIB } },
        { name: 'lost', status: 'failed', bytes_transferred: 1, failure: 'exited with 2' },
      ],
    },
  ];
  expect(streamSummary(streams)).toEqual([
    'checksum: abc',
    '/b.gz: 1000 MiB compressed to 230 MiB (77% reduction)',
    'lost: exited with 2',
  ]);
});

test('suites of tests show what has ended so far, on the tree and on the line', () => {
  const look: StreamProgress = {
    stage: 'test',
    elapsed_ms: 2000,
    steps: [
      {
        name: 'unit',
        what: 'vitest run',
        kind: 'tests',
        status: 'running',
        counts: { passed: 12, failed: 1, skipped: 0 },
      },
      { name: 'security', what: 'npm audit', kind: 'report', status: 'failed', result: '2 high\u001b[31m' },
    ],
  };
  expect(streamTree(look)).toEqual([
    '[1/2] unit: vitest run',
    '      12 passed, 1 failed',
    '[2/2] security: npm audit',
    '      2 high',
  ]);
  expect(streamLine(look)).toBe('unit 12 passed, 1 failed  security 2 high');
});
