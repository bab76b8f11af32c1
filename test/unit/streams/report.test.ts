import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { createDigest, expectedHex, sumLine } from '../../../src/streams/pump/checksum.ts';
import { FileTarget } from '../../../src/streams/pump/file-target.ts';
import { Meter } from '../../../src/streams/pump/meter.ts';
import {
  bypass,
  isKernelEdge,
  lagOf,
  linkNodes,
  type NodeRun,
  readerOf,
  subtree,
  writerOf,
} from '../../../src/streams/pump/node-run.ts';
import { progressOf, streamRecords } from '../../../src/streams/pump/report.ts';
import type { PumpNode, Work } from '../../../src/streams/pump-spec.ts';

/* What a stream tells while it runs and afterwards: rates, time left, records of pipes, tees and branches. */

const TEE: Work = { kind: 'tee', on_branch_failure: 'continue', buffer_bytes: 1 };
const COMMAND: Work = { kind: 'command', script: '', env: {} };

function node(id: number, name: string, work: Work, more: Partial<PumpNode> = {}): PumpNode {
  return { id, name, text: `does ${name}`, work, output: { to: 'stream' }, folder: '/', ...more };
}

/** `read → split → (sum, pack → save)`. */
function graph(): Record<'read' | 'split' | 'sum' | 'pack' | 'save', NodeRun> & {
  readonly all: readonly NodeRun[];
} {
  const all = linkNodes([
    node(0, 'read', COMMAND),
    node(1, 'split', TEE, { from: 0 }),
    node(2, 'split/sum', { kind: 'checksum', algorithm: 'md5' }, { from: 1, branch: 'sum' }),
    node(3, 'split/b/pack', COMMAND, { from: 1, branch: 'b' }),
    node(4, 'split/b/save', { kind: 'file', path: '/x', verify: true }, { from: 3 }),
  ]);
  const [read, split, sum, pack, save] = all;
  if (!read || !split || !sum || !pack || !save) throw new Error('five nodes');
  return { read, split, sum, pack, save, all };
}

/** A file that a step has written: a device, so that nothing has to be made and removed. */
function deviceTarget(): FileTarget {
  const file = FileTarget.open('/dev/null', 'token');
  onTestFinished(() => closeSync(file.fd));
  return file;
}

test('a rate is that of the last two seconds, the peak the fastest sample, both in bytes per second', () => {
  const meter = new Meter(0);
  expect([meter.rate, meter.peak]).toEqual([0, 0]);
  const grow = (atMs: number, bytes: number): void => {
    meter.bytes = bytes;
    meter.sample(atMs);
  };
  grow(200, 100);
  expect([meter.rate, meter.peak]).toEqual([500, 500]);
  // Too soon after the last one to say anything.
  grow(299, 10_000);
  expect([meter.rate, meter.peak]).toEqual([500, 500]);
  grow(400, 500);
  expect([meter.rate, meter.peak]).toEqual([1250, 2000]);
  for (let atMs = 600; atMs <= 3000; atMs += 200) grow(atMs, 500 + (atMs - 400));
  // What was fast before the window is only in the peak.
  expect([meter.rate, meter.peak]).toEqual([1000, 2000]);
});

test('a sample counts from half the usual distance on', () => {
  const meter = new Meter(0);
  meter.bytes = 100;
  meter.sample(99);
  expect(meter.peak).toBe(0);
  meter.sample(100);
  expect(meter.peak).toBe(1000);
});

test('the average is over the whole time and ends with the stream', () => {
  const meter = new Meter(1000);
  meter.bytes = 5000;
  expect(meter.metrics(3000)).toEqual({ total_bytes: 5000, average_speed: 2500, peak_speed: 2500 });
  meter.end(3000);
  meter.end(9000);
  meter.bytes = 9000;
  meter.sample(5000);
  expect(meter.metrics(9000)).toEqual({ total_bytes: 9000, average_speed: 4500, peak_speed: 4500 });
  expect(meter.rate).toBe(2500);
  // Ended in the moment it began: no division by nothing.
  const instant = new Meter(5);
  instant.bytes = 3;
  instant.end(5);
  expect(instant.metrics(5)).toEqual({ total_bytes: 3, average_speed: 3000, peak_speed: 3000 });
});

/** A running progress step that has seen 1,000 bytes in one second, and what it shows. */
function progressAt(size: number | undefined, bytes = 1000, isMoving = true): unknown {
  const [run] = linkNodes([node(0, 'bar', { kind: 'progress' })]);
  if (!run) throw new Error('one node');
  const meter = new Meter(0);
  meter.bytes = bytes;
  if (isMoving) meter.sample(1000);
  run.meter = meter;
  run.bytesIn = bytes;
  if (size !== undefined) run.size = size;
  return progressOf('flow', [run], 0).steps[0];
}

test('the time left is what is missing at the rate of now; it is not told where it is not known', () => {
  const shown = { bytes: 1000, bytes_per_second: 1000, peak_bytes_per_second: 1000 };
  expect(progressAt(4000)).toEqual({
    name: 'bar',
    what: 'does bar',
    kind: 'progress',
    status: 'running',
    size: 4000,
    eta_ms: 3000,
    ...shown,
  });
  expect(progressAt(1000)).toMatchObject({ eta_ms: 0, ...shown });
  expect(progressAt(999)).not.toHaveProperty('eta_ms');
  expect(progressAt(undefined)).not.toHaveProperty('eta_ms');
  expect(progressAt(undefined)).not.toHaveProperty('size');
  expect(progressAt(4000, 1000, false)).not.toHaveProperty('eta_ms');
});

test('steps in branches are shown below their tee; what the kernel carries has no count of ours', () => {
  const { read, split, sum, all } = graph();
  split.bytesIn = 10;
  sum.bytesIn = 9;
  read.bytesIn = 7;
  const { stage, elapsed_ms: elapsedMs, steps } = progressOf('flow', all, performance.now() - 50);
  expect(stage).toBe('flow');
  expect(elapsedMs).toBeGreaterThanOrEqual(50);
  expect(steps).toMatchObject([
    {},
    {
      name: 'split',
      bytes: 10,
      branches: [
        { name: 'sum', status: 'running', bytes: 9 },
        { name: 'b', status: 'running' },
      ],
    },
  ]);
  expect(steps[0]).toEqual({ name: 'read', what: 'does read', kind: 'command', status: 'running' });
});

test('a branch has ended when all of its steps have, and has failed when one of them has', () => {
  const { sum, pack, save, all } = graph();
  const look = () => progressOf('flow', all, 0).steps.flatMap(({ branches = [] }) => branches);
  const statuses = () => look().map(({ status }) => status);
  pack.endedMs = 1;
  expect(statuses()).toEqual(['running', 'running']);
  save.endedMs = 2;
  expect(statuses()).toEqual(['running', 'passed']);
  save.failure = { node: 'split/b/save', kind: 'file', message: 'no' };
  sum.isStopped = true;
  sum.result = 'abc';
  expect(statuses()).toEqual(['stopped', 'failed']);
  expect(progressOf('flow', all, 0).steps[1]?.status).toBe('running');
  pack.pipeSink = { destroy: () => undefined };
  pack.bytesIn = 3;
  expect(look()).toMatchObject([{ result: 'abc' }, { bytes: 3 }]);
});

test('records number every connection after those of earlier graphs; a tee tells its branches', () => {
  const { split, sum, pack, save, all } = graph();
  for (const run of all) {
    run.status = 'passed';
    run.endedMs = 30;
  }
  split.bytesIn = 10;
  sum.bytesIn = 10;
  sum.result = 'abc';
  pack.bytesIn = 10;
  pack.exitCode = 0;
  save.bytesIn = 4;
  save.file = deviceTarget();
  save.fileBytes = 4;
  save.isVerified = true;
  const before = [{ id: 'str-001', type: 'pipe', from: 'a', to: 'b', duration_ms: 1 }] as const;
  expect(streamRecords(all, 10, before)).toEqual([
    before[0],
    {
      id: 'str-002',
      type: 'pipe',
      from: 'read',
      to: 'split',
      bytes_transferred: 10,
      metering: 'pump',
      duration_ms: 20,
    },
    {
      id: 'str-003',
      type: 'tee',
      from: 'split',
      bytes_transferred: 10,
      metering: 'pump',
      duration_ms: 20,
      branches: [
        { name: 'sum', status: 'passed', bytes_transferred: 10, result: 'abc' },
        {
          name: 'b',
          status: 'passed',
          bytes_transferred: 10,
          file: { path: '/dev/null', bytes: 4, verified: true },
          exit_code: 0,
        },
      ],
    },
    {
      id: 'str-004',
      type: 'pipe',
      from: 'split/b/pack',
      to: 'split/b/save',
      bytes_transferred: 4,
      metering: 'pump',
      duration_ms: 20,
      file: { path: '/dev/null', bytes: 4, verified: true },
    },
  ]);
});

test('a branch that failed says why and has no file; one that was stopped or had enough says that', () => {
  const { split, sum, pack, save, all } = graph();
  for (const run of all) {
    run.status = 'passed';
    run.endedMs = 30;
  }
  sum.isStopped = true;
  sum.endedEarly = true;
  pack.exitCode = 0;
  save.exitCode = 7;
  save.status = 'failed';
  save.failure = { node: 'split/b/save', kind: 'exit', message: 'exited with 7' };
  save.file = deviceTarget();
  save.fileBytes = 4;
  const tee = streamRecords(all, 10, []).find(({ type }) => type === 'tee');
  expect(split.readers).toHaveLength(2);
  expect(tee?.branches).toEqual([
    { name: 'sum', status: 'stopped', bytes_transferred: 0, ended_early: true },
    { name: 'b', status: 'failed', bytes_transferred: 0, exit_code: 7, failure: 'exited with 7' },
  ]);
});

test('a step alone that writes a file is a record of its own, without a file it is none', () => {
  const [run] = linkNodes([node(0, 'dump', COMMAND, { output: { to: 'file', path: '/x' } })]);
  if (!run) throw new Error('one node');
  run.status = 'passed';
  run.endedMs = 30;
  expect(streamRecords([run], 10, [])).toEqual([]);
  run.file = deviceTarget();
  run.fileBytes = 12;
  expect(streamRecords([run], 10, [])).toEqual([
    {
      id: 'str-001',
      type: 'pipe',
      from: 'dump',
      to: '/dev/null',
      bytes_transferred: 12,
      duration_ms: 20,
      file: { path: '/dev/null', bytes: 12 },
    },
  ]);
});

test('bytes past a step that only counts are those that it counted', () => {
  const all = linkNodes([
    node(0, 'a', COMMAND),
    node(1, 'bar', { kind: 'progress' }, { from: 0 }),
    node(2, 'b', COMMAND, { from: 1 }),
  ]);
  const [, bar, last] = all;
  if (!bar || !last) throw new Error('three nodes');
  bar.isBypassed = true;
  bar.bytesIn = 77;
  last.bytesIn = 1;
  expect(
    streamRecords(all, 0, []).map((one) => [one.from, one.to, one.bytes_transferred, one.metering]),
  ).toEqual([
    ['a', 'bar', 77, 'kernel'],
    ['bar', 'b', 77, 'kernel'],
  ]);
});

test.each(['sha256', 'sha512', 'sha384', 'sha224', 'sha1', 'md5'])(
  '%s of parts is that of the whole',
  (name) => {
    const digest = createDigest(name);
    for (const part of ['one ', 'two ', '']) digest.update(Buffer.from(part));
    expect(digest.hex()).toBe(createHash(name).update('one two ').digest('hex'));
  },
);

test.each([
  ['/a/x.tar.sha256', 'ff  x.tar'],
  ['/a/back\\slash.sha256', '\\ff  back\\\\slash'],
  ['/a/sums', 'ff  -'],
  ['/a/x.tar.md5', 'ff  -'],
  ['/a/.sha256', 'ff  -'],
  [undefined, 'ff  -'],
])('a checksum in the file %j is that of: %j', (file, line) => {
  expect(sumLine('ff', 'sha256', file)).toBe(`${line}\n`);
});

test('crc32 has eight digits, blake2b all of its own', () => {
  const crc = createDigest('crc32');
  for (const part of ['123', '456789']) crc.update(Buffer.from(part));
  expect(crc.hex()).toBe('cbf43926');
  expect(createDigest('crc32').hex()).toBe('00000000');
  expect(createDigest('blake2b').hex()).toBe(createHash('blake2b512').digest('hex'));
});

test.each([
  ['ABCdef', 'abcdef'],
  ['  abc  file.tar\n', 'abc'],
  ['sha256:ABC', 'abc'],
  ['', ''],
])('the checksum in %j is %j', (written, expected) => {
  expect(expectedHex(written)).toBe(expected);
});

/** A progress step between two commands, the first of which is `script`. */
function between(script: string, reader: Work = COMMAND): readonly NodeRun[] {
  return linkNodes([
    node(0, 'a', { kind: 'command', script, env: {} }),
    node(1, 'bar', { kind: 'progress' }, { from: 0 }),
    node(2, 'b', reader, { from: 1 }),
  ]);
}

test.each([
  ['cat data', true],
  [' tar cf - . ', true],
  ['a | b', false],
  ['a && b', false],
  ['a; b', false],
  ['a\nb', false],
  ['(a)', false],
  ['a > b', false],
  ['a < b', false],
  ['a `b`', false],
])('a progress behind %j stands in the way of no byte: %s', (script, expected) => {
  const all = between(script);
  bypass(all);
  expect(all.map(({ isBypassed }) => isBypassed)).toEqual([false, expected, false]);
});

test('only a progress between two commands is passed by; who reads and writes is then beyond it', () => {
  const sum = between('cat', { kind: 'checksum', algorithm: 'md5' });
  bypass(sum);
  expect(sum.some(({ isBypassed }) => isBypassed)).toBe(false);
  const last = between('cat').slice(0, 2);
  last[1]?.readers.pop();
  bypass(last);
  expect(last.some(({ isBypassed }) => isBypassed)).toBe(false);
  const counts = linkNodes([
    node(0, 'a', COMMAND),
    node(1, 'n', { kind: 'count' }, { from: 0 }),
    node(2, 'b', COMMAND, { from: 1 }),
  ]);
  bypass(counts);
  expect(counts.some(({ isBypassed }) => isBypassed)).toBe(false);
  const [a, bar, b] = between('cat');
  if (!a || !bar || !b) throw new Error('three nodes');
  expect([writerOf(b), readerOf(a), writerOf(a), readerOf(b)]).toEqual([bar, bar, undefined, undefined]);
  bypass([a, bar, b]);
  expect([writerOf(b), readerOf(a), writerOf(bar), readerOf(bar)]).toEqual([a, b, a, b]);
  expect([
    isKernelEdge(a, b),
    isKernelEdge(a, bar),
    isKernelEdge(bar, b),
    isKernelEdge(a, undefined),
  ]).toEqual([true, false, false, false]);
});

test('how far a branch may lag is what the nearest tee below says', () => {
  const { read, split, sum, pack, save } = graph();
  expect(subtree(split).map((run) => run.node.name)).toEqual([
    'split',
    'split/sum',
    'split/b/pack',
    'split/b/save',
  ]);
  expect([lagOf(read, 7), lagOf(split, 7), lagOf(sum, 7)]).toEqual([1, 1, 7]);
  expect([pack.upstream, save.upstream, read.upstream]).toEqual([split, pack, undefined]);
});

test('a progress tells its metrics in its record, until now while it runs', () => {
  const [a, bar] = linkNodes([node(0, 'a', COMMAND), node(1, 'bar', { kind: 'progress' }, { from: 0 })]);
  if (!a || !bar) throw new Error('two nodes');
  bar.meter = new Meter(0);
  bar.meter.bytes = 3000;
  bar.endedMs = 1500;
  expect(streamRecords([a, bar], 0, [])[0]?.metrics).toEqual({
    total_bytes: 3000,
    average_speed: 2000,
    peak_speed: 2000,
  });
  expect(streamRecords([a], 0, [])).toEqual([]);
});

test('a rate forgets a sample when the one after it is two seconds old', () => {
  const meter = new Meter(0);
  const rates = [500, 1000, 2500, 3000, 3500].map((atMs) => {
    meter.bytes += atMs;
    meter.sample(atMs);
    return meter.rate;
  });
  // From the start, from the start, then from 500, 1,000 and still 1,000.
  expect(rates).toEqual([1000, 1500, 1750, 2750, 3600]);
});
