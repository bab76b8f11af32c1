import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLoad } from '../delivery/support/load.ts';
import { openServingShop, type Shop } from './support/shop.ts';

/*
 * One shop whose first version is healthy; each fault is deployed over it and must leave it as it was. The tests run in
 * order, on real processes, with the built program.
 */

let shop: Shop;
beforeAll(async () => {
  shop = await openServingShop();
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
});

/** Deploys what was written, with clients on both services; both must say what they said before. */
async function shipBadly(): Promise<{ readonly stdout: string; readonly failed: number }> {
  const clients = [startLoad(shop.url('api'), { workers: 2 }), startLoad(shop.url('web'), { workers: 2 })];
  const { code, stdout, stderr } = await shop.project.run(['run', 'ship', '-y']);
  const counts = await Promise.all(clients.map((client) => client.stop()));
  expect({ code, stdout, stderr }).toMatchObject({ code: 5 });
  expect([await shop.says('api'), await shop.says('web')]).toEqual(['api 1', 'web 1']);
  return { stdout, failed: counts.reduce((sum, { failed }) => sum + failed, 0) };
}

test('a version that is never healthy gets no traffic, and no request is lost', async () => {
  shop.write('web', { says: 'web 2', bug: 'response.statusCode = 500;' });
  const { stdout, failed } = await shipBadly();
  expect(stdout).toContain('not healthy within 4 s: /health answered 500 instead of 200');
  expect(failed).toBe(0);
});

test('the second service fails, so the first one comes back too', async () => {
  shop.write('api', { says: 'api 2' });
  shop.write('web', { says: 'web 2', bug: 'process.exit(3);' });
  const { stdout, failed } = await shipBadly();
  expect(stdout).toMatch(/web on local: it ended 3 times, the last time with 3/);
  expect(stdout).toContain('api@local: kept warm');
  expect(failed).toBe(0);
});

test('one 500 while the watchdog looks is enough', async () => {
  shop.write('api', { says: 'api 3' });
  shop.write('web', {
    says: 'web 3',
    bug: 'if (probes === 6) response.statusCode = 500;',
  });
  const { code, stdout } = await shop.project.run(['run', 'ship', '-y']);
  expect({ code, stdout }).toMatchObject({ code: 5 });
  expect(stdout).toContain('watchdog: web@local: 1 x 500 at /');
  const order = [...stdout.matchAll(/rollback: (\w+)@local │ \$/g)].map(([, name]) => name);
  expect(order).toEqual(['web', 'api']);
});

test('a service that becomes slow is undone, and what answered slowly did answer', async () => {
  shop.write('web', {
    says: 'web 4',
    bug: 'if (probes > 1) await new Promise((go) => setTimeout(go, 400));',
  });
  shop.watchLatency('150ms');
  const { stdout, failed } = await shipBadly().finally(() => shop.watchLatency());
  expect(stdout).toMatch(/watchdog: web@local: \S+ took \d+ ms instead of \d+ ms in 2 of the last 2 looks/);
  expect(failed).toBe(0);
});

test('a service that ends and is started again by its supervisor is undone', async () => {
  shop.write('web', { says: 'web 5', bug: 'if (probes === 3) process.exit(9);' });
  const { stdout } = await shipBadly();
  expect(stdout).toMatch(/watchdog: web@local: it (restarted|has ended)|watchdog: web@local: \d x 502/);
});

test('an environment that another run holds is refused, nothing is undone, and unlock frees it', async () => {
  shop.write('web', { says: 'web 6' });
  const now = Math.round(Date.now() / 1000);
  const lock = `other-run ann@desk ${now} ${now + 600}\n`;
  shop.project.write('.pipewright/shop/default/lock', lock);
  const settings = readFileSync(`${shop.project.root}/pipewright.yaml`, 'utf8');
  shop.project.write('pipewright.yaml', settings.replace('deploy:\n', 'deploy:\n  lock_wait: 0s\n'));
  const held = await shop.project.run(['run', 'ship', '-y']);
  shop.project.write('pipewright.yaml', settings);
  expect(held.code).toBe(1);
  expect(held.stdout).toContain('default on local is held by run other-run of ann@desk');
  expect(held.stdout).not.toContain('undoing');
  expect(await shop.project.json(['unlock', '--env', 'default'])).toMatchObject({
    hosts: ['default on local, held by run other-run'],
  });
  expect((await shop.project.run(['run', 'ship', '-y'])).code).toBe(0);
  expect(await shop.says('web')).toBe('web 6');
});

test('a deploy waits for its turn while another run has the environment', async () => {
  shop.write('web', { says: 'web 7' });
  const now = Math.round(Date.now() / 1000);
  shop.project.write('.pipewright/shop/default/lock', `other-run ann@desk ${now} ${now + 600}\n`);
  let freed: Promise<unknown> | undefined;
  const { code } = await shop.project.run(['run', 'ship', '-y'], {
    onOutput: (stdout) => {
      if (stdout.includes('waiting for its turn: default on local'))
        freed ??= shop.project.run(['unlock', '--env', 'default']);
    },
  });
  await freed;
  expect(freed).toBeDefined();
  expect(code).toBe(0);
  expect(await shop.says('web')).toBe('web 7');
});

test('a lock whose time is over is taken', async () => {
  shop.write('web', { says: 'web 1' });
  shop.project.write('.pipewright/shop/default/lock', 'other-run ann@desk 1000 2000\n');
  const { code, stdout } = await shop.project.run(['run', 'ship', '-y']);
  expect({ code, stdout }).toMatchObject({ code: 0 });
  expect(stdout).toContain('taken over from other-run ann@desk, expired');
});

test('rollback brings the version before back, by hand', async () => {
  const { code, stdout } = await shop.project.run(['rollback', 'web', '-y']);
  expect({ code, stdout }).toMatchObject({ code: 0 });
  expect(await shop.says('web')).toBe('web 7');
  const { code: again } = await shop.project.run(['rollback', 'web', '--to', 'nothing', '-y']);
  expect(again).toBe(2);
});

/** Ends what is kept warm of a service, and removes what lies on the host for it. */
function forgetFormer(service: 'web'): void {
  const folder = shop.folder(service);
  const [, serving = ''] = readFileSync(`${folder}/proxy/target`, 'utf8').split(' ');
  for (const name of readdirSync(`${folder}/instances`)) {
    if (name === serving) continue;
    writeFileSync(`${folder}/instances/${name}/stop`, '');
    const [pid = ''] = readFileSync(`${folder}/instances/${name}/state`, 'utf8').split(' ');
    try {
      process.kill(-Number(pid), 'SIGKILL');
    } catch {
      // It had ended before.
    }
  }
  rmSync(`${folder}/releases`, { recursive: true, force: true });
}

test('what cannot be undone locks the pipeline and says what to do', async () => {
  shop.write('web', {
    says: 'web 7',
    bug: 'if (probes > 4) response.statusCode = 500;',
  });
  let isForgotten = false;
  const { code, stdout } = await shop.project.run(['run', 'ship', '-y'], {
    // While the watchdog looks, somebody removes what the former version needs.
    onOutput: (text) => {
      if (isForgotten || !text.includes('verify.watchdog')) return;
      isForgotten = true;
      forgetFormer('web');
    },
  });
  expect({ code, stdout }).toMatchObject({ code: 1 });
  expect(stdout).toContain('is no longer on local, and its files are not here');
  const locked = await shop.project.run(['run', 'ship', '-y']);
  expect(locked.code).toBe(4);
  expect(locked.stderr).toContain('pipewright unlock ship --env default');
});
