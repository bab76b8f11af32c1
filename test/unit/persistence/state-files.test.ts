import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { failureOf } from '../../support/results.ts';
import { mountSmallDisk } from '../../support/small-disk.ts';
import { idleRun } from '../../../src/core/run-state.ts';
import { createLowdbFile } from '../../../src/persistence/lowdb-file.ts';
import { createStageCache } from '../../../src/persistence/stage-cache.ts';
import {
  ended,
  event,
  events,
  openStore,
  RUN,
  started,
  storedRun,
  temporaryFolder,
  value,
} from './support.ts';

function modeOf(file: string): string {
  return (fs.statSync(file).mode & 0o777).toString(8);
}

test('folders are 0700, files 0600, and the state ignores itself in git', async () => {
  const stateDir = path.join(temporaryFolder(), 'deep', 'state');
  const store = openStore(stateDir);
  const handle = value(await store.create(RUN));
  value(await store.record(started(RUN)));
  await handle.journal.append(events(RUN, 1));
  await handle.appendLog('unit.log', 'x');
  await createStageCache({ stateDir }).put('key', { run_id: RUN, stored_at: '', outputs: {} });
  value(await store.record(ended(RUN)));
  await handle.release();
  expect(fs.readFileSync(path.join(stateDir, '.gitignore'), 'utf8')).toBe('*\n');
  expect(fs.readdirSync(handle.folder)).toEqual(
    expect.arrayContaining(['artifacts', 'inbox', 'logs', 'steps']),
  );
  expect(modeOf(stateDir)).toBe('700');
  for (const entry of fs.readdirSync(stateDir, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    expect([file, modeOf(file)]).toEqual([file, entry.isDirectory() ? '700' : '600']);
  }
});

describe('a disk that takes no more', () => {
  test('full: what was acknowledged stays, appends fail for good with a sentence, space heals it', async ({
    skip,
  }) => {
    const disk = temporaryFolder();
    if (!mountSmallDisk(disk, skip)) return;
    const stateDir = path.join(disk, 'state');
    const store = openStore(stateDir);
    const handle = value(await store.create(RUN));
    const ballast = path.join(disk, 'ballast');
    fs.writeFileSync(ballast, Buffer.alloc(64 * 1024));
    let acknowledged = 0;
    const fill = async () => {
      for (;;) {
        await handle.journal.append([event(RUN, acknowledged, 'x'.repeat(700))]);
        acknowledged += 1;
      }
    };
    const full = { reason: 'state-unwritable', detail: expect.stringMatching(/^disk full: .* \(ENOSPC\)$/) };
    await expect(fill()).rejects.toMatchObject({ failure: full });
    expect(acknowledged).toBeGreaterThan(50);
    // Still writable places do not tempt it: the next record would follow a torn one.
    fs.truncateSync(ballast, 32 * 1024);
    await expect(handle.journal.append([event(RUN, acknowledged)])).rejects.toMatchObject({ failure: full });
    fs.writeFileSync(path.join(disk, 'rest'), '');
    expect(() => fs.appendFileSync(path.join(disk, 'rest'), Buffer.alloc(1 << 20))).toThrow('ENOSPC');
    expect(failureOf(await store.create('another'))).toMatchObject(full);
    expect(failureOf(await store.record(started(RUN)))).toMatchObject(full);
    expect(failureOf(await store.request(RUN, { type: 'cancel', by: 'ann' }))).toMatchObject(full);
    const read = value(await store.read(RUN));
    expect(read).toMatchObject({ damage: [] });
    expect(read.events.slice(0, acknowledged)).toHaveLength(acknowledged);
    await handle.release();

    fs.rmSync(path.join(disk, 'rest'));
    fs.rmSync(ballast);
    const again = value(await openStore(stateDir).open(RUN));
    expect(again.events.length).toBeGreaterThanOrEqual(acknowledged);
    await again.journal.append([event(RUN, again.events.length)]);
    await again.release();
    expect(value(await openStore(stateDir).read(RUN))).toMatchObject({ damage: [] });
    value(await store.record(started(RUN)));
    expect(value(await store.index()).stats.total_runs).toBe(1);
  });

  test('read-only: everything can be looked at and nothing started', async ({ skip }) => {
    const disk = temporaryFolder();
    if (!mountSmallDisk(disk, skip)) return;
    const stateDir = path.join(disk, 'state');
    await storedRun(stateDir, 3);
    value(await openStore(stateDir).record(started(RUN)));
    fs.rmSync(path.join(stateDir, 'pipeline.json'));
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const store = openStore(stateDir);
    expect(value(await store.read(RUN)).events).toHaveLength(3);
    expect(value(await store.find('last'))).toBe(RUN);
    expect(value(await store.index()).runs).toMatchObject([{ pipeline_id: RUN, status: 'interrupted' }]);
    expect(value(await store.audit(RUN)).ok).toBe(true);
    const readOnly = { reason: 'state-unwritable', detail: expect.stringContaining('read-only') };
    expect(failureOf(await store.create('another'))).toMatchObject(readOnly);
    expect(failureOf(await store.open(RUN))).toMatchObject(readOnly);
    expect(failureOf(await store.record(started(RUN)))).toMatchObject(readOnly);
    expect(failureOf(await store.request(RUN, { type: 'cancel', by: 'ann' }))).toMatchObject(readOnly);
    await createStageCache({ stateDir }).put('key', { run_id: RUN, stored_at: '', outputs: {} });
  });

  test('read-only and without an index: the journals are shown', async ({ skip }) => {
    const disk = temporaryFolder();
    if (!mountSmallDisk(disk, skip)) return;
    const runs = path.resolve('test/fixtures/journals/v1/runs');
    fs.cpSync(runs, path.join(disk, 'runs'), { recursive: true });
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    expect(value(await openStore(disk).index()).runs).toMatchObject([
      { pipeline_id: RUN, status: 'success', stages: [{ name: 'build' }, { name: 'deploy' }] },
    ]);
  });

  test('a file where the state folder should be is named', async () => {
    const stateDir = path.join(temporaryFolder(), 'state');
    fs.writeFileSync(stateDir, '');
    expect(failureOf(await openStore(stateDir).create(RUN))).toMatchObject({
      reason: 'state-unwritable',
      path: stateDir,
    });
  });
});

describe('what somebody planted in the state folder', () => {
  const VICTIM = 'do not touch';

  function plant(kind: string, place: string): string {
    const victim = path.join(temporaryFolder(), 'victim');
    fs.writeFileSync(victim, VICTIM);
    fs.rmSync(place, { force: true, recursive: true });
    if (kind === 'link') fs.symlinkSync(victim, place);
    else if (kind === 'pipe') execFileSync('mkfifo', [place]);
    else fs.mkdirSync(place);
    return victim;
  }

  test.each(['link', 'pipe', 'folder'])(
    'a %s in place of a journal is damage, not followed and no trap',
    async (kind) => {
      const stateDir = temporaryFolder();
      const folder = await storedRun(stateDir, 1);
      const victim = plant(kind, path.join(folder, 'journal', '000001.ndjson'));
      expect(value(await openStore(stateDir).read(RUN)).damage).toHaveLength(1);
      expect(failureOf(await openStore(stateDir).open(RUN))).toMatchObject({
        reason: 'journal-corrupt',
        byte: 0,
      });
      expect(fs.readFileSync(victim, 'utf8')).toBe(VICTIM);
    },
  );

  test.each(['link', 'pipe', 'folder'])('a %s in place of the index is refused', async (kind) => {
    const stateDir = temporaryFolder();
    await storedRun(stateDir, 1);
    const victim = plant(kind, path.join(stateDir, 'index.ndjson'));
    const store = openStore(stateDir);
    expect(failureOf(await store.record(started(RUN)))).toMatchObject({ reason: 'state-unwritable' });
    expect(failureOf(await store.index())).toMatchObject({ reason: 'state-unwritable' });
    expect(fs.readFileSync(victim, 'utf8')).toBe(VICTIM);
  });

  test.each(['link', 'pipe'])(
    'a %s in place of pipeline.json is replaced, its target untouched',
    async (kind) => {
      const stateDir = temporaryFolder();
      const victim = plant(kind, path.join(stateDir, 'pipeline.json'));
      const store = openStore(stateDir);
      value(await store.record(started(RUN)));
      value(await store.record(ended(RUN)));
      expect(value(await store.index()).stats.total_runs).toBe(1);
      expect(fs.lstatSync(path.join(stateDir, 'pipeline.json')).isFile()).toBe(true);
      expect(fs.readFileSync(victim, 'utf8')).toBe(VICTIM);
    },
  );

  test.each(['link', 'pipe', 'folder'])('a %s in place of a claim is no owner', async (kind) => {
    const stateDir = temporaryFolder();
    const folder = await storedRun(stateDir, 1);
    plant(kind, path.join(folder, 'owner.7'));
    const handle = value(await openStore(stateDir).open(RUN));
    expect(fs.existsSync(path.join(folder, 'owner.8'))).toBe(true);
    await handle.release();
  });

  test('a link or a pipe in the inbox is removed and not answered', async () => {
    const stateDir = temporaryFolder();
    const handle = value(await openStore(stateDir).create(RUN));
    const inbox = path.join(handle.folder, 'inbox');
    plant('pipe', path.join(inbox, '1.json'));
    const victim = plant('link', path.join(inbox, '2.json'));
    fs.writeFileSync(path.join(inbox, '3.json'), '{"type":"approve","stage":7}');
    fs.writeFileSync(path.join(inbox, '4.json'), '{"type":"cancel","by":"ann"}');
    const request = await new Promise((resolve) => {
      handle.onRequest(resolve);
    });
    expect(request).toEqual({ type: 'cancel', by: 'ann' });
    await handle.release();
    expect(fs.readdirSync(inbox)).toEqual([]);
    expect(fs.readFileSync(victim, 'utf8')).toBe(VICTIM);
  });

  test('a run folder that is a link is no run', async () => {
    const stateDir = temporaryFolder();
    const folder = await storedRun(stateDir, 1);
    fs.symlinkSync(folder, path.join(stateDir, 'runs', 'linked'));
    expect(failureOf(await openStore(stateDir).open('linked'))).toMatchObject({ reason: 'run-not-found' });
  });
});

describe('a lowdb file', () => {
  interface Shape {
    readonly n: number;
  }
  const isShape = (given: unknown): given is Shape =>
    typeof given === 'object' && given !== null && 'n' in given && typeof given.n === 'number';

  test('comes back as it was written, with no temporary file left', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'x.json');
    const database = await createLowdbFile<Shape>(file, isShape, { n: 0 });
    expect(database.data).toEqual({ n: 0 });
    await Promise.all([1, 2, 3].map((n) => database.update((data) => Object.assign(data, { n }))));
    expect((await createLowdbFile<Shape>(file, isShape, { n: 0 })).data).toEqual({ n: 3 });
    expect(fs.readdirSync(folder)).toEqual(['x.json']);
  });

  test.each(['', '{"n":', '\0\0\0', '{"n":"1"}', 'null', '[]'])(
    'keeps aside what it cannot use: %j',
    async (text) => {
      const folder = temporaryFolder();
      const file = path.join(folder, 'x.json');
      fs.writeFileSync(file, text);
      const database = await createLowdbFile<Shape>(file, isShape, { n: 0 });
      await database.write();
      const aside = fs.readdirSync(folder).filter((name) => /^x\.json\.corrupt-\d+$/.test(name));
      expect(aside).toHaveLength(1);
      expect(fs.readFileSync(path.join(folder, aside[0] ?? ''), 'utf8')).toBe(text);
      expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toEqual({ n: 0 });
    },
  );

  test('a write that fails leaves the old file, and the next one may succeed', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'x.json');
    const database = await createLowdbFile<Shape>(file, isShape, { n: 0 });
    fs.renameSync(folder, `${folder}.away`);
    await expect(database.write()).rejects.toThrow('ENOENT');
    fs.renameSync(`${folder}.away`, folder);
    await database.write();
    expect(fs.readFileSync(file, 'utf8')).toContain('"n": 0');
  });
});

test('run.json holds the folded state: at once when a run ends, and the last one in any case', async () => {
  const stateDir = temporaryFolder();
  const handle = value(await openStore(stateDir).create(RUN));
  const read = (): unknown => JSON.parse(fs.readFileSync(path.join(handle.folder, 'run.json'), 'utf8'));
  const state = idleRun(RUN);
  await handle.snapshot(state);
  await handle.snapshot({ ...state, last_seq: 1 });
  expect(read()).toMatchObject({ v: 1, run: { run_id: RUN, last_seq: -1 } });
  await handle.snapshot({ ...state, status: 'waiting', last_seq: 2 });
  expect(read()).toMatchObject({ run: { status: 'waiting', last_seq: 2 } });
  await handle.snapshot({ ...state, last_seq: 3 });
  await handle.release();
  expect(read()).toMatchObject({ run: { last_seq: 3 } });
  fs.rmSync(handle.folder, { recursive: true });
  await handle.snapshot({ ...state, status: 'failed' });
});

test('temporary files of processes killed long ago are swept, fresh ones are left', async () => {
  const stateDir = temporaryFolder();
  await storedRun(stateDir, 1);
  const [old, fresh] = ['0', '1'].map((digit) =>
    path.join(stateDir, `.pipeline.json.${digit.repeat(12)}.tmp`),
  );
  for (const file of [old, fresh]) fs.writeFileSync(file ?? '', '{');
  fs.utimesSync(old ?? '', 0, 0);
  value(await openStore(stateDir).index());
  expect([old, fresh].map((file) => fs.existsSync(file ?? ''))).toEqual([false, true]);
});

test('the stage cache gives back results and takes everything else for absent', async () => {
  const stateDir = temporaryFolder();
  const cache = createStageCache({ stateDir });
  const result = { run_id: RUN, stored_at: '2026-02-06T16:00:00+09:00', outputs: { a: [1, null] } };
  for (const key of ['a1b2', '../../escape', 'x'.repeat(500)]) {
    expect(await cache.get(key)).toBeUndefined();
    await cache.put(key, result);
    expect(await cache.get(key)).toEqual(result);
  }
  expect(fs.readdirSync(path.join(stateDir, 'cache'))).toHaveLength(3);
  for (const text of ['', '{', '{"run_id":1}', '[]']) {
    fs.writeFileSync(path.join(stateDir, 'cache', 'a1b2.json'), text);
    expect(await cache.get('a1b2')).toBeUndefined();
  }
});

test('a state folder where the system takes none is said at once', async () => {
  expect(failureOf(await openStore('/proc/pipewright/state').create(RUN))).toMatchObject({
    reason: 'state-unwritable',
    detail: 'the system makes no folders there (ENOFOLDER)',
  });
});
