import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../../src/core/run-index.ts';
import {
  created,
  ended,
  event,
  finished,
  openStore,
  RUN,
  started,
  temporaryFolder,
  value,
} from './support.ts';
import { cpuMs } from '../../support/cpu-time.ts';

/** A run from its first to its last record, as the engine makes one. */
async function runOnce(stateDir: string, runId: string, status: 'success' | 'failed'): Promise<void> {
  const store = openStore(stateDir);
  const handle = value(await store.create(runId));
  value(await store.record(started(runId)));
  await handle.journal.append([created(runId), event(runId, 1), finished(runId, 2, status)]);
  value(await store.record(ended(runId, { status })));
  await handle.release();
}

async function stateOfThreeRuns(): Promise<string> {
  const stateDir = temporaryFolder();
  await runOnce(stateDir, 'a', 'success');
  await runOnce(stateDir, 'b', 'failed');
  await runOnce(stateDir, 'c', 'failed');
  return stateDir;
}

test('pipeline.json has the fields of spec 2', async () => {
  const stateDir = await stateOfThreeRuns();
  expect(JSON.parse(fs.readFileSync(path.join(stateDir, 'pipeline.json'), 'utf8'))).toMatchObject({
    v: 1,
    pipelines: [{ pipeline_id: 'c', status: 'failed', trigger: 'manual', stages: [], decisions: [] }, {}, {}],
    current: 'c',
    stats: { total_runs: 3, success_count: 1, failure_count: 2, consecutive_failures: 2 },
    locked: [],
    through: fs.statSync(path.join(stateDir, 'index.ndjson')).size,
  });
});

describe('pipeline.json can always be rebuilt', () => {
  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['cut off', '{"v":1,"through":12,"pipelines":[{'],
    ['of another shape', '{"v":1,"through":0,"runs":null}'],
    ['of a later version', '{"v":2}'],
    [
      'poisoned',
      '{"v":1,"through":0,"through_anchor":"","pipelines":[null],"open":[],"locked":[],"consecutive":{},"totals":{},"last_pair":null}',
    ],
  ])('when it is %s', async (_what, text) => {
    const stateDir = await stateOfThreeRuns();
    const before = value(await openStore(stateDir).index());
    const file = path.join(stateDir, 'pipeline.json');
    if (text === undefined) fs.rmSync(file);
    else fs.writeFileSync(file, text);
    expect(value(await openStore(stateDir).index())).toEqual(before);
    expect(fs.readdirSync(stateDir).filter((name) => name.includes('.corrupt-'))).toHaveLength(
      text === undefined ? 0 : 1,
    );
  });

  test('when it belongs to another index', async () => {
    const stateDir = await stateOfThreeRuns();
    const other = temporaryFolder();
    for (const id of ['x', 'y', 'z', 'w']) await runOnce(other, id, 'success');
    const before = value(await openStore(stateDir).index());
    fs.copyFileSync(path.join(other, 'pipeline.json'), path.join(stateDir, 'pipeline.json'));
    expect(value(await openStore(stateDir).index())).toEqual(before);
    const longer = temporaryFolder();
    fs.copyFileSync(path.join(other, 'index.ndjson'), path.join(longer, 'index.ndjson'));
    fs.copyFileSync(path.join(stateDir, 'pipeline.json'), path.join(longer, 'pipeline.json'));
    expect(value(await openStore(longer).index()).stats.total_runs).toBe(4);
  });

  test('an old one is brought up to date by reading on from its place', async () => {
    const stateDir = await stateOfThreeRuns();
    const old = fs.readFileSync(path.join(stateDir, 'pipeline.json'));
    await runOnce(stateDir, 'd', 'failed');
    fs.writeFileSync(path.join(stateDir, 'pipeline.json'), old);
    expect(value(await openStore(stateDir).index())).toMatchObject({
      stats: { total_runs: 4, consecutive_failures: 3 },
      locked: [{ run_id: 'd' }],
    });
  });
});

describe('index.ndjson', () => {
  test('a torn record costs that record only', async () => {
    const stateDir = await stateOfThreeRuns();
    const file = path.join(stateDir, 'index.ndjson');
    fs.appendFileSync(file, '\n{"type":"run.started","run_id":"torn","pipe');
    expect(value(await openStore(stateDir).index()).stats.total_runs).toBe(3);
    value(await openStore(stateDir).record(started('d')));
    fs.appendFileSync(file, '\0\0\0\n[]\n{"type":"run.renamed","at":"","run_id":"x"}\n');
    value(await openStore(stateDir).record(started('e')));
    fs.rmSync(path.join(stateDir, 'pipeline.json'));
    expect(value(await openStore(stateDir).index()).stats.total_runs).toBe(5);
  });

  test('is rebuilt from the journals when it is gone, by whoever reads or writes next', async () => {
    const stateDir = await stateOfThreeRuns();
    const before = value(await openStore(stateDir).index());
    for (const next of ['read', 'write'] as const) {
      fs.rmSync(path.join(stateDir, 'index.ndjson'));
      if (next === 'write') value(await openStore(stateDir).record(ended('c', { status: 'failed' })));
      const { stats, consecutive } = value(await openStore(stateDir).index());
      expect({ ...stats, average_duration_ms: 1 }).toEqual({ ...before.stats, average_duration_ms: 1 });
      expect(consecutive).toEqual(before.consecutive);
    }
  });

  test('a rebuild on demand keeps what only the old index knows', async () => {
    const stateDir = await stateOfThreeRuns();
    const store = openStore(stateDir);
    await runOnce(stateDir, 'd', 'failed');
    expect(value(await store.index()).locked).toHaveLength(1);
    const unlock: RunRecord = { type: 'unlocked', by: 'ann', at: '2026-02-07T00:00:00+09:00' };
    value(await store.record(unlock));
    expect(value(await store.rebuildIndex())).toBe(9);
    for (const reader of [store, openStore(stateDir)])
      expect(value(await reader.index())).toMatchObject({ locked: [], stats: { total_runs: 4 } });
  });
});

describe('history', () => {
  async function ids(stateDir: string, filter = {}): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const run of openStore(stateDir).history(filter)) found.push(run.pipeline_id);
    return found;
  }

  test('lists every run once, the newest first, and filters', async () => {
    const stateDir = await stateOfThreeRuns();
    await runOnce(stateDir, 'd', 'success');
    expect(await ids(stateDir)).toEqual(['d', 'c', 'b', 'a']);
    expect(await ids(stateDir, { limit: 2 })).toEqual(['d', 'c']);
    expect(await ids(stateDir, { limit: 0 })).toEqual([]);
    expect(await ids(stateDir, { status: 'failed' })).toEqual(['c', 'b']);
    expect(
      await ids(stateDir, { pipeline: 'release', environment: 'prod', status: 'success', limit: 1 }),
    ).toEqual(['d']);
    expect(await ids(stateDir, { pipeline: 'other' })).toEqual([]);
    expect(await ids(stateDir, { since: '2026-02-06T07:00:01Z' })).toEqual([]);
  });

  test('reads over the borders of its chunks', async () => {
    const stateDir = temporaryFolder();
    const store = openStore(stateDir);
    const wide = Array.from({ length: 40 }, (_, index) => `run-${index}`);
    for (const runId of wide) value(await store.record(ended(runId, { trigger: 'x'.repeat(97_531) })));
    expect(await ids(stateDir)).toEqual(wide.toReversed());
    expect(value(await openStore(stateDir).index()).stats.total_runs).toBe(40);
  });
});

test('ten thousand runs are listed without reading them all', async () => {
  const stateDir = temporaryFolder();
  await runOnce(stateDir, RUN, 'success');
  const lines = Array.from({ length: 10_000 }, (_, index) => {
    const at = new Date(Date.UTC(2026, 2, 1) + index * 60_000).toISOString();
    const runId = `run-${index}`;
    return [started(runId, at), ended(runId, { started_at: at, duration_ms: index })]
      .map((record) => `\n${JSON.stringify(record)}\n`)
      .join('');
  });
  fs.appendFileSync(path.join(stateDir, 'index.ndjson'), lines.join(''));
  value(await openStore(stateDir).record(started('last', '2026-12-01T00:00:00Z')));
  value(await openStore(stateDir).record(ended('last', { started_at: '2026-12-01T00:00:00Z' })));
  const begun = cpuMs();
  const index = value(await openStore(stateDir).index());
  const took = cpuMs() - begun;
  expect(index.stats.total_runs).toBe(10_002);
  expect(index.runs).toHaveLength(200);
  // Measured: 5 ms. The bound only says that the index is not read from its start.
  expect(took).toBeLessThan(300);
});

test('a run whose process died before its first event is not listed, not counted and not the last one', async () => {
  const stateDir = await stateOfThreeRuns();
  const dying = openStore(stateDir);
  const handle = value(await dying.create('d'));
  value(await dying.record(started('d')));
  await handle.release();
  // What kill -9 leaves behind.
  fs.writeFileSync(path.join(stateDir, 'active', 'd'), '');

  const store = openStore(stateDir);
  const index = value(await store.index());
  expect(index.runs.map(({ pipeline_id: id }) => id)).toEqual(['c', 'b', 'a']);
  expect(index.current).toBeUndefined();
  expect(index.stats.total_runs).toBe(3);
  const told: string[] = [];
  for await (const { pipeline_id: id } of store.history()) told.push(id);
  expect(told).toEqual(['c', 'b', 'a']);
  expect(value(await store.find('last'))).toBe('c');
});

test('a run whose question has expired is listed as failed, one whose question stands as waiting', async () => {
  const stateDir = temporaryFolder();
  const waitUntil = async (runId: string, expiresAt: string): Promise<void> => {
    const stages = [
      { name: 'unit', status: 'passed' },
      { name: 'ask', status: 'waiting', expires_at: expiresAt },
    ];
    value(await openStore(stateDir).record(started(runId)));
    value(await openStore(stateDir).record(ended(runId, { status: 'waiting', stages })));
  };
  await waitUntil('past', '2026-02-06T16:00:00+09:00');
  await waitUntil('open', '2999-01-01T00:00:00Z');
  const store = openStore(stateDir);
  const seen = value(await store.index()).runs.map(({ pipeline_id: id, status, stages }) => ({
    id,
    status,
    ask: stages[1]?.status,
  }));
  expect(new Set(seen)).toEqual(
    new Set([
      { id: 'open', status: 'waiting', ask: 'waiting' },
      { id: 'past', status: 'failed', ask: 'failed' },
    ]),
  );
  const history: string[] = [];
  for await (const { pipeline_id: id } of store.history({ status: 'waiting' })) history.push(id);
  expect(history).toEqual(['open']);
});
