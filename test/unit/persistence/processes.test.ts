import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  created,
  ended,
  event,
  finished,
  messagesOf,
  openStore,
  plantDeadOwner,
  RUN,
  started,
  startChild,
  storedRun,
  temporaryFolder,
  value,
} from './support.ts';

/** What a child said it had been promised. */
function acknowledged(message: unknown): number {
  const known = typeof message === 'object' && message !== null && 'acknowledged' in message;
  return known && typeof message.acknowledged === 'number' ? message.acknowledged : -1;
}

/** The same numbers in each run of the suite. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once('message', resolve));
}

test('two processes that record at the same time lose nothing', async () => {
  const stateDir = temporaryFolder();
  const each = 150;
  const reports = await Promise.all(
    ['a', 'b'].map((name) => messagesOf(startChild('recorder', [stateDir, name, String(each)]))),
  );
  expect(reports.map((messages) => messages.length)).toEqual([each, each]);
  const { stats } = value(await openStore(stateDir).index());
  expect(stats).toMatchObject({ total_runs: 2 * each, success_count: 2 * each });
  const listed: string[] = [];
  for await (const run of openStore(stateDir).history()) listed.push(run.pipeline_id);
  expect(new Set(listed)).toEqual(new Set(reports.flat()));
  // The snapshot alone, taken by whoever came last, leads to the same totals as no snapshot.
  fs.rmSync(path.join(stateDir, 'pipeline.json'));
  expect(value(await openStore(stateDir).index()).stats).toEqual(stats);
});

test('recorders killed at any moment lose no acknowledged run', async () => {
  const stateDir = temporaryFolder();
  const promised: unknown[] = [];
  const lane = async (name: string, seed: number) => {
    const random = createRandom(seed);
    for (let round = 0; round < 4; round += 1) {
      const child = startChild('recorder', [stateDir, `${name}${round}`, '100000']);
      const limit = 1 + Math.floor(random() * 40);
      let count = 0;
      promised.push(
        ...(await messagesOf(child, () => {
          count += 1;
          if (count === limit) child.kill('SIGKILL');
        })),
      );
    }
  };
  await Promise.all([lane('a', 7), lane('b', 8)]);
  const listed = new Set<string>();
  for await (const run of openStore(stateDir).history()) listed.add(run.pipeline_id);
  expect(promised.filter((runId) => !listed.has(String(runId)))).toEqual([]);
  expect(value(await openStore(stateDir).index()).stats.total_runs).toBe(listed.size);
});

test('of six processes that want the run of a dead owner exactly one gets it, every time', async () => {
  const stateDir = temporaryFolder();
  const contenders = Array.from({ length: 6 }, () => startChild('contender', [stateDir]));
  await Promise.all(contenders.map(nextMessage));
  for (let round = 0; round < 30; round += 1) {
    const runId = `${RUN}-${round}`;
    const folder = await storedRun(stateDir, 1, runId);
    plantDeadOwner(folder, 2);
    const answers = contenders.map(nextMessage);
    for (const contender of contenders) contender.send(runId);
    expect((await Promise.all(answers)).map(String).toSorted()).toEqual([
      'got it',
      ...Array.from({ length: 5 }, () => 'run-owned'),
    ]);
  }
});

test('kill -9 at any moment loses nothing that was acknowledged', async () => {
  const lane = async (seed: number) => {
    const random = createRandom(seed);
    for (let round = 0; round < 10; round += 1) {
      const stateDir = temporaryFolder();
      let promised = -1;
      // Killed twice: while the run is new, and after it was taken over.
      for (const how of ['create', 'open']) {
        const child = startChild('owner', [stateDir, RUN, how, String(1 + Math.floor(random() * 4))]);
        const limit = Math.floor(random() * 60);
        const micros = Math.floor(random() * 1500);
        await messagesOf(child, (message) => {
          promised = Math.max(promised, acknowledged(message));
          if (child.killed || acknowledged(message) < limit) return;
          const until = process.hrtime.bigint() + BigInt(micros * 1000);
          while (process.hrtime.bigint() < until);
          child.kill('SIGKILL');
        });
      }
      const read = value(await openStore(stateDir).read(RUN));
      expect(read.damage).toEqual([]);
      expect(read).not.toHaveProperty('owner');
      expect(read.events.length).toBeGreaterThan(promised);
      expect(read.events.map(({ seq }) => seq)).toEqual(read.events.map((_, index) => index));
    }
  };
  await Promise.all([lane(42), lane(43)]);
});

describe('crash points', () => {
  test.each([
    'index:before-write',
    'index:torn-write',
    'index:before-sync',
    'index:after-sync',
    'snapshot:opened:2',
    'snapshot:written:2',
    'snapshot:synced:3',
    'snapshot:renamed:3',
  ])('a recorder that dies at %s leaves an index that the next one continues', async (point) => {
    const stateDir = temporaryFolder();
    const occurrence = point.startsWith('index') ? ':5' : '';
    const child = startChild('recorder', [stateDir, 'a', '20'], {
      PIPEWRIGHT_CRASH: `${point}${occurrence}`,
    });
    const ends = new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
    const promised = await messagesOf(child);
    expect(await ends).toBe('SIGKILL');
    const later = ['b', 'c'];
    const store = openStore(stateDir);
    for (const runId of later) value(await store.record(ended(runId)));
    const { runs, stats } = value(await openStore(stateDir).index());
    const listed = runs.map(({ pipeline_id: id }) => id);
    expect(listed).toEqual(expect.arrayContaining([...promised, ...later]));
    expect(stats.success_count).toBeGreaterThanOrEqual(promised.length + later.length);
    fs.rmSync(path.join(stateDir, 'pipeline.json'), { force: true });
    expect(value(await openStore(stateDir).index()).stats).toEqual(stats);
  });

  test.each([
    ['before-write', 2],
    ['torn-write', 2],
    ['before-sync', 3],
    ['after-sync', 3],
    ['after-ack', 3],
  ])('a process that dies %s of its third event leaves at least %i events', async (phase, least) => {
    const stateDir = temporaryFolder();
    const child = startChild('owner', [stateDir, RUN, 'create'], {
      PIPEWRIGHT_CRASH: `cancel.requested:${phase}:3`,
    });
    const ends = new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
    const promised = (await messagesOf(child)).map(acknowledged);
    expect(await ends).toBe('SIGKILL');
    const read = value(await openStore(stateDir).read(RUN));
    expect(read.damage).toEqual([]);
    expect(read.events.length).toBeGreaterThanOrEqual(Math.max(least, Math.max(...promised) + 1));
    expect(read.tornBytes > 0).toBe(phase === 'torn-write');
    const handle = value(await openStore(stateDir).open(RUN));
    await handle.journal.append([event(RUN, handle.events.length)]);
    await handle.release();
    expect(value(await openStore(stateDir).read(RUN)).events).toHaveLength(read.events.length + 1);
  });
});

describe('a claim that cannot be looked up in our process table', () => {
  const REMOTE = { start: '1', boot: 'another boot', namespace: 'pid:[1]', host: 'elsewhere' };

  test.each([
    ['of another machine, that gave a sign of life', REMOTE, 0, 'run-owned'],
    ['of another machine, silent for a minute', REMOTE, 60_000, 'free'],
    ['of this machine, before its last boot', { ...REMOTE, host: os.hostname() }, 0, 'free'],
    ['left empty by a power cut', undefined, 0, 'free'],
  ])('%s', async (_what, owner, silentMs, expected) => {
    const stateDir = temporaryFolder();
    const folder = await storedRun(stateDir, 1);
    const file = path.join(folder, 'owner.2');
    fs.writeFileSync(file, owner ? JSON.stringify({ pid: 1, user: 'x', at: '', ...owner }) : '');
    const touched = new Date(Date.now() - silentMs);
    fs.utimesSync(file, touched, touched);
    const answer = await openStore(stateDir).open(RUN);
    expect(answer.ok ? 'free' : answer.failure.reason).toBe(expected);
    if (answer.ok) await answer.value.release();
  });
});

test('a number that another process has by now does not keep a run', async () => {
  const stateDir = temporaryFolder();
  // Our own number with another start time: alive to kill(2), dead to us.
  plantDeadOwner(await storedRun(stateDir, 1), 2);
  const handle = value(await openStore(stateDir).open(RUN));
  expect(handle.events).toHaveLength(1);
  await handle.release();
});

test('a suspended owner is not robbed', async () => {
  const stateDir = temporaryFolder();
  const child = startChild('owner', [stateDir, RUN, 'create']);
  await nextMessage(child);
  child.kill('SIGSTOP');
  expect(await openStore(stateDir).open(RUN)).toMatchObject({
    ok: false,
    failure: { reason: 'run-owned', pid: child.pid },
  });
});

test('a run whose process died shows as interrupted, and as running once somebody goes on with it', async () => {
  const stateDir = temporaryFolder();
  const store = openStore(stateDir);
  const handle = value(await store.create(RUN));
  value(await store.record(started(RUN)));
  await handle.journal.append([created(RUN)]);
  await handle.release();
  const child = startChild('owner', [stateDir, RUN, 'open']);
  const gone = messagesOf(child);
  await nextMessage(child);
  expect(value(await store.index())).toMatchObject({ current: RUN, runs: [{ status: 'running' }] });
  child.kill('SIGKILL');
  await gone;
  expect(value(await store.index())).toMatchObject({ current: RUN, runs: [{ status: 'interrupted' }] });
  const found: string[] = [];
  for await (const run of store.history({ status: 'interrupted' })) found.push(run.pipeline_id);
  expect(found).toEqual([RUN]);
});

test('an end that a crash kept out of the index is counted, once, by the next who looks', async () => {
  const stateDir = temporaryFolder();
  const store = openStore(stateDir);
  const handle = value(await store.create(RUN));
  value(await store.record(started(RUN)));
  await handle.journal.append([created(RUN), finished(RUN, 1, 'failed')]);
  await handle.release();
  for (const reader of [store, openStore(stateDir), store])
    expect(value(await reader.index())).toMatchObject({
      runs: [{ status: 'failed' }],
      stats: { total_runs: 1, failure_count: 1, consecutive_failures: 1 },
    });
  expect(fs.readdirSync(path.join(stateDir, 'active'))).toEqual([]);
});
