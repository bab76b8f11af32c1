import { readFileSync } from 'node:fs';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLoad } from '../delivery/support/load.ts';
import { openShop, type Shop } from './support/shop.ts';

/* Deploys of services that serve already as they would be deployed. The tests run in order, with the built program. */

let shop: Shop;
beforeAll(async () => {
  // A start would be a gap: with recreate nobody serves meanwhile.
  shop = await openShop({ strategy: 'recreate' });
  change((text) => text.replaceAll('command:', "secrets: {TOKEN: 'env:SHOP_TOKEN'}, command:"));
  await ship();
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
});

function change(edit: (text: string) => string): void {
  const file = `${shop.project.root}/pipewright.yaml`;
  shop.project.write('pipewright.yaml', edit(readFileSync(file, 'utf8')));
}

async function ship({ token = 'one', args = [] as readonly string[], code = 0 } = {}): Promise<string> {
  const ended = await shop.project.run(['run', 'ship', '-y', ...args], { env: { SHOP_TOKEN: token } });
  expect({ stdout: ended.stdout, code: ended.code }).toMatchObject({ code });
  return ended.stdout;
}

/** Process and start of the instance that serves, restarts among it. */
function serving(service: 'api' | 'web'): string {
  const folder = shop.folder(service);
  const [, name = ''] = readFileSync(`${folder}/proxy/target`, 'utf8').split(' ');
  return readFileSync(`${folder}/instances/${name}/state`, 'utf8');
}

const leftAlone = (stdout: string): readonly string[] =>
  [
    ...stdout.matchAll(/(\w+)@local: already serving \S+ since \S+, same files and settings: left alone/g),
  ].map(([, service]) => service ?? '');

test('what serves unchanged is left alone, watched, and on record as this release', async () => {
  const before = [serving('api'), serving('web')];
  const load = startLoad(shop.url('web'), { workers: 2 });
  const stdout = await ship();
  expect(await load.stop()).toMatchObject({ failed: 0, errors: {} });
  expect(new Set(leftAlone(stdout))).toEqual(new Set(['api', 'web']));
  expect(stdout).toContain('verify.watchdog');
  expect([serving('api'), serving('web')]).toEqual(before);
  const { id } = await lastRun();
  expect(await shop.project.json(['rollback', '--list'])).toMatchObject({
    services: { web: { current: { run_id: id, verdict: 'healthy' } } },
  });
  expect((await shop.project.run(['why', 'last', 'deploy'])).stdout).toContain('left alone: already serving');
});

async function lastRun(): Promise<{ readonly id: string }> {
  const shown = await shop.project.run(['show', 'last', '--json']);
  const { pipeline_id: id }: { pipeline_id: string } = JSON.parse(shown.stdout);
  return { id };
}

test('other variables start it anew, and it alone', async () => {
  const before = [serving('api'), serving('web')];
  change((text) => text.replace('    web: {', '    web: {env: {GREETING: hello}, '));
  const stdout = await ship();
  expect(new Set(leftAlone(stdout))).toEqual(new Set(['api']));
  expect(serving('api')).toBe(before[0]);
  expect(serving('web')).not.toBe(before[1]);
});

test('a secret that has another value starts it anew', async () => {
  expect(leftAlone(await ship({ token: 'two' }))).toEqual([]);
  expect(new Set(leftAlone(await ship({ token: 'two' })))).toEqual(new Set(['api', 'web']));
});

test('one that does not serve is started, changed or not', async () => {
  const [pid = ''] = readFileSync(`${shop.folder('api')}/proxy/target`, 'utf8')
    .split(' ')
    .slice(1);
  const [supervisor = ''] = readFileSync(`${shop.folder('api')}/instances/${pid}/supervisor`, 'utf8').split(
    ' ',
  );
  const [service = ''] = serving('api').split(' ');
  for (const one of [supervisor, service]) process.kill(Number(one), 'SIGKILL');
  await expect.poll(() => shop.says('api')).toBe('none');
  expect(new Set(leftAlone(await ship({ token: 'two' })))).toEqual(new Set(['web']));
  expect(await shop.says('api')).toBe('api 1');
});

test('--redeploy starts what is unchanged too', async () => {
  const before = [serving('api'), serving('web')];
  expect(leftAlone(await ship({ token: 'two', args: ['--redeploy'] }))).toEqual([]);
  expect(serving('api')).not.toBe(before[0]);
  expect(serving('web')).not.toBe(before[1]);
});

test('what was left alone is not taken back with the rest', async () => {
  const before = serving('api');
  shop.write('web', { says: 'web 2', bug: 'if (probes > 4) response.statusCode = 500;' });
  const stdout = await ship({ token: 'two', code: 5 });
  expect(stdout).toContain('back to what web ran on local before');
  expect(stdout).not.toContain('back to what api ran');
  expect(serving('api')).toBe(before);
  expect([await shop.says('api'), await shop.says('web')]).toEqual(['api 1', 'web 1']);
});
