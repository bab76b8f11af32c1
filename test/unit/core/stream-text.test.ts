import { expect, test } from 'vitest';
import type { StepProgress, StreamProgress, StreamRecord } from '../../../src/core/stream-report.ts';
import {
  countsText,
  progressBar,
  progressText,
  streamLine,
  streamsOf,
  streamSummary,
  streamTree,
} from '../../../src/core/stream-text.ts';

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
        {
          name: 'digest',
          status: 'passed',
          bytes_transferred: 1,
          result: 'abc',
          file: { path: '/b.sha256', bytes: 65 },
        },
        { name: 'lost', status: 'failed', bytes_transferred: 1, failure: 'exited with 2' },
      ],
    },
  ];
  expect(streamSummary(streams)).toEqual([
    'checksum: abc',
    '/b.gz: 1000 MiB compressed to 230 MiB (77% reduction)',
    'digest: abc',
    '/b.sha256: 65 B',
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

const BAR = { name: 'p', what: 'pv', kind: 'progress', status: 'running' } as const;

test.each<[Partial<StepProgress>, string]>([
  [{}, '0 B'],
  [{ bytes: 5 * MIB }, '5 MiB'],
  [{ bytes: 5 * MIB, size: 0 }, '5 MiB'],
  [{ bytes: 5 * MIB, size: 10 * MIB }, '50.0% [=====>......] 5 MiB/10 MiB'],
  [{ bytes: 5 * MIB, bytes_per_second: MIB, eta_ms: 0 }, '5 MiB 1 MiB/s ETA: 1s'],
  [{ bytes: 5 * MIB, bytes_per_second: 0 }, '5 MiB'],
  // A tar is longer than its files: until its end it is not done, and at the end its size is what came.
  [{ bytes: 12 * MIB, size: 10 * MIB }, '99.9% [============] 12 MiB/10 MiB'],
  [
    { status: 'passed', bytes: 12 * MIB, size: 10 * MIB, bytes_per_second: MIB, eta_ms: 5000 },
    '100.0% [============] 12 MiB/12 MiB',
  ],
])('progress of %j', (change, text) => {
  expect(progressText({ ...BAR, ...change })).toBe(text);
});

test('what a step is doing stands for its state, whatever is in its text', () => {
  const base = { name: 's', what: 'one\ntwo', kind: 'file', status: 'running' } as const;
  const stateOf = (change: Partial<StepProgress>) =>
    streamTree({ ...PROGRESS, steps: [{ ...base, ...change }] }).map((line) => line.trim());
  expect(stateOf({})).toEqual(['[1/1] s: one …', 'writing...']);
  expect(stateOf({ what: ' one ' })).toEqual(['[1/1] s: one', 'writing...']);
  expect(stateOf({ kind: 'count', bytes: 1024 })[1]).toBe('counting... 1 KiB');
  expect(stateOf({ result: 'abc' })[1]).toBe('abc');
  expect(stateOf({ result: 'a\u001b[2Jb' })[1]).toBe('ab');
  expect(stateOf({ status: 'passed', bytes: 2048 })[1]).toBe('done, 2 KiB');
  expect(stateOf({ status: 'passed' })[1]).toBe('done, 0 B');
  expect(stateOf({ status: 'failed', result: 'abc' })[1]).toBe('failed');
  expect(stateOf({ status: 'stopped', kind: 'progress' })[1]).toBe('stopped');
  expect(stateOf({ kind: 'command', status: 'failed' })[1]).toBe('Status: failed');
  expect(stateOf({ kind: 'report' })[1]).toBe('0 passed');
});

test('a tee inside a branch is drawn below it', () => {
  const leaf = { name: 'x', what: 'x', kind: 'checksum', status: 'passed', result: 'abc' } as const;
  const inner = { name: 'in', what: 'tee', kind: 'tee', status: 'running', branches: [leaf] } as const;
  const tee = { name: 't', what: 'tee', kind: 'tee', status: 'running' } as const;
  expect(streamTree({ ...PROGRESS, steps: [{ ...tee, branches: [inner, inner] }] })).toEqual([
    '[1/1] t: [parallel execution]',
    '      ├─ in: [parallel execution]',
    '      │  └─ x: abc',
    '      └─ in: [parallel execution]',
    '         └─ x: abc',
  ]);
});

test('one line says what is known, of bars first', () => {
  const lineOf = (...steps: readonly Partial<StepProgress>[]) =>
    streamLine({
      ...PROGRESS,
      steps: steps.map((step) => ({ name: 's', what: 's', kind: 'command', status: 'running', ...step })),
    });
  expect(lineOf({})).toBe(undefined);
  expect(lineOf({}, { name: 'm', bytes: 2048 })).toBe('m 2 KiB in 20s');
  expect(lineOf({ name: 'm\u001b[2J', bytes: 0 })).toBe('m 0 B in 20s');
  const bars = [
    { ...BAR, name: 'p\u0007', bytes: 1 },
    { ...BAR, bytes: 2 },
  ];
  expect(lineOf({ bytes: 7 }, ...bars)).toBe('p␇ 1 B  p 2 B');
});

test('counts name only what there is', () => {
  expect(countsText({ passed: 0, failed: 0, skipped: 2 })).toBe('0 passed, 2 skipped');
  expect(countsText({ passed: 3, failed: 1, skipped: 1 })).toBe('3 passed, 1 failed, 1 skipped');
});

const PIPE: StreamRecord = { id: 's', type: 'pipe', from: 'a', to: 'b', duration_ms: 1 };

test.each<[string, Partial<StreamRecord>, readonly string[]]>([
  ['a result', { result: 'ab\u0007' }, ['b: ab␇']],
  ['a result of a step at the end', { result: 'abc', type: 'tee' }, ['b: abc']],
  ['nothing', {}, []],
  [
    'rates',
    { metrics: { total_bytes: 2048, average_speed: 1024, peak_speed: 4096 } },
    ['b: 2 KiB, 1 KiB/s, at most 4 KiB/s'],
  ],
  [
    'a file read back',
    { file: { path: '/f', bytes: 10, verified: true }, bytes_transferred: 10 },
    ['/f: 10 B, read back and compared'],
  ],
  ['a file that grew', { file: { path: '/f', bytes: 11 }, bytes_transferred: 10 }, ['/f: 11 B']],
  [
    'a file that shrank by less than a hundredth',
    { file: { path: '/f.GZ', bytes: 999, verified: false }, bytes_transferred: 1000 },
    ['/f.GZ: 1000 B compressed to 999 B (0% reduction)'],
  ],
  [
    'a file with less in it, which nobody calls compressed',
    { file: { path: '/f', bytes: 8 }, bytes_transferred: 1000 },
    ['/f: 8 B out of 1000 B'],
  ],
  ['a file of which nothing else is known', { file: { path: '/f\u001b[2J', bytes: 10 } }, ['/f: 10 B']],
  [
    'a digest in a file, which is no smaller form of what went in',
    { result: 'abc', file: { path: '/f', bytes: 1 }, bytes_transferred: 100 },
    ['b: abc', '/f: 1 B'],
  ],
  [
    'a file at the end of a branch, told at its branch',
    { from: 't/b/s', file: { path: '/f', bytes: 1 } },
    [],
  ],
  ['a result inside a branch', { from: 't/b/s', result: 'abc' }, ['b: abc']],
])('the summary of a pipe with %s', (_, change, lines) => {
  expect(streamSummary([{ ...PIPE, ...change }])).toEqual(lines);
});

test('records come out of outputs only where they are records', () => {
  expect(streamsOf({ streams: [PIPE] })).toEqual([PIPE]);
  const bad = [null, 'text', 7, {}, { from: 'a' }, { duration_ms: 1 }];
  for (const one of bad) expect(streamsOf({ streams: [PIPE, one] })).toEqual([]);
  for (const streams of [undefined, 'text', { 0: PIPE }]) expect(streamsOf({ streams })).toEqual([]);
});
