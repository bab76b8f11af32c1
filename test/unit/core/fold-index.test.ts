import { describe, expect, test } from 'vitest';
import {
  EMPTY_INDEX,
  foldIndex,
  KEPT_SUMMARIES,
  pairKey,
  toStateIndex,
} from '../../../src/core/fold-index.ts';
import type { RunRecord, RunSummary } from '../../../src/core/run-index.ts';

const AT = '2026-02-06T16:05:30+09:00';

function start(runId: string, pipeline = 'release', environment = 'prod'): RunRecord {
  return {
    type: 'run.started',
    run_id: runId,
    pipeline,
    environment,
    trigger: 'manual',
    at: AT,
    stages: ['unit'],
  };
}

type RunEnded = Extract<RunRecord, { readonly type: 'run.ended' }>;

function end(runId: string, status: RunSummary['status'], more: Partial<RunSummary> = {}): RunEnded {
  const summary: RunSummary = {
    pipeline_id: runId,
    pipeline: 'release',
    environment: 'prod',
    status,
    trigger: 'manual',
    started_at: AT,
    stages: [],
    decisions: [],
    ...more,
  };
  return { type: 'run.ended', run_id: runId, at: AT, summary, max_consecutive_failures: 3 };
}

function index(records: readonly RunRecord[]) {
  return toStateIndex(foldIndex(EMPTY_INDEX, records));
}

const statuses = (...list: readonly RunSummary['status'][]) =>
  list.map((status, position) => end(`run-${position}`, status));

describe('failures in a row', () => {
  test('failed and rolled back runs lock the pipeline for its environment at the limit', () => {
    const { locked, consecutive } = index(statuses('failed', 'rolled_back', 'failed'));
    expect(consecutive[pairKey('release', 'prod')]).toBe(3);
    expect(locked).toEqual([
      { pipeline: 'release', environment: 'prod', consecutive_failures: 3, since: AT, run_id: 'run-2' },
    ]);
  });

  test('a failed run that a person has undone is still one failure', () => {
    const undone = { ...end('run-0', 'rolled_back'), is_undo: true };
    const { consecutive, stats } = index([end('run-0', 'failed'), undone]);
    expect(consecutive[pairKey('release', 'prod')]).toBe(1);
    expect(stats).toMatchObject({ total_runs: 1, failure_count: 1 });
  });

  test.each(['cancelled', 'waiting', 'interrupted'] as const)(
    'a %s run neither counts nor resets',
    (status) => {
      const { consecutive, locked } = index(statuses('failed', status, 'failed'));
      expect(consecutive[pairKey('release', 'prod')]).toBe(2);
      expect(locked).toEqual([]);
    },
  );

  test.each(['success', 'warning'] as const)('a %s begins the count anew', (status) => {
    const { locked, stats } = index(statuses('failed', 'failed', status, 'failed'));
    expect(locked).toEqual([]);
    expect(stats.consecutive_failures).toBe(1);
  });

  test('each environment counts for itself', () => {
    const records = [...statuses('failed', 'failed'), end('other', 'failed', { environment: 'staging' })];
    expect(index(records).consecutive).toEqual({
      [pairKey('release', 'prod')]: 2,
      [pairKey('release', 'staging')]: 1,
    });
    expect(index(records).stats.consecutive_failures).toBe(1);
  });

  test('unlocking clears the lock and the count of what it names, and nothing else', () => {
    const records: RunRecord[] = [
      ...statuses('failed', 'failed', 'failed'),
      ...['a', 'b', 'c'].map((id) => end(id, 'failed', { pipeline: 'backup' })),
      { type: 'unlocked', pipeline: 'release', by: 'ann', at: AT },
    ];
    const { locked, consecutive } = index(records);
    expect(locked.map(({ pipeline }) => pipeline)).toEqual(['backup']);
    expect(consecutive).toEqual({ [pairKey('backup', 'prod')]: 3 });
    expect(index([...records, { type: 'unlocked', by: 'ann', at: AT }]).locked).toEqual([]);
  });

  test('a success of a run that is continued while it is locked opens the lock', () => {
    const { locked, consecutive } = index(statuses('failed', 'failed', 'failed', 'success'));
    expect(locked).toEqual([]);
    expect(consecutive).toEqual({});
  });

  test('an undo that failed locks at once, with what a person has to look at, and is no failure more', () => {
    const lock_reason = 'undoing ship failed';
    const undo: RunEnded = { ...end('run-0', 'failed'), is_undo: true, lock_reason };
    const { locked, consecutive } = index([end('run-0', 'failed'), undo]);
    expect(consecutive).toEqual({ [pairKey('release', 'prod')]: 1 });
    const lock = { pipeline: 'release', environment: 'prod', since: AT, run_id: 'run-0' };
    expect(locked).toStrictEqual([{ ...lock, consecutive_failures: 1, reason: lock_reason }]);
    expect(index([{ ...end('run-0', 'failed'), lock_reason }]).locked).toHaveLength(1);
  });

  test('failures while it is locked are counted in its lock, and in no other', () => {
    const backup = ['a', 'b', 'c'].map((id) => end(id, 'failed', { pipeline: 'backup' }));
    const { locked } = index([...backup, ...statuses('failed', 'failed', 'failed', 'failed')]);
    expect(locked).toStrictEqual([
      { pipeline: 'backup', environment: 'prod', consecutive_failures: 3, since: AT, run_id: 'c' },
      { pipeline: 'release', environment: 'prod', consecutive_failures: 4, since: AT, run_id: 'run-2' },
    ]);
  });

  test('a success opens the lock of its own pipeline and environment only', () => {
    const failures = [{ pipeline: 'backup' }, { environment: 'staging' }, {}].flatMap((more, place) =>
      ['a', 'b', 'c'].map((id) => end(`${id}${place}`, 'failed', more)),
    );
    const { locked } = index([...failures, end('good', 'success')]);
    expect(locked.map(({ pipeline, environment }) => [pipeline, environment])).toEqual([
      ['backup', 'prod'],
      ['release', 'staging'],
    ]);
  });

  test('locks stay while later runs are folded in', () => {
    const locked = foldIndex(EMPTY_INDEX, statuses('failed', 'failed', 'failed'));
    const later = foldIndex(locked, [start('x', 'backup'), end('x', 'success', { pipeline: 'backup' })]);
    expect(toStateIndex(later).locked).toHaveLength(1);
  });

  test('unlocking an environment leaves the others locked', () => {
    const failures = [{ environment: 'staging' }, {}].flatMap((more, place) =>
      ['a', 'b', 'c'].map((id) => end(`${id}${place}`, 'failed', more)),
    );
    const unlocked: RunRecord = { type: 'unlocked', environment: 'prod', by: 'ann', at: AT };
    const { locked, consecutive } = index([...failures, unlocked]);
    expect(locked.map(({ environment }) => environment)).toEqual(['staging']);
    expect(Object.keys(consecutive)).toEqual([pairKey('release', 'staging')]);
  });

  test('a limit of 0 never locks', () => {
    const records = statuses('failed', 'failed', 'failed', 'failed').map((record) => ({
      ...record,
      max_consecutive_failures: 0,
    }));
    expect(index(records).locked).toEqual([]);
  });
});

describe('totals', () => {
  test('before anything has ended there are no rates and no averages', () => {
    const none = {
      total_runs: 0,
      success_count: 0,
      failure_count: 0,
      consecutive_failures: 0,
      per_stage: {},
    };
    expect(index([])).toStrictEqual({ runs: [], stats: none, consecutive: {}, locked: [] });
    expect(index([start('a')]).stats).toStrictEqual({ ...none, total_runs: 1 });
  });

  test('a cancelled run has ended too, and an average needs a time', () => {
    const { stats } = index([end('a', 'success'), end('b', 'cancelled'), end('c', 'cancelled')]);
    expect(stats.success_rate).toBeCloseTo(1 / 3);
    expect(stats).not.toHaveProperty('average_duration_ms');
  });

  test('a stage that a later outcome of its run no longer has is not counted', () => {
    const failedOnce = end('a', 'failed', { stages: [{ name: 'unit', status: 'failed' }] });
    const skipped = end('a', 'success', { stages: [{ name: 'unit', status: 'skipped' }] });
    expect(index([failedOnce, skipped]).stats.per_stage).toEqual({});
  });

  test('success rate, average duration and the failures of each stage are counted over runs that ended', () => {
    const unit = (status: string, duration: number) => ({
      duration_ms: duration * 2,
      stages: [
        { name: 'unit', status, duration_ms: duration },
        { name: 'constructor', status: 'skipped' },
      ],
    });
    const { stats } = index([
      start('a'),
      end('a', 'success', unit('passed', 100)),
      start('b'),
      end('b', 'failed', unit('failed', 300)),
      start('c'),
    ]);
    expect(stats).toEqual({
      total_runs: 3,
      success_count: 1,
      failure_count: 1,
      consecutive_failures: 1,
      success_rate: 0.5,
      average_duration_ms: 400,
      per_stage: { unit: { runs: 2, failures: 1, average_duration_ms: 200 } },
    });
  });

  test('a run that is taken up again counts once, with its last outcome', () => {
    const { stats, runs } = index([start('a'), end('a', 'waiting'), end('a', 'failed'), end('a', 'success')]);
    expect(stats).toMatchObject({ total_runs: 1, success_count: 1, failure_count: 0 });
    expect(runs.map(({ status }) => status)).toEqual(['success']);
  });

  test('a run that begins again is running, and its earlier outcome counts no more', () => {
    const { stats, runs, current } = index([start('a'), end('a', 'failed'), start('a')]);
    expect(stats).toMatchObject({ total_runs: 1, failure_count: 0 });
    expect(runs.map(({ status }) => status)).toEqual(['running']);
    expect(current).toBe('a');
  });

  test('an end whose start record was torn by a crash still counts as a run', () => {
    expect(index([end('a', 'success')]).stats).toMatchObject({ total_runs: 1, success_count: 1 });
  });
});

test('the newest runs come first, and those without an end are the current ones', () => {
  const { runs, current } = index([start('a'), start('b'), end('a', 'success')]);
  expect(runs.map(({ pipeline_id: id, status }) => [id, status])).toEqual([
    ['b', 'running'],
    ['a', 'success'],
  ]);
  expect(current).toBe('b');
  expect(runs[0]).toMatchObject({ stages: [{ name: 'unit', status: 'pending' }], decisions: [] });
  expect(index([start('a'), end('a', 'success')])).not.toHaveProperty('current');
});

test('only the newest summaries are kept, and an old run that ends late is not counted twice', () => {
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 1) + minute * 60_000).toISOString();
  const many = Array.from({ length: KEPT_SUMMARIES + 5 }, (_, minute) => ({
    ...start(`run-${minute}`),
    at: at(minute),
  }));
  const first = end('run-0', 'success', { started_at: at(0) });
  const fold = foldIndex(EMPTY_INDEX, [...many, first, first]);
  expect(fold.summaries).toHaveLength(KEPT_SUMMARIES);
  expect(fold.summaries[0]?.pipeline_id).toBe('run-204');
  expect(fold.totals.runs).toBe(KEPT_SUMMARIES + 5);
});

test('folding record by record, through JSON, gives what one pass gives', () => {
  const records = [start('a'), end('a', 'failed'), start('b'), ...statuses('failed', 'success', 'failed')];
  let fold = EMPTY_INDEX;
  for (const record of records) fold = foldIndex(JSON.parse(JSON.stringify(fold)), [record]);
  expect(fold).toEqual(foldIndex(EMPTY_INDEX, records));
});
