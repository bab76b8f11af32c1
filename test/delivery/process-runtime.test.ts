import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { describe, expect, test } from 'vitest';
import { ok } from '../../src/core/failure.ts';
import { acquireLock, checkLock, releaseLock } from '../../src/delivery/lock.ts';
import { probe } from '../../src/delivery/probe.ts';
import { restore } from '../../src/delivery/restore.ts';
import { createHosts } from '../../src/executors/host/hosts.ts';
import { hasSshd, startSshd } from '../support/sshd.ts';
import { startLoad } from './support/load.ts';
import { valueOf } from '../support/results.ts';
import { io, processRig } from './support/process-rig.ts';

test('start-first: no request is lost over 20 deploys', { timeout: 120_000 }, async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const { runtime, target, build, release } = rig;
  let old = (await release(await build('v0', 'run-0'))).instance;
  const load = startLoad(`http://127.0.0.1:${rig.port}/`, { workers: 4 });
  for (let round = 1; round <= 20; round += 1) {
    const { instance } = await release(await build(`v${round}`, `run-${round}`));
    expect(valueOf(await runtime.current(target, io))?.id).toBe(instance.id);
    valueOf(await runtime.retire(target, old, io));
    old = instance;
  }
  const result = await load.stop();
  expect(result).toMatchObject({ failed: 0, errors: {} });
  expect(Object.keys(result.bodies)).toHaveLength(21);
});

test('recreate: the port is the service itself, the old one ends first, and a restart is counted', async () => {
  await using rig = await processRig({ strategy: 'recreate' });
  const { runtime, target, build, release } = rig;
  await release(await build('v1', 'run-1'));
  const { instance } = await release(await build('v2', 'run-2'));
  expect(valueOf(await runtime.inspect(target, instance, io))).toMatchObject({
    is_running: true,
    restart_count: 0,
  });
  await probe(target.host, { port: rig.port, path: '/crash', timeoutMs: 500, signal: io.signal });
  await expect.poll(async () => valueOf(await runtime.inspect(target, instance, io)).restart_count).toBe(1);
});

test('the same roll-out again finds what is there: nothing is started twice', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const artifact = await rig.build('v1', 'run-1');
  const first = await rig.release(artifact);
  const second = await rig.release(artifact);
  expect(second).toMatchObject({ was_there: true, instance: { id: first.instance.id } });
});

test('going back switches to what was kept warm and ends the bad one; without it, it is started again', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const { runtime, target, build, release, rollout } = rig;
  const good = await build('good', 'run-1');
  const bad = await build('bad', 'run-2');
  const { instance } = await release(good);
  await release(bad);
  const { artifact: _, ...parts } = rollout(bad);
  expect(await restore({ ...parts, bad, previous: good })).toMatchObject({
    ok: true,
    value: { way: 'kept warm' },
  });
  expect(valueOf(await runtime.find(target, bad, io))).toBeUndefined();
  await release({ ...bad, run_id: 'run-3' });
  valueOf(await runtime.retire(target, instance, io));
  const again = await restore({ ...parts, bad: { ...bad, run_id: 'run-3' }, previous: good });
  expect(again).toMatchObject({ ok: true, value: { way: 'started again' } });
});

test('secrets stand in a file that is ours alone, and in no command line', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const artifact = await rig.build('v1', 'run-1', { GREETING: "it's; $(touch /tmp/never)\nhello" });
  const { instance } = await rig.release({ ...artifact, secrets: { TOKEN: 'env:TOKEN' } });
  const env = path.join(
    rig.target.projectFolder,
    'srv/shop/default/web/instances',
    instance.name ?? '',
    'env',
  );
  expect(statSync(env).mode & 0o777).toBe(0o600);
  expect(readFileSync(env, 'utf8')).toContain("TOKEN='s3cret'");
  expect(existsSync('/tmp/never')).toBe(false);
});

test('releases that nobody needs are removed, those of what runs and what is kept stay', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const { runtime, target, build, release } = rig;
  const artifacts = [];
  for (const name of ['v1', 'v2', 'v3']) {
    const artifact = await build(name, `run-${name}`);
    const before = valueOf(await runtime.current(target, io));
    await release(artifact);
    if (before) valueOf(await runtime.retire(target, before, io));
    artifacts.push(artifact);
  }
  valueOf(await runtime.prune(target, artifacts.slice(1, 2), io));
  const problems = await Promise.all(artifacts.map((artifact) => runtime.check(target, artifact, io)));
  expect(problems.map((found) => valueOf(found).length)).toEqual([1, 0, 0]);
});

test('a lock is held by one, renewed by it, taken when its time is over, freed by whoever says so', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const place = {
    host: rig.target.host,
    folder: 'srv',
    project: 'shop',
    environment: 'default',
    signal: io.signal,
  };
  const claim = (runId: string, ttlMs = 60_000) => ({ ...place, runId, by: 'ann@desk', ttlMs });
  const all = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((run) => acquireLock(claim(run))));
  expect(all.filter(({ ok: got }) => got)).toHaveLength(1);
  const winner = ['a', 'b', 'c', 'd', 'e'][all.findIndex(({ ok: got }) => got)] ?? '';
  expect(await acquireLock(claim(winner))).toEqual(ok({}));
  expect((await checkLock(claim(winner))).ok).toBe(true);
  expect((await checkLock(claim('other'))).ok).toBe(false);
  expect(await releaseLock({ ...place, runId: 'other' })).toEqual(ok(undefined));
  expect(await releaseLock({ ...place, runId: '*' })).toEqual(ok(winner));
  valueOf(await acquireLock(claim('late', -5_000)));
  const taken = await Promise.all(['x', 'y', 'z'].map((run) => acquireLock(claim(run))));
  expect(taken.filter(({ ok: got }) => got)).toHaveLength(1);
});

describe.skipIf(!hasSshd())('behind ssh', () => {
  test('two versions, no request lost, and back to the warm one', async () => {
    await using server = await startSshd();
    const hosts = createHosts({
      contexts: { web: server.context() },
      project: server.folder,
      environment: process.env,
      secrets: { resolve: () => Promise.resolve(ok('')) },
    });
    try {
      await using rig = await processRig({ strategy: 'start-first', host: valueOf(await hosts.open('web')) });
      const good = await rig.build('good', 'run-1');
      const bad = await rig.build('bad', 'run-2');
      await rig.release(good);
      const load = startLoad(`http://127.0.0.1:${rig.port}/`, { workers: 2 });
      await rig.release(bad);
      const { artifact: _, ...parts } = rig.rollout(bad);
      const back = await restore({ ...parts, bad, previous: good });
      expect(back).toMatchObject({ ok: true, value: { way: 'kept warm' } });
      expect(await load.stop()).toMatchObject({ failed: 0, errors: {} });
    } finally {
      await hosts.close();
    }
  });
});
