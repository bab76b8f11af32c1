import { expect, test } from 'vitest';
import { mustEnd } from '../support/cli.ts';
import { openShop } from './support/shop.ts';

test(
  'recreate: a version that is never healthy is replaced by the former one at once',
  { timeout: 120_000 },
  async () => {
    await using shop = await openShop({ strategy: 'recreate' });
    const first = await shop.project.run(['run', 'ship', '-y']);
    expect(first).toMatchObject({ code: 0 });
    expect(await shop.says('web')).toBe('web 1');
    shop.write('api', { says: 'api 2' });
    shop.write('web', { says: 'web 2', bug: 'response.statusCode = 500;' });
    const second = mustEnd(await shop.project.run(['run', 'ship', '-y']), 5);
    expect(second.stdout).toContain('bring back the former version of web on local');
    expect([await shop.says('api'), await shop.says('web')]).toEqual(['api 1', 'web 1']);
    shop.write('web', { says: 'web 3' });
    expect(await shop.project.run(['run', 'ship', '-y'])).toMatchObject({ code: 0 });
    expect([await shop.says('api'), await shop.says('web')]).toEqual(['api 2', 'web 3']);
  },
);
