import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustEnd } from '../support/cli.ts';
import { onPty } from '../support/pty.ts';
import { openShop, type Shop } from './support/shop.ts';

/* The way back on the screen: the built program on a terminal of 80x24, two services on this machine. */

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  for (const says of ['web 1', 'web 2', 'web 3']) {
    shop.write('web', { says });
    mustEnd(await shop.project.run(['run', 'ship', '-y']));
  }
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
});

test('a release is chosen, what would happen is shown, y rolls back and shows it live', async () => {
  await using program = onPty([], { cwd: shop.project.root });
  await program.shows('Pipelines');
  program.type('h');
  await program.shows('History', 'ship');
  program.type('v');
  await program.shows('Releases', 'api  (default)', 'web  (default)', 'serves now');
  // The last row: the oldest release of web.
  program.type('Gb');
  await program.shows('Roll back in default: this would happen', 'web: from', 'on local', 'y roll back');
  expect(await shop.says('web')).toBe('web 3');
  program.type('y');
  await program.shows('rollback', 'verify');
  await program.shows('success');
  expect(await shop.says('web')).toBe('web 1');
  expect(await shop.says('api')).toBe('api 1');
  program.type('q');
  expect(await program.ended).toBe(0);
  expect(await shop.project.json(['rollback', '--list'])).toMatchObject({
    services: { web: { current: { verdict: 'healthy' } } },
  });
});
