import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startLoad } from '../delivery/support/load.ts';
import { LAUNCHER, mustEnd, PINNED_NODE } from '../support/cli.ts';
import { onPty } from '../support/pty.ts';
import { openServingShop, type Shop } from './support/shop.ts';

/* Deploys that are stopped in the middle: by Ctrl-C, by SIGTERM, by kill -9. Clients ask all the time. */

let shop: Shop;
beforeAll(async () => {
  shop = await openServingShop();
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
});

async function lastRun(): Promise<{ readonly id: string; readonly status: string }> {
  return lastSchema.parse(await shop.project.json(['show', 'last']));
}

const lastSchema = z
  .object({ pipeline_id: z.string(), status: z.string() })
  .transform(({ pipeline_id: id, status }) => ({ id, status }));

test('Ctrl-C in the middle asks; "roll back" undoes what was deployed, exit 5', async () => {
  shop.write('api', { says: 'api 2' });
  await using program = onPty(['run', 'ship', '-y', '--output', 'plain'], { cwd: shop.project.root });
  await program.shows('verify.watchdog');
  program.type('\u0003');
  await program.shows('w(ait for it), r(oll it back), l(eave it)');
  program.type('r');
  expect(await program.ended).toBe(5);
  expect(program.scrollback()).toContain('rolled_back');
  expect(await shop.says('api')).toBe('api 1');
});

test('Ctrl-C in the middle, "wait": the deploy goes on to its end', async () => {
  shop.write('api', { says: 'api 3' });
  await using program = onPty(['run', 'ship', '-y', '--output', 'plain'], { cwd: shop.project.root });
  await program.shows('deploy.deploy');
  program.type('\u0003');
  await program.shows('w(ait for it)');
  program.type('w');
  expect(await program.ended).toBe(0);
  expect(await shop.says('api')).toBe('api 3');
});

test('SIGTERM without a terminal leaves it interrupted, and continue finishes it', async () => {
  shop.write('api', { says: 'api 4' });
  let isSent = false;
  const stopped = await shop.project.run(['run', 'ship', '-y'], {
    onOutput: (text, child) => {
      if (isSent || !text.includes('look 1 of')) return;
      isSent = true;
      child.kill('SIGTERM');
    },
  });
  expect(stopped.code).toBe(143);
  expect(stopped.stdout).toContain('interrupted');
  const { code, stdout } = await shop.project.run(['continue']);
  expect({ code, stdout }).toMatchObject({ code: 0 });
  expect(await shop.says('api')).toBe('api 4');
});

test('kill -9 while the new version is watched, then cancel: the old one serves again', async () => {
  shop.write('api', { says: 'api never' });
  const killed = await shop.project.run(['run', 'ship', '-y'], {
    onOutput: (text, child) => {
      if (text.includes('look 1 of')) child.kill('SIGKILL');
    },
  });
  expect(killed.code).not.toBe(0);
  expect(await shop.says('api')).toBe('api never');
  await shop.project.run(['cancel', 'last']);
  expect(await lastRun()).toMatchObject({ status: 'rolled_back' });
  expect(await shop.says('api')).toBe('api 4');
  // Its lock is let go of: nobody need wait for it to expire.
  shop.write('api', { says: 'api 5' });
  const { code, stdout } = await shop.project.run(['run', 'ship', '-y']);
  expect({ code, stdout }).toMatchObject({ code: 0 });
  expect(await shop.says('api')).toBe('api 5');
});

test(
  'kill -9 at any moment, then continue: no request is lost and the new version serves',
  { timeout: 180_000 },
  async () => {
    const clients = startLoad(shop.url('api'), { workers: 4 });
    let seed = 20_261_128;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
    for (let round = 0; round < 5; round += 1) {
      const says = `api killed ${round}`;
      shop.write('api', { says });
      const { id: before } = await lastRun();
      const child = spawn(PINNED_NODE, [LAUNCHER, 'run', 'ship', '-y'], {
        cwd: shop.project.root,
        stdio: 'ignore',
      });
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      child.once('close', () => resolve());
      await delay(400 + random() * 3500);
      child.kill('SIGKILL');
      await ended;
      const { id, status } = await lastRun();
      // Killed before there was a run: nothing to continue.
      const next = id === before ? ['run', 'ship', '-y'] : ['continue', '-y'];
      if (id === before || status !== 'success') {
        mustEnd(await shop.project.run(next));
      }
      expect(await shop.says('api')).toBe(says);
    }
    expect(await clients.stop()).toMatchObject({ failed: 0, errors: {} });
  },
);
