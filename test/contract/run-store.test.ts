import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { failureOf } from '../support/results.ts';
import type { RunEvent } from '../../src/core/events.ts';
import type { RunRequest, RunStore } from '../../src/core/ports.ts';
import {
  created,
  ended,
  event,
  events,
  finished,
  openStore,
  RUN,
  started,
  temporaryFolder,
  value,
} from '../unit/persistence/support.ts';

/** Each adapter of the port: two calls open two stores on the same runs. */
const ADAPTERS: Readonly<Record<string, () => () => RunStore>> = {
  files: () => {
    const stateDir = path.join(temporaryFolder(), 'state');
    return () => openStore(stateDir);
  },
};

const NEVER = new AbortController().signal;

async function collect(source: AsyncIterable<RunEvent>, count = Number.POSITIVE_INFINITY) {
  const found: number[] = [];
  for await (const { seq } of source) {
    found.push(seq);
    if (found.length >= count) break;
  }
  return found;
}

describe.each(Object.entries(ADAPTERS))('the run store on %s', (_name, prepare) => {
  test('gives back what was appended, in order, to the same store and to another', async () => {
    const open = prepare();
    const store = open();
    const handle = value(await store.create(RUN));
    expect(handle.events).toEqual([]);
    await handle.journal.append(events(RUN, 2));
    await Promise.all([2, 3, 4].map((seq) => handle.journal.append([event(RUN, seq)])));
    for (const reader of [store, open()]) {
      const read = value(await reader.read(RUN));
      expect(read.events).toEqual(events(RUN, 5));
      expect(read).toMatchObject({ runId: RUN, folder: handle.folder, damage: [], tornBytes: 0 });
    }
    await handle.release();
  });

  test('a run has one owner; when it lets go the next one sees everything and goes on', async () => {
    const open = prepare();
    const first = value(await open().create(RUN));
    await first.journal.append(events(RUN, 2));
    expect(failureOf(await open().open(RUN))).toMatchObject({
      reason: 'run-owned',
      run_id: RUN,
      pid: process.pid,
    });
    expect(value(await open().read(RUN)).owner?.pid).toBe(process.pid);
    await first.release();
    const second = value(await open().open(RUN));
    expect(second.events).toEqual(events(RUN, 2));
    await second.journal.append(events(RUN, 2, 2));
    await second.release();
    const read = value(await open().read(RUN));
    expect(read.events).toEqual(events(RUN, 4));
    expect(read).not.toHaveProperty('owner');
  });

  test('a released handle refuses to append', async () => {
    const handle = value(await prepare()().create(RUN));
    await handle.release();
    await handle.release();
    await expect(handle.journal.append(events(RUN, 1))).rejects.toThrow('closed');
  });

  test('a run cannot be created twice, nor under a name that is a path', async () => {
    const store = prepare()();
    await value(await store.create(RUN)).release();
    expect(failureOf(await store.create(RUN))).toMatchObject({ reason: 'invalid' });
    for (const name of ['../x', '', '.', '-rf', 'a/b', 'a\nb', 'x'.repeat(200)])
      expect(failureOf(await store.create(name))).toMatchObject({ reason: 'invalid' });
  });

  test('a run that is not there is not found, whatever is asked of it', async () => {
    const store = prepare()();
    await value(await store.create(RUN)).release();
    const request: RunRequest = { type: 'cancel', by: 'ann' };
    for (const asked of ['no-such-run', '../../etc', '']) {
      const answers = [
        await store.open(asked),
        await store.read(asked),
        await store.request(asked, request),
        await store.find(asked),
      ];
      for (const answer of answers)
        expect(failureOf(answer)).toMatchObject({ reason: 'run-not-found', query: asked, candidates: [RUN] });
    }
  });

  test('a run is found by its id, an unambiguous beginning of it, or as the last one', async () => {
    const store = prepare()();
    expect(failureOf(await store.find('last'))).toMatchObject({ reason: 'run-not-found', candidates: [] });
    const ids = ['20260206-160000-aaaaaaa', '20260206-160000-bbbbbbb', '20260207-090000-ccccccc'];
    for (const id of ids) {
      await value(await store.create(id)).release();
    }
    await store.record(started('20260206-160000-bbbbbbb'));
    expect(value(await store.find('20260207'))).toBe('20260207-090000-ccccccc');
    expect(value(await store.find(ids[0] ?? ''))).toBe(ids[0]);
    expect(value(await store.find('last'))).toBe('20260206-160000-bbbbbbb');
    expect(failureOf(await store.find('20260206'))).toEqual({
      reason: 'run-not-found',
      query: '20260206',
      candidates: ['20260206-160000-bbbbbbb', '20260206-160000-aaaaaaa'],
    });
  });

  test('the owner gets each request of another process once, in order, also those left before it came', async () => {
    const open = prepare();
    await value(await open().create(RUN)).release();
    const approve: RunRequest = {
      type: 'approve',
      stage: 'deploy',
      by: 'ann',
      plan_hash: 'h',
      comment: 'go',
    };
    value(await open().request(RUN, approve));
    const owner = value(await open().open(RUN));
    const received: RunRequest[] = [];
    await new Promise<void>((resolve) => {
      owner.onRequest((request) => {
        received.push(request);
        if (received.length === 1) void open().request(RUN, { type: 'cancel', by: 'ben' });
        else resolve();
      });
    });
    expect(received).toEqual([approve, { type: 'cancel', by: 'ben' }]);
    await owner.release();
    const later = value(await open().open(RUN));
    later.onRequest((request) => received.push(request));
    await new Promise((resolve) => setImmediate(resolve));
    expect(received).toHaveLength(2);
    await later.release();
  });

  test('followers see the past, then what the owner appends, and stop when it lets go', async () => {
    const open = prepare();
    const owner = value(await open().create(RUN));
    await owner.journal.append(events(RUN, 2));
    const all = collect(open().follow(RUN, 0, NEVER));
    const late = collect(open().follow(RUN, 3, NEVER));
    const live = open().follow(RUN, 2, NEVER)[Symbol.asyncIterator]();
    const next = live.next();
    await owner.journal.append(events(RUN, 3, 2));
    expect((await next).value).toEqual(event(RUN, 2));
    await live.return?.();
    await owner.release();
    expect(await all).toEqual([0, 1, 2, 3, 4]);
    expect(await late).toEqual([3, 4]);
    expect(await collect(open().follow(RUN, 0, NEVER))).toEqual([0, 1, 2, 3, 4]);
  });

  test('following stops when its signal aborts', async () => {
    const open = prepare();
    const owner = value(await open().create(RUN));
    await owner.journal.append(events(RUN, 1));
    const stop = new AbortController();
    const followed = collect(open().follow(RUN, 0, stop.signal));
    setImmediate(() => stop.abort());
    expect(await followed).toEqual([0]);
    await owner.release();
  });

  test('the index shows a run from its start to its end, to every process', async () => {
    const open = prepare();
    const [here, there] = [open(), open()];
    const owner = value(await here.create(RUN));
    value(await here.record(started(RUN)));
    await owner.journal.append([created(RUN)]);
    for (const store of [here, there])
      expect(value(await store.index())).toMatchObject({ current: RUN, runs: [{ status: 'running' }] });
    await owner.journal.append([finished(RUN, 1)]);
    value(await here.record(ended(RUN)));
    await owner.release();
    for (const store of [here, there]) {
      const index = value(await store.index());
      expect(index).not.toHaveProperty('current');
      expect(index).toMatchObject({
        runs: [{ pipeline_id: RUN, status: 'success' }],
        stats: { total_runs: 1, success_count: 1 },
      });
    }
  });

  test('three failures in a row lock, and unlocking opens again', async () => {
    const store = prepare()();
    for (const id of ['a', 'b', 'c']) {
      value(await store.record(started(id)));
      value(await store.record(ended(id, { status: 'failed' })));
    }
    expect(value(await store.index()).locked).toMatchObject([{ pipeline: 'release', run_id: 'c' }]);
    value(
      await store.record({
        type: 'unlocked',
        pipeline: 'release',
        by: 'ann',
        at: '2026-02-06T17:00:00+09:00',
      }),
    );
    expect(value(await store.index())).toMatchObject({ locked: [], stats: { consecutive_failures: 0 } });
  });

  test('artifacts and log lines land below the run', async () => {
    const owner = value(await prepare()().create(RUN));
    const file = await owner.writeArtifact('unit/report.md', 'one');
    await owner.writeArtifact('unit/report.md', 'two');
    expect(path.relative(owner.folder, file)).toBe(path.join('artifacts', 'unit', 'report.md'));
    expect(fs.readFileSync(file, 'utf8')).toBe('two');
    await owner.writeProgress('unit/progress.json', '{}');
    await owner.writeProgress('unit/progress.json', '{"steps":[]}');
    expect(fs.readdirSync(path.join(owner.folder, 'artifacts', 'unit')).toSorted()).toEqual([
      'progress.json',
      'report.md',
    ]);
    await owner.appendLog('@c548.log', 'first\n');
    await owner.appendLog('@c548.log', 'second\n');
    expect(fs.readFileSync(path.join(owner.folder, 'logs', '@c548.log'), 'utf8')).toBe('first\nsecond\n');
    await expect(owner.appendLog('../journal/x', '')).rejects.toThrow('not a file name');
    await owner.release();
  });
});
