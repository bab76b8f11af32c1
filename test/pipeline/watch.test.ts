import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { CaseEvent } from '../../src/core/cases/case-event.ts';
import type { ClaimedRun } from '../../src/core/cases/decide-case.ts';
import { watchCases, type CaseRuns } from '../../src/core/cases/watcher.ts';
import { failed, ok } from '../../src/core/failure.ts';
import { idleRun, type RunState } from '../../src/core/run-state.ts';
import { pendingStage } from '../../src/core/stage-state.ts';
import { type CaseSettings, casesSchema } from '../../src/core/settings/cases.ts';
import { openCaseClaims } from '../../src/persistence/case-claims.ts';
import { createCaseFolder } from '../../src/system/case-folder.ts';
import { systemClock } from '../../src/system/clock.ts';
import { temporaryFolder } from '../unit/persistence/support.ts';

const NEVER = new AbortController().signal;

function endedRun(runId: string, status: RunState['status'] = 'success'): RunState {
  const at = systemClock.now();
  const isOpen = status === 'interrupted' || status === 'waiting';
  return { ...idleRun(runId), status, duration_ms: 1, ...(!isOpen && { finished_at: at }) };
}

/** A real folder with real claims; runs are what the test says. */
function inbox(written: Partial<Record<keyof CaseSettings, unknown>> = {}) {
  const folder = temporaryFolder();
  const settings = casesSchema.parse({ p: { folder, stable: '50ms', poll: '50ms', ...written } })['p'];
  if (!settings) throw new Error('the settings were not read');
  const runs = new Map<string, RunState>();
  const ran: string[] = [];
  const events: CaseEvent[] = [];
  let count = 0;
  const port: CaseRuns = {
    newId: () => `run-${(count += 1)}`,
    ready: async () => ok(undefined),
    refuses: async () => undefined,
    start: async (runId, { name }) => {
      ran.push(name);
      const run = endedRun(runId);
      runs.set(runId, run);
      return ok(run);
    },
    continue: async (runId) => {
      ran.push(`continue ${runId}`);
      const run = endedRun(runId);
      runs.set(runId, run);
      return ok(run);
    },
    look: async (runId) => {
      const run = runs.get(runId);
      return ok<ClaimedRun>(run ? { state: 'stored', run } : { state: 'unborn' });
    },
  };
  const once = (change: Partial<CaseRuns> = {}, holder = 'here') =>
    watchCases({
      folder: createCaseFolder(settings),
      claims: openCaseClaims(folder, 'p'),
      runs: { ...port, ...change },
      clock: systemClock,
      settings,
      holder,
      emit: (event) => void events.push(event),
      once: true,
      drain: NEVER,
    });
  const put = (name: string, text = name): void => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  };
  const said = (type: CaseEvent['type']): readonly unknown[] =>
    events.flatMap((event) => (event.type === type ? [event] : []));
  return { folder, put, once, ran, runs, said, port };
}

test('each case is run once, also after a restart; what is gone is forgotten and may come again', async () => {
  const { folder, put, once, ran } = inbox();
  put('a');
  put('b/data');
  expect(await once()).toMatchObject({ finished: 2, succeeded: 2 });
  expect(await once()).toMatchObject({ finished: 0, processing_ms: null });
  expect(ran.toSorted()).toEqual(['a', 'b']);
  fs.rmSync(path.join(folder, 'a'));
  await once();
  put('a');
  await once();
  expect(ran.toSorted()).toEqual(['a', 'a', 'b']);
});

test('a case that failed is kept aside until it is touched', async () => {
  const { folder, put, once, ran, said } = inbox();
  put('a');
  const failing = { start: async (runId: string) => ok(endedRun(runId, 'failed')) };
  expect(await once(failing)).toMatchObject({ failed: 1 });
  expect(await once()).toMatchObject({ finished: 0 });
  fs.utimesSync(path.join(folder, 'a'), new Date(), new Date(Date.now() + 5000));
  expect(await once()).toMatchObject({ succeeded: 1 });
  expect(ran).toEqual(['a']);
  expect(said('case.taken')).toMatchObject([{ again: false }, { again: true }]);
});

test('a claim without a run is begun, an interrupted run goes on, before anything new', async () => {
  const { put, once, ran, runs } = inbox({ max_parallel: 1 });
  put('claimed');
  put('interrupted');
  const dies = { start: async () => failed({ reason: 'state-unwritable' as const, path: '', detail: '' }) };
  expect(await once(dies)).toMatchObject({ blocked: { reason: 'state-unwritable' } });
  await once({
    start: async (runId) => {
      const run = endedRun(runId, 'interrupted');
      runs.set(runId, run);
      return ok(run);
    },
  });
  put('new');
  await once();
  expect(ran.at(-1)).toBe('new');
  expect(ran.filter((line) => line.startsWith('continue'))).toHaveLength(2);
});

test('a run that ended while nobody looked is settled, and one that waits is left', async () => {
  const { put, once, ran, runs, said } = inbox();
  put('a');
  const asks = {
    type: 'confirmation.requested' as const,
    seq: 0,
    at: '',
    run_id: '',
    stage: 's',
    message: '',
    plan_hash: '',
    expires_at: '',
  };
  const stage = {
    ...pendingStage('s', 'shell'),
    status: 'waiting' as const,
    confirmation: { requested: asks },
  };
  const waiting = async (runId: string) => {
    const run = { ...endedRun(runId, 'waiting'), stages: { s: stage } };
    runs.set(runId, run);
    return ok(run);
  };
  expect(await once({ start: waiting })).toMatchObject({ open: 1, finished: 0 });
  runs.set('run-1', endedRun('run-1', 'failed'));
  await once();
  expect(said('case.finished')).toMatchObject([{ status: 'waiting' }, { status: 'failed' }]);
  await once();
  expect(ran).toEqual([]);
});

test('another watcher with a state of its own does not take what is claimed', async () => {
  const { put, once, ran, said } = inbox();
  put('a');
  await Promise.all([once({}, 'one'), once({}, 'two')]);
  expect(ran).toEqual(['a']);
  await once({}, 'two').then(() => once({}, 'one'));
  expect(ran).toEqual(['a']);
  expect(said('case.waiting')).toContainEqual({
    type: 'case.waiting',
    case: 'a',
    reason: expect.stringMatching(/^taken by (?:one|two)$/),
  });
});

test('another case under the same name, come while its run was under way, is run too', async () => {
  const { folder, put, once, ran, port } = inbox();
  put('a/data');
  await once({
    start: async (runId, seen) => {
      if (ran.length === 0) {
        fs.renameSync(path.join(folder, 'a'), path.join(temporaryFolder(), 'a'));
        put('a/data', 'the next one');
      }
      return port.start(runId, seen);
    },
  });
  expect(ran).toEqual(['a', 'a']);
});

test('what is half written is not taken: unfinished names, no marker, another checksum', async () => {
  const { put, once, ran, said } = inbox({ marker: '{case}/READY', manifest: '{case}/SUMS' });
  put('.hidden');
  put('x.part');
  put('a/data');
  put('b/READY');
  put('b/data');
  put('b/SUMS', `${'0'.repeat(64)}  data\n`);
  put('c/READY');
  put('c/SUMS', `${'0'.repeat(64)}  ../b/data\n`);
  await once();
  expect(ran).toEqual([]);
  expect(said('case.waiting')).toMatchObject([
    { case: 'a', reason: 'a/READY is not there yet' },
    { case: 'b', reason: 'data has another checksum than its manifest says' },
    { case: 'c', reason: 'its manifest names ../b/data, outside of it' },
  ]);
  put('b/SUMS', `${createHash('sha256').update('b/data').digest('hex')}  data\n`);
  await once();
  expect(ran).toEqual(['b']);
});

test('a case that goes on changing is left to the next look', async () => {
  const { put, once, ran } = inbox({ stable: '400ms' });
  put('growing');
  put('still');
  const timer = setInterval(() => put('growing', String(process.hrtime.bigint())), 20);
  await once();
  clearInterval(timer);
  expect(ran).toEqual(['still']);
});

test('priority goes before age, and age before the name; a marker beside a case is none itself', async () => {
  const { folder, put, once, ran } = inbox({
    max_parallel: 1,
    marker: '{case}.done',
    priority: '{case}/PRIORITY',
  });
  for (const [name, age] of [
    ['old', 3000],
    ['new', 1000],
    ['urgent', 0],
  ] as const) {
    put(`${name}/data`);
    put(`${name}.done`);
    if (name === 'urgent') put('urgent/PRIORITY', '5\n');
    const at = new Date(Date.now() - age);
    fs.utimesSync(path.join(folder, name), at, at);
  }
  await once();
  expect(ran).toEqual(['urgent', 'old', 'new']);
});

test('the marker of a case that has gone is removed; one that came since stays', async () => {
  const { folder, put, once, ran } = inbox({ marker: '{case}.done' });
  for (const name of ['a', 'b']) {
    put(`${name}/data`);
    put(`${name}.done`);
  }
  await once();
  for (const name of ['a', 'b']) fs.rmSync(path.join(folder, name), { recursive: true });
  fs.rmSync(path.join(folder, 'b.done'));
  put('next');
  put('b.done');
  await once();
  expect(ran.toSorted()).toEqual(['a', 'b']);
  expect(fs.readdirSync(folder).toSorted()).toEqual(['.pipewright', 'b.done', 'next']);
});

test('links, names that are no text and folders that are not there are said, not followed', async () => {
  const { folder, put, once, ran, said } = inbox({ pattern: '*a*' });
  fs.symlinkSync('/etc', path.join(folder, 'la'));
  fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/a`), Buffer.from([0xff])]), '');
  put('other');
  put('-rf a\n');
  await once();
  expect(ran).toEqual(['-rf a\n']);
  expect(said('case.refused')).toHaveLength(2);
  fs.rmSync(folder, { recursive: true });
  expect(await once()).toMatchObject({ blocked: { reason: 'reported' } });
});

test('while the pipeline is locked nothing is claimed', async () => {
  const { folder, put, once, said } = inbox();
  put('a');
  const locked = { reason: 'reported' as const, message: 'locked', retryable: false };
  await once({ ready: async () => failed(locked) });
  expect(said('watch.blocked')).toHaveLength(1);
  expect(fs.existsSync(path.join(folder, '.pipewright'))).toBe(false);
});

test('a claim that was cut off is nobody’s after a minute', async () => {
  const { folder, put, once, ran } = inbox();
  put('a');
  await once();
  const home = path.join(folder, '.pipewright');
  const [file = ''] = fs.globSync(`${home}/*/*.json`);
  fs.writeFileSync(file, '{"case":');
  await once();
  expect(ran).toEqual(['a']);
  fs.utimesSync(file, 0, 0);
  await once();
  expect(ran).toEqual(['a', 'a']);
});
