import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acquireLock, releaseLock } from '../../src/delivery/lock.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';
import { valueOf } from '../support/results.ts';
import { io } from './support/process-rig.ts';
import { failureText, shipRig } from './support/ship-rig.ts';

/*
 * What the stages of a deploy answer when a condition of the gate does not hold or a way back is closed: real processes,
 * locks and commits, the real engine. Each has a project of its own, and they mostly wait, so they run side by side.
 * Whole stories with the built program stand in test/e2e.
 */

const BROKEN = 'process.exit(3);';

describe.concurrent('the gate', () => {
  test('a first deploy asks, keeps nobody out meanwhile, and goes on after a yes', async () => {
    await using rig = await shipRig();
    rig.commit({ web: 'one' });
    const waiting = await rig.ship({ yes: false });
    expect(waiting).toMatchObject({ status: 'waiting' });
    expect(waiting.stages['deploy']?.confirmation?.requested.message).toContain(
      'no rollback available: first deploy of web@local',
    );
    const place = { ...rig.lockPlace, signal: io.signal };
    expect(valueOf(await releaseLock({ ...place, runId: '*' }))).toBeUndefined();
    valueOf(await rig.engine.answer(waiting.run_id, 'deploy', { type: 'approve' }));
    const ended = valueOf(await rig.continue(waiting.run_id));
    expect(ended).toMatchObject({ status: 'success' });
    expect(await rig.says('web')).toBe('one');
    expect(valueOf(await releaseLock({ ...place, runId: '*' }))).toBeUndefined();
  });

  test('too little room: it says how much, and nothing of what was never brought there', async () => {
    await using rig = await shipRig();
    rig.commit({ web: 'one' });
    const run = await rig.ship({ deploy: { min_free_disk: '900TB' } });
    expect(run).toMatchObject({ status: 'failed' });
    expect(failureText(run, 'deploy')).toMatch(
      /the gate is closed: disk: web@local: .* free at .*, .* TiB needed/,
    );
    const gate = rig.log(run, 'deploy.gate.log');
    expect(gate).toMatch(/unmeasured +digest: not brought to web@local: no room/);
    expect(gate).toMatch(/unmeasured +startable: not brought to web@local: no room/);
    expect(existsSync(path.join(rig.lab.root, '.pipewright/shop/production/web/releases'))).toBe(false);
    const place = { ...rig.lockPlace, signal: io.signal };
    expect(valueOf(await releaseLock({ ...place, runId: '*' }))).toBeUndefined();
  });

  test('a commit that was rolled back from, and an older one, each need a word', async () => {
    await using rig = await shipRig();
    const first = rig.commit({ web: 'one' });
    expect(await rig.ship()).toMatchObject({ status: 'success' });
    rig.commit({ web: 'two' }, BROKEN);
    const bad = await rig.ship();
    expect(bad).toMatchObject({ status: 'rolled_back' });
    expect(failureText(bad, 'deploy')).toMatch(/it ended 3 times, the last time with 3/);
    expect(await rig.says('web')).toBe('one');
    expect((await rig.history('web')).releases.map(({ verdict }) => verdict)).toEqual([
      'rolled_back',
      'healthy',
    ]);
    const again = await rig.ship({ yes: false });
    expect(again).toMatchObject({ status: 'waiting' });
    expect(again.stages['deploy']?.confirmation?.requested.message).toMatch(/was rolled back from in web/);
    valueOf(await rig.engine.cancel(again.run_id));
    rig.commit({ web: 'three' });
    expect(await rig.ship()).toMatchObject({ status: 'success' });
    rig.lab.tool('checkout', '-q', first);
    const older = await rig.ship();
    expect(failureText(older, 'deploy')).toMatch(/no-newer-deploy: web runs \w{7}, which is newer than/);
    expect(await rig.says('web')).toBe('three');
    expect(await rig.ship({ params: { allow_older: true } })).toMatchObject({ status: 'success' });
    expect(await rig.says('web')).toBe('one');
  });

  test('a variable of a service that names what is not there stops it before anything is locked', async () => {
    await using rig = await shipRig();
    rig.commit({ web: 'one' });
    const run = await rig.ship({ service: { env: { GREETING: '{{.nobody}}' } } });
    expect(failureText(run, 'deploy')).toContain('template-refused');
    expect(existsSync(path.join(rig.lab.root, '.pipewright'))).toBe(false);
  });

  test('it waits for an environment that is held, and takes it over once that time is up', async () => {
    await using rig = await shipRig();
    rig.commit({ web: 'one' });
    const other = { ...rig.lockPlace, runId: 'other', by: 'ann@desk', signal: io.signal };
    valueOf(await acquireLock({ ...other, ttlMs: 60_000 }));
    const shipping = rig.ship({ deploy: { lock_wait: '60s' } });
    await expect
      .poll(() => rig.lastLog('deploy.gate.log'), { timeout: 30_000 })
      .toContain('waiting for its turn');
    // Renewed by its holder, and over at once.
    valueOf(await acquireLock({ ...other, ttlMs: -5000 }));
    const run = await shipping;
    expect(run).toMatchObject({ status: 'success' });
    const gate = rig.log(run, 'deploy.gate.log');
    expect(gate).toMatch(/waiting for its turn: production on local is held by run other of ann@desk/);
    expect(gate).toMatch(/lock: held by this run; local: taken over from other ann@desk, expired/);
  });

  describe.skipIf(!hasSshd())('of two hosts', () => {
    let server: SshServer;
    beforeAll(async () => {
      server = await startSshd();
    });
    afterAll(() => server[Symbol.asyncDispose]());

    test('one that is gone is said with its reason, and none is locked', async () => {
      await using rig = await shipRig({ contexts: { gone: server.context({ port: 1 }) } });
      rig.commit({ web: 'one' });
      const run = await rig.ship({ deploy: { hosts: ['local', 'gone'] } });
      expect(failureText(run, 'deploy')).toMatch(/connection: gone: .*ECONNREFUSED/);
      expect(existsSync(path.join(rig.lab.root, '.pipewright'))).toBe(false);
    });

    test('both are locked or none', async ({ onTestFinished }) => {
      await using rig = await shipRig({ contexts: { box: server.context() } });
      rig.commit({ web: 'one' });
      const folder = `pipewright-ship-${server.port}`;
      onTestFinished(() => rmSync(path.join(server.home, folder), { recursive: true }));
      const held = { ...rig.lockPlace, host: await rig.host('box'), folder, runId: 'other', by: 'ann@desk' };
      valueOf(await acquireLock({ ...held, ttlMs: 60_000, signal: io.signal }));
      const run = await rig.ship({ deploy: { hosts: ['local', 'box'], folder } });
      expect(failureText(run, 'deploy')).toMatch(/lock: production on box is held by run other of ann@desk/);
      expect(readdirSync(path.join(rig.lab.root, folder, 'shop/production'))).toEqual([]);
    });
  });
});

describe.concurrent('the way back', () => {
  test.for(['recreate', 'start-first'] as const)(
    '%s: what did not come up gives way to the former version, on record too, also where failures stop',
    async (strategy) => {
      await using rig = await shipRig({ strategy });
      rig.commit({ web: 'one' });
      expect(await rig.ship()).toMatchObject({ status: 'success' });
      rig.commit({ web: 'two' }, BROKEN);
      const run = await rig.ship({ onFailure: 'stop' });
      expect(run).toMatchObject({ status: 'failed' });
      // With start-first it was never away.
      const { outputs } = run.stages['deploy']?.steps['restore web@local']?.finished ?? {};
      expect(outputs?.['way']).toBe(strategy === 'recreate' ? 'started again' : undefined);
      expect(await rig.says('web')).toBe('one');
      const { current, releases } = await rig.history('web');
      expect(current?.verdict).toBe('healthy');
      expect(releases.map(({ verdict }) => verdict)).toEqual(['failed', 'healthy']);
    },
  );

  test('a service that cannot go back is named, and the others go back all the same', async () => {
    await using rig = await shipRig({ strategy: 'recreate', services: ['api', 'web'] });
    rig.commit({ api: 'api 1', web: 'web 1' });
    expect(await rig.ship()).toMatchObject({ status: 'success' });
    // Clears out what it takes for old files: the former release of the other service.
    const clean = `import { readdirSync, rmSync, statSync } from 'node:fs';
const releases = process.cwd() + '/../../../../api/releases';
const [oldest] = readdirSync(releases).map((name) => releases + '/' + name)
  .toSorted((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs);
if (process.cwd().includes('/web/')) { rmSync(oldest, { recursive: true }); process.exit(3); }`;
    rig.commit({ api: 'api 2', web: 'web 2' }, clean);
    const run = await rig.ship();
    expect(run).toMatchObject({ status: 'failed' });
    expect(failureText(run, 'deploy', 'undo')).toMatch(
      /api@local could not be brought back \(release \w+ of api is no longer on local/,
    );
    expect(await rig.says('web')).toBe('web 1');
    expect(await rig.says('api')).toBe('api 2');
    const verdicts = async (service: 'api' | 'web') =>
      (await rig.history(service)).releases.map(({ verdict }) => verdict);
    expect(await verdicts('api')).toEqual(['failed', 'healthy']);
    expect(await verdicts('web')).toEqual(['rolled_back', 'healthy']);
  });

  test('nothing goes back over a change of the database unasked, and it says what to do', async () => {
    await using rig = await shipRig();
    rig.commit({ web: 'one' });
    expect(await rig.ship({ withAnalysis: true })).toMatchObject({ status: 'success' });
    rig.lab.write('migrations/001.sql', 'alter table orders add column paid boolean;\n');
    rig.commit({ web: 'two' }, BROKEN);
    const run = await rig.ship({ withAnalysis: true });
    expect(run).toMatchObject({ status: 'failed' });
    expect(failureText(run, 'deploy', 'undo')).toMatch(
      /the database was changed with this release, so web@local stays as it is.*pipewright rollback --env production/,
    );
  });
});
