import { expect, test } from 'vitest';
import { type Failure, failed, ok, type Result } from '../../../src/core/failure.ts';
import type { CopyReport, Host, HostCopy, HostOutcome, Hosts } from '../../../src/core/hosts.ts';
import { transferMeter } from '../../../src/core/transfer/meter.ts';
import { parsePlace } from '../../../src/core/transfer/place.ts';
import { transfer, type TransferProgress } from '../../../src/core/transfer/transfer.ts';
import { fakeClock } from '../../support/fakes.ts';
import { valueOf } from '../../support/results.ts';

/* What a transfer does when links break and hosts say no. That it copies right is tried on machines (test/contract). */

const BROKEN: Failure = { reason: 'executor-unreachable', executor: 'box', detail: 'the link broke' };
const REFUSED: Failure = { reason: 'reported', message: 'no room', retryable: false };

const said = (stdout: string, change: Partial<HostOutcome> = {}): Result<HostOutcome> =>
  ok({ exit_code: 0, stdout, stderr: '', duration_ms: 1, ...change });

const FILE = said('file\n');
const ABSENT = said('', { exit_code: 44 });
/** A folder with these files, as the listing prints it. */
const folder = (...files: readonly string[]): Result<HostOutcome> =>
  said(`folder\n.\0//\0${files.map((file) => `./${file}\0`).join('')}//\0//\0//\0${files.length * 10}`);

interface Script {
  /** What the source, the target and then each script says, in this order; the last one again and again. */
  readonly says: readonly Result<HostOutcome>[];
  readonly copies?: (copy: HostCopy, count: number) => Result<CopyReport>;
}

function hostsSaying({ says, copies }: Script): { readonly hosts: Hosts; readonly copied: string[] } {
  const copied: string[] = [];
  let asked = 0;
  const unused = (): never => {
    throw new Error('not part of this test');
  };
  const host: Host = {
    name: 'box',
    isLocal: false,
    exec: () => Promise.resolve(says[asked++] ?? said('')),
    upload: unused,
    download: unused,
    readText: unused,
    writeText: unused,
    connect: unused,
    listen: unused,
  };
  const hosts: Hosts = {
    open: () => Promise.resolve(ok(host)),
    copy: async (copy) => {
      copied.push(copy.from.path);
      await Promise.resolve();
      return copies?.(copy, copied.length) ?? ok(report(10));
    },
    close: () => Promise.resolve(),
  };
  return { hosts, copied };
}

const report = (bytes: number, resumed = 0): CopyReport => ({
  bytes,
  resumed_bytes: resumed,
  sha256: 'abc',
  duration_ms: 1,
});

async function run(script: Script, signal = new AbortController().signal) {
  const { hosts, copied } = hostsSaying(script);
  const notes: string[] = [];
  const seen: TransferProgress[] = [];
  const contexts = ['local', 'box'];
  const result = await transfer(
    { hosts, clock: fakeClock() },
    {
      from: valueOf(parsePlace('from', contexts)),
      to: valueOf(parsePlace('box:to', contexts)),
      onNote: (line) => void notes.push(line),
      onProgress: (progress) => void seen.push(progress),
    },
    signal,
  );
  return { result, copied, notes, seen };
}

test('a file whose link breaks goes on from what had arrived, and nothing is counted twice', async () => {
  const { result, copied, notes, seen } = await run({
    says: [FILE, ABSENT],
    copies: ({ onProgress }, count) => {
      const tell = (done: number) => onProgress?.({ done_bytes: done, total_bytes: 1000, resumed_bytes: 0 });
      if (count === 1) {
        tell(400);
        return failed(BROKEN);
      }
      tell(300);
      tell(700);
      return ok(report(1000, 300));
    },
  });
  expect(result).toMatchObject({
    ok: true,
    value: {
      to: 'box:to',
      files: 1,
      folders: 0,
      links: 0,
      bytes: 1000,
      resumed_bytes: 300,
      sha256: 'abc',
      skipped: [],
    },
  });
  expect(result.ok && result.value.duration_ms).toBeLessThan(5000);
  expect(copied).toEqual(['from', 'from']);
  expect(notes).toEqual(['the link broke; attempt 2 of 5 in 1 s']);
  expect(seen.map(({ done_bytes, files_done }) => [done_bytes, files_done])).toEqual([
    [400, 0],
    [300, 0],
    [700, 0],
    [1000, 1],
  ]);
  expect(seen.at(-1)).toEqual({ done_bytes: 1000, total_bytes: 1000, files_done: 1, files: 1 });
});

test('what a host refuses is not tried again', async () => {
  const { result, copied, notes } = await run({ says: [FILE, ABSENT], copies: () => failed(REFUSED) });
  expect(result).toEqual({ ok: false, failure: REFUSED });
  expect(copied).toEqual(['from']);
  expect(notes).toEqual([]);
});

test('a transfer that was stopped is not tried again', async () => {
  const stop = new AbortController();
  const { result, copied } = await run(
    {
      says: [FILE, ABSENT],
      copies: () => {
        stop.abort();
        return failed(BROKEN);
      },
    },
    stop.signal,
  );
  expect(result).toEqual({ ok: false, failure: BROKEN });
  expect(copied).toEqual(['from']);
});

test('the files of a folder are counted together, and its size is known from the beginning', async () => {
  const { result, seen } = await run({
    says: [folder('a', 'b', 'c'), ABSENT],
    copies: (copy) => {
      copy.onProgress?.({ done_bytes: 10, total_bytes: 10, resumed_bytes: 0 });
      return ok(report(10, 4));
    },
  });
  expect(result).toMatchObject({
    ok: true,
    value: { files: 3, folders: 1, links: 0, bytes: 30, resumed_bytes: 12 },
  });
  expect(result.ok && result.value).not.toHaveProperty('sha256');
  expect(seen.at(0)).toEqual({ done_bytes: 10, total_bytes: 30, files_done: 0, files: 3 });
  expect(seen.at(-1)).toEqual({ done_bytes: 30, total_bytes: 30, files_done: 3, files: 3 });
});

test('after the first file that cannot be copied no other is begun', async () => {
  const files = Array.from({ length: 40 }, (_, index) => `f${index}`);
  const { result, copied } = await run({
    says: [folder(...files), ABSENT],
    copies: ({ from }) => (from.path === 'from/f9' ? failed(REFUSED) : ok(report(1))),
  });
  expect(result).toEqual({ ok: false, failure: REFUSED });
  // Those beside it were under way.
  expect(copied.length).toBeLessThan(10 + 4);
});

test('a folder that cannot be made there, or a link, is said as the host says it, last line first', async () => {
  const no = said('', { exit_code: 1, stderr: 'warning\nno \u001b[2Jway\n' });
  const refused = { ok: false, failure: { reason: 'reported', message: 'box: no way', retryable: false } };
  const made = await run({ says: [folder('a'), ABSENT, no] });
  expect(made.result).toEqual(refused);
  expect(made.copied).toEqual([]);
  const link = said('folder\n.\0//\0//\0./l\0x\n.\0//\0//\x000');
  const linked = await run({ says: [link, ABSENT, said(''), no] });
  expect(linked.result).toEqual(refused);
  const away = await run({ says: [folder('a'), ABSENT, ...Array.from({ length: 5 }, () => failed(BROKEN))] });
  expect(away.result).toEqual({ ok: false, failure: BROKEN });
});

test('a listing that was cut off copies nothing', async () => {
  const many = {
    reason: 'reported',
    message: 'there are more names on box than can be listed at once: copy its folders one by one',
    retryable: false,
  };
  for (const text of ['folder\n.\0//\0./a\0./b', 'folder\n.\0//\0./a\0//\0//\0//\x001//\x002']) {
    const { result, copied } = await run({ says: [said(text), ABSENT] });
    expect(result).toEqual({ ok: false, failure: many });
    expect(copied).toEqual([]);
  }
});

test('a listing that fails says why, also where the host says nothing', async () => {
  const listed = (outcome: Result<HostOutcome>) => run({ says: [outcome] }).then(({ result }) => result);
  const refused = (message: string) => ({
    ok: false,
    failure: { reason: 'reported', message, retryable: false },
  });
  expect(await listed(said('', { exit_code: 45, stderr: 'a\nb\u0007\n' }))).toEqual(
    refused('box:from cannot be listed: b␇'),
  );
  expect(await listed(said('', { exit_code: 2 }))).toEqual(
    refused('box:from cannot be listed: a command ended with 2'),
  );
  expect(await listed(folder('a\ufffd', 'b\ufffd\u0007', 'c\ufffd', 'd\ufffd'))).toEqual(
    refused('4 name(s) on box are not UTF-8 and cannot be copied: ./a\ufffd, ./b\ufffd␇, ./c\ufffd'),
  );
});

test('a folder of which no tool there tells the size is copied all the same', async () => {
  const text = 'folder\n.\0//\0./a\0//\0//\0//\0';
  const { result, seen } = await run({ says: [said(text), ABSENT] });
  expect(result).toMatchObject({ ok: true, value: { files: 1, bytes: 10 } });
  expect(seen.at(-1)?.total_bytes).toBe(undefined);
});

test('a transfer is metered from the first look: what was there already says nothing of the link', () => {
  let nowMs = 5000;
  const meter = transferMeter({ monotonicMs: () => nowMs });
  expect(meter(1000, undefined)).toEqual({ bytes: 1000, bytes_per_second: 0 });
  expect(meter(1500, 4000)).toEqual({ bytes: 1500, bytes_per_second: 0, size: 4000 });
  nowMs = 7000;
  expect(meter(3000, 4000)).toEqual({ bytes: 3000, bytes_per_second: 1000, size: 4000, eta_ms: 1000 });
  expect(meter(3000, undefined)).toEqual({ bytes: 3000, bytes_per_second: 1000 });
});

test.each([
  ['nope:/x', 'there is no context `nope`; known: local, box', 'A file here whose name has a colon: ./name'],
  ['box:', '`box:` names no path', undefined],
  ['a\0b', 'a path must not contain NUL bytes', undefined],
])('%j is refused with the reason', (text, message, hint) => {
  expect(parsePlace(text, ['local', 'box'])).toStrictEqual({
    ok: false,
    failure: { reason: 'invalid', message, ...(hint !== undefined && { hint }) },
  });
});
