import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { failureOf } from '../../support/results.ts';
import { scanSegment } from '../../../src/persistence/segment.ts';
import { event, events, openStore, RUN, segmentsOf, storedRun, temporaryFolder, value } from './support.ts';

/** A run that three owners wrote, five events in all. */
async function runOfThreeOwners(stateDir: string): Promise<readonly string[]> {
  const folder = await storedRun(stateDir, 2);
  for (const from of [2, 4]) {
    const handle = value(await openStore(stateDir).open(RUN));
    await handle.journal.append(events(RUN, from === 2 ? 2 : 1, from));
    await handle.release();
  }
  return segmentsOf({ folder });
}

function flipBit(file: string, byte: number, bit: number): void {
  const data = fs.readFileSync(file);
  data[byte] = (data[byte] ?? 0) ^ (1 << bit);
  fs.writeFileSync(file, data);
}

test('each owner writes its own segment, and its first record fences the one before', async () => {
  const segments = await runOfThreeOwners(temporaryFolder());
  expect(segments.map((file) => path.basename(file))).toEqual([
    '000001.ndjson',
    '000002.ndjson',
    '000003.ndjson',
  ]);
  const [first, second] = segments.map((file) => scanSegment(fs.readFileSync(file)));
  expect(second?.records[0]).toMatchObject({
    type: 'segment.opened',
    epoch: 2,
    prev: { epoch: 1, bytes: first?.bytes, head: first?.head },
  });
});

test('nothing ever changes bytes that were written', async () => {
  const stateDir = temporaryFolder();
  const [first = '', second = ''] = await runOfThreeOwners(stateDir);
  const before = [first, second].map((file) => fs.readFileSync(file, 'utf8'));
  fs.appendFileSync(second, 'half a rec');
  await value(await openStore(stateDir).open(RUN)).release();
  expect([first, second].map((file) => fs.readFileSync(file, 'utf8'))).toEqual([
    before[0],
    `${before[1]}half a rec`,
  ]);
});

test('appends that wait for a sync share the next one, and stay in order', async () => {
  const stateDir = temporaryFolder();
  const handle = value(await openStore(stateDir).create(RUN));
  const order: number[] = [];
  await Promise.all(
    events(RUN, 200).map(async (one) => {
      await handle.journal.append([one]);
      order.push(one.seq);
    }),
  );
  expect(order).toEqual(Array.from({ length: 200 }, (_, seq) => seq));
  expect(value(await openStore(stateDir).read(RUN)).events).toEqual(events(RUN, 200));
  await handle.release();
});

test('odd text survives: line ends, lone surrogates, NUL, a megabyte', async () => {
  const stateDir = temporaryFolder();
  const odd = ['a\nb\r\n', '\u0000', '\uD800', '\u2028', '"\\', 'é漢🙂', 'x'.repeat(1 << 20), '__proto__'];
  const handle = value(await openStore(stateDir).create(RUN));
  const written = odd.map((by, seq) => event(RUN, seq, by));
  await handle.journal.append(written);
  await handle.release();
  expect(value(await openStore(stateDir).read(RUN)).events).toEqual(written);
});

test('a record torn by a crash is no damage, and the next owner goes on after the last whole one', async () => {
  const stateDir = temporaryFolder();
  const folder = await storedRun(stateDir, 3);
  const [file = ''] = segmentsOf({ folder });
  const whole = fs.readFileSync(file);
  const lastStart = whole.lastIndexOf(10, whole.length - 2) + 1;
  for (let size = whole.length - 1; size > lastStart; size -= 17) {
    fs.writeFileSync(file, whole.subarray(0, size));
    const read = value(await openStore(stateDir).read(RUN));
    expect(read).toMatchObject({ damage: [], tornBytes: size - lastStart });
    expect(read.events).toEqual(events(RUN, 2));
  }
  const handle = value(await openStore(stateDir).open(RUN));
  await handle.journal.append(events(RUN, 2, 2));
  await handle.release();
  expect(value(await openStore(stateDir).read(RUN))).toMatchObject({
    events: events(RUN, 4),
    damage: [],
    tornBytes: 0,
  });
});

test.each([
  ['nothing', ''],
  ['half a first record', '0123'],
  ['zeros', '\0'.repeat(4096)],
])('a segment whose owner died at birth, leaving %s, is passed over', async (_what, text) => {
  const stateDir = temporaryFolder();
  const folder = await storedRun(stateDir, 2);
  fs.writeFileSync(path.join(folder, 'journal', '000002.ndjson'), text);
  const handle = value(await openStore(stateDir).open(RUN));
  expect(handle.events).toEqual(events(RUN, 2));
  await handle.journal.append([event(RUN, 2)]);
  await handle.release();
  expect(segmentsOf(handle).map((file) => path.basename(file))).toContain('000003.ndjson');
  expect(value(await openStore(stateDir).read(RUN))).toMatchObject({ events: events(RUN, 3), damage: [] });
});

test('what a fenced owner still writes does not count', async () => {
  const stateDir = temporaryFolder();
  const [first = ''] = await runOfThreeOwners(stateDir);
  fs.appendFileSync(first, 'too late\n');
  expect(value(await openStore(stateDir).read(RUN))).toMatchObject({ events: events(RUN, 5), damage: [] });
  expect(value(await openStore(stateDir).audit(RUN)).segments[0]).toMatchObject({
    ok: true,
    ignored_bytes: 9,
  });
});

describe('damage', () => {
  test('any bit that changes in a fenced segment is found, and named with file and byte', async () => {
    const stateDir = temporaryFolder();
    const [first = '', second = ''] = await runOfThreeOwners(stateDir);
    const store = openStore(stateDir);
    for (const file of [first, second]) {
      const whole = fs.readFileSync(file);
      for (let byte = 0; byte < whole.length; byte += 1) {
        flipBit(file, byte, byte % 8);
        const { damage, events: readable } = value(await store.read(RUN));
        fs.writeFileSync(file, whole);
        const recordStart = whole.lastIndexOf(10, byte - 1) + 1;
        expect(damage).toEqual([
          { file, byte: byte === 0 ? 0 : recordStart, detail: 'a record does not match its checksum' },
        ]);
        expect(readable).toEqual(events(RUN, readable.length));
      }
    }
    expect(value(await store.read(RUN)).damage).toEqual([]);
  });

  test('a bit that changes in the newest segment is found, down to its last line end', async () => {
    const stateDir = temporaryFolder();
    const folder = await storedRun(stateDir, 3);
    const [file = ''] = segmentsOf({ folder });
    const whole = fs.readFileSync(file);
    for (let byte = 0; byte < whole.length; byte += 1) {
      flipBit(file, byte, (byte * 3) % 8);
      expect(value(await openStore(stateDir).read(RUN)).damage).toHaveLength(1);
      fs.writeFileSync(file, whole);
    }
  });

  test('a damaged run cannot be opened, says where, and leaves other runs alone', async () => {
    const stateDir = temporaryFolder();
    const [first = ''] = await runOfThreeOwners(stateDir);
    await storedRun(stateDir, 1, 'other');
    flipBit(first, 300, 0);
    const store = openStore(stateDir);
    const byte = fs.readFileSync(first).lastIndexOf(10, 299) + 1;
    expect(failureOf(await store.open(RUN))).toEqual({ reason: 'journal-corrupt', file: first, byte });
    // Not held by the attempt.
    expect(failureOf(await store.open(RUN))).toMatchObject({ reason: 'journal-corrupt' });
    await value(await store.open('other')).release();
    expect(value(await store.audit(RUN))).toMatchObject({
      ok: false,
      segments: [
        { file: path.join('journal', '000001.ndjson'), ok: false, bad_byte: byte },
        { ok: true },
        { ok: true },
      ],
    });
  });

  test('a segment that was lost or shortened is damage', async () => {
    const stateDir = temporaryFolder();
    const [, second = ''] = await runOfThreeOwners(stateDir);
    const whole = fs.readFileSync(second);
    fs.truncateSync(second, whole.lastIndexOf(10, whole.length - 2) + 1);
    const short = value(await openStore(stateDir).read(RUN));
    expect(short.damage[0]?.detail).toContain('the file ends');
    expect(short.events).toEqual(events(RUN, 3));
    fs.unlinkSync(second);
    const lost = value(await openStore(stateDir).read(RUN));
    expect(lost.damage).toEqual([{ file: second, byte: 0, detail: 'the file is missing' }]);
  });

  test('a follower says so instead of going on', async () => {
    const stateDir = temporaryFolder();
    const [first = ''] = await runOfThreeOwners(stateDir);
    flipBit(first, 300, 0);
    const following = openStore(stateDir).follow(RUN, 0, new AbortController().signal);
    await expect(following[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      failure: { reason: 'journal-corrupt', file: first },
    });
  });
});

test('the audit counts records and bytes and gives the head to keep elsewhere', async () => {
  const stateDir = temporaryFolder();
  const segments = await runOfThreeOwners(stateDir);
  const report = value(await openStore(stateDir).audit(RUN));
  const last =
    fs
      .readFileSync(segments[2] ?? '', 'utf8')
      .trimEnd()
      .split('\n')
      .at(-1) ?? '';
  expect(report).toMatchObject({
    ok: true,
    records: 8,
    bytes: segments.reduce((sum, file) => sum + fs.statSync(file).size, 0),
    head: last.slice(0, 32),
    torn_bytes: 0,
  });
  expect(report.segments.map(({ records }) => records)).toEqual([3, 3, 2]);
});

test('a journal of the first format still replays', async () => {
  const fixture = path.resolve('test/fixtures/journals/v1');
  const read = value(await openStore(fixture).read('20260206-160000-a1b2c3d'));
  expect(read).toMatchObject({ damage: [], tornBytes: 0 });
  expect(read.events.map(({ type }) => type)).toEqual([
    'run.created',
    'stage.decided',
    'stage.started',
    'step.started',
    'step.finished',
    'stage.finished',
    'confirmation.requested',
    'run.waiting',
    'run.resumed',
    'confirmation.answered',
    'stage.finished',
    'run.finished',
  ]);
});
