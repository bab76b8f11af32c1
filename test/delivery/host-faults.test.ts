import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { expect, onTestFinished, test } from 'vitest';
import { ok, type Result } from '../../src/core/failure.ts';
import { acquireLock } from '../../src/delivery/lock.ts';
import { restore } from '../../src/delivery/restore.ts';
import { rollOut } from '../../src/delivery/rollout.ts';
import { createLocalHost } from '../../src/executors/host/local-host.ts';
import { get } from '../support/load.ts';
import { valueOf } from '../support/results.ts';
import { io, type ProcessRig, processRig } from './support/process-rig.ts';

/* What goes wrong on a host, by its real cause: the runtime `process` says it, and what served before still serves. */

/** Where the rig's service lives, seen from the project. */
const SERVICE = 'srv/shop/default/web';

function at({ target }: ProcessRig, ...names: readonly string[]): string {
  return path.join(target.projectFolder, ...names);
}

/** A small disk under the rig's `deploy.folder`; skips loudly where this user may not mount, except in CI. */
function mountDisk(rig: ProcessRig, skip: (note: string) => void): boolean {
  const folder = at(rig, 'srv');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    if (process.env['CI']) throw error;
    skip('NOT TESTED: a full disk needs the right to mount a tmpfs');
    return false;
  }
  return true;
}

/** Takes every free byte; returns what gives them back. */
function fill(rig: ProcessRig): () => void {
  const ballast = at(rig, 'srv/ballast');
  writeFileSync(ballast, '');
  expect(() => {
    for (;;) appendFileSync(ballast, Buffer.alloc(4096));
  }).toThrow('ENOSPC');
  return () => rmSync(ballast);
}

test.for(['start-first', 'recreate'] as const)(
  '%s: on a full disk nothing is said to serve that does not, and no lock is held; with room again it goes on',
  async (strategy, { skip }) => {
    await using rig = await processRig({ strategy });
    if (!mountDisk(rig, skip)) return;
    try {
      const { runtime, target, build, release, rollout } = rig;
      const { instance: old } = await release(await build('one', 'run-1'));
      const two = await build('two', 'run-2');
      valueOf(await runtime.deliver(target, two, io));
      const started = valueOf(await runtime.start(target, two, io));
      const makeRoom = fill(rig);
      const full = {
        ok: false,
        failure: { message: expect.stringMatching(/No space left on device|ENOSPC/) },
      };
      expect(await runtime.switchTo(target, started, io)).toMatchObject(full);
      expect(valueOf(await runtime.current(target, io))?.id).toBe(old.id);
      const claim = { host: target.host, folder: 'srv', project: 'shop', environment: 'default' };
      const ours = { ...claim, runId: 'run-2', by: 'ann@desk', ttlMs: 60_000, signal: io.signal };
      expect(await acquireLock(ours)).toMatchObject(full);
      expect(readdirSync(at(rig, 'srv/shop/default'))).toEqual(['web']);
      const three = await build('three', 'run-3');
      expect((await runtime.deliver(target, three, io)).ok).toBe(false);
      makeRoom();
      expect(valueOf(await acquireLock(ours))).toEqual({});
      valueOf(await runtime.deliver(target, three, io));
      valueOf(await rollOut(rollout(three)));
      expect(await get(`http://127.0.0.1:${rig.port}/`)).toBe('three');
    } finally {
      await rig.runtime.stopAll(rig.target, io);
      execFileSync('umount', ['-l', at(rig, 'srv')]);
    }
  },
);

test('a release whose record a power cut has emptied is unpacked again', async () => {
  await using rig = await processRig({ strategy: 'recreate' });
  const { runtime, target, build } = rig;
  const artifact = await build('one', 'run-1');
  valueOf(await runtime.deliver(target, artifact, io));
  const [name = ''] = readdirSync(at(rig, SERVICE, 'releases'));
  const folder = at(rig, SERVICE, 'releases', name);
  truncateSync(path.join(folder, 'digest'));
  rmSync(path.join(folder, 'files/server.mjs'));
  expect(valueOf(await runtime.check(target, artifact, io))).toHaveLength(1);
  expect(valueOf(await runtime.deliver(target, artifact, io))).toMatchObject({ method: 'archive' });
  expect(valueOf(await runtime.check(target, artifact, io))).toEqual([]);
  expect(existsSync(path.join(folder, 'files/server.mjs'))).toBe(true);
});

test('an archive that is not the one that was built never becomes a release', async () => {
  await using rig = await processRig({ strategy: 'recreate' });
  const { runtime, target, build } = rig;
  const artifact = await build('one', 'run-1');
  appendFileSync(artifact.path ?? '', 'more');
  expect(await runtime.deliver(target, artifact, io)).toMatchObject({
    ok: false,
    failure: { message: expect.stringContaining('is not the one that was built') },
  });
  expect(existsSync(at(rig, SERVICE, 'releases'))).toBe(false);
});

test('what keeps it from starting is said all at once: no release there, a port that another program has', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const stranger = net.createServer().listen(rig.port, '127.0.0.1');
  onTestFinished(() => void stranger.close());
  const artifact = await rig.build('one', 'run-1');
  expect(valueOf(await rig.runtime.check(rig.target, artifact, io))).toEqual([
    `release ${artifact.digest} of web is not on local`,
    `port ${rig.port} of local is taken by another program`,
  ]);
});

test('a former release that somebody has removed cannot be brought back, and what serves is left as it is', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const { runtime, target, build, release, rollout } = rig;
  const good = await build('good', 'run-1');
  const bad = await build('bad', 'run-2');
  const { instance } = await release(good);
  await release(bad);
  expect(await runtime.retire(target, { ...instance, id: 'not there' }, io)).toEqual({
    ok: true,
    value: undefined,
  });
  valueOf(await runtime.retire(target, instance, io));
  rmSync(at(rig, SERVICE, 'releases'), { recursive: true });
  const { artifact: _, ...parts } = rollout(bad);
  const { path: __, ...previous } = good;
  expect(await restore({ ...parts, bad, previous })).toMatchObject({
    ok: false,
    failure: { message: expect.stringContaining('is no longer on local, and its files are not here') },
  });
  expect(await get(`http://127.0.0.1:${rig.port}/`)).toBe('bad');
});

test('before the first release there is nothing to go back to: what serves stays, what never served is ended', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const { runtime, target, build, release, rollout } = rig;
  const bad = await build('bad', 'run-1');
  const { artifact: _, ...parts } = rollout(bad);
  valueOf(await runtime.deliver(target, bad, io));
  valueOf(await runtime.start(target, bad, io));
  expect(valueOf(await restore({ ...parts, bad, previous: undefined }))).toMatchObject({
    way: 'nothing to undo',
  });
  expect(valueOf(await runtime.find(target, bad, io))).toBeUndefined();
  const { instance } = await release(bad);
  expect(await restore({ ...parts, bad, previous: undefined })).toMatchObject({
    ok: false,
    failure: { message: expect.stringContaining('has no earlier release to go back to') },
  });
  expect(await runtime.retire(target, instance, io)).toMatchObject({
    ok: false,
    failure: { message: expect.stringContaining('takes the traffic') },
  });
  expect(await get(`http://127.0.0.1:${rig.port}/`)).toBe('bad');
});

test('from recreate to start-first: the port goes to the proxy, and what served is kept warm', async () => {
  await using rig = await processRig({ strategy: 'recreate' });
  const { runtime, build, release } = rig;
  const notes: string[] = [];
  await release(await build('one', 'run-1'));
  const two = await build('two', 'run-2');
  const target = { ...rig.target, settings: { ...rig.target.settings, strategy: 'start-first' as const } };
  valueOf(await runtime.deliver(target, two, io));
  const said = { ...io, log: async (line: string) => void notes.push(line) };
  valueOf(await rollOut({ ...rig.rollout(two), target, io: said }));
  expect(notes.join('\n')).toContain('goes from the service to its proxy');
  expect(await get(`http://127.0.0.1:${rig.port}/`)).toBe('two');
  expect(valueOf(await runtime.current(target, io))?.address?.port).not.toBe(rig.port);
});

test('what dies right before the switch is said with what clients get instead, and a cancel is a cancel', async () => {
  await using rig = await processRig({ strategy: 'recreate' });
  const { runtime, target, build, rollout } = rig;
  const artifact = await build('one', 'run-1');
  valueOf(await runtime.deliver(target, artifact, io));
  const killed = async (): Promise<Result<void>> => {
    const [name = ''] = readdirSync(at(rig, SERVICE, 'instances'));
    for (const file of ['supervisor', 'state']) {
      const pid = readFileSync(at(rig, SERVICE, 'instances', name, file), 'utf8').split(' ')[0];
      process.kill(Number(pid), 'SIGKILL');
    }
    return ok(undefined);
  };
  expect(await rollOut({ ...rollout(artifact), recheck: killed })).toMatchObject({
    ok: false,
    failure: {
      message: expect.stringMatching(
        /after the switch port \d+ is not served by the new version: .*ECONNREFUSED/,
      ),
    },
  });
  const stop = new AbortController();
  const recheck = (): Promise<Result<void>> => {
    setTimeout(() => stop.abort(), 500);
    return killed();
  };
  const cancelled = rollOut({ ...rollout(artifact), recheck, io: { ...io, signal: stop.signal } });
  expect(await cancelled).toMatchObject({ ok: false, failure: { reason: 'cancelled' } });
});

test('a version that never answers as it should gets no traffic, is ended, and its last words are told', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const { runtime, build, release } = rig;
  await release(await build('good', 'run-1'));
  const bad = await build('bad', 'run-2', { BROKEN: 'no database' });
  const { settings } = rig.target;
  const target = { ...rig.target, settings: { ...settings, health: { ...settings.health, timeout: 2000 } } };
  valueOf(await runtime.deliver(target, bad, io));
  expect(await rollOut({ ...rig.rollout(bad), target })).toMatchObject({
    ok: false,
    failure: {
      message: expect.stringMatching(
        /^web on local: not healthy within 2 s: \/health answered 500 instead of 200; its last lines: no database/,
      ),
    },
  });
  expect(valueOf(await runtime.find(target, bad, io))).toBeUndefined();
  expect(await get(`http://127.0.0.1:${rig.port}/`)).toBe('good');
});

test('a tool that the host lacks is named before anything is started', async () => {
  await using rig = await processRig({ strategy: 'recreate' });
  const tools = at(rig, 'tools');
  mkdirSync(tools);
  for (const name of readdirSync('/usr/bin').filter((each) => each !== 'gzip'))
    symlinkSync(path.join('/usr/bin', name), path.join(tools, name));
  const host = createLocalHost({ project: rig.target.projectFolder, environment: { PATH: tools } });
  const artifact = await rig.build('one', 'run-1');
  valueOf(await rig.runtime.deliver(rig.target, artifact, io));
  expect(valueOf(await rig.runtime.check({ ...rig.target, host }, artifact, io))).toEqual([
    'local has no gzip',
  ]);
});
