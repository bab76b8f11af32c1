import { afterAll, beforeAll, expect, test } from 'vitest';
import { mustEnd } from '../support/cli.ts';
import { onPty } from '../support/pty.ts';
import { git } from '../support/repositories.ts';
import { openShop, type Shop } from './support/shop.ts';

/*
 * A commit that changes the database, and whose new version answers 500 once it serves: the former version may not know
 * the new schema, so nothing goes back unasked. The tests run in order, with the built program.
 */

const PIPELINE = `name: ship
params:
  allow_bad: {type: bool, default: false}
stages:
  - {name: analyze, uses: change-analysis}
  - {name: build, uses: service-build}
  - {name: deploy, uses: deploy, on_failure: rollback, on_interrupt: retry}
  - {name: verify, uses: verify, on_failure: rollback, on_interrupt: retry}
`;
/** Healthy at first; 500 as soon as the watchdog looks. */
const BUG = 'if (probes > 3) response.statusCode = 500;';

let shop: Shop;
beforeAll(async () => {
  shop = await openCommittedShop();
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
});

/** A shop in a repository, its first commit deployed. */
async function openCommittedShop(options: Parameters<typeof openShop>[0] = {}): Promise<Shop> {
  const opened = await openShop(options);
  opened.project.write('pipelines/ship.yaml', PIPELINE);
  opened.project.write('.gitignore', 'state\n.pipewright\n');
  git(opened.project.root, ['init', '-q', '-b', 'main']);
  commit(opened, 'Begin');
  mustEnd(await opened.project.run(['run', 'ship', '-y']));
  return opened;
}

function commit({ project }: Shop, message: string): void {
  git(project.root, ['add', '-A']);
  git(project.root, ['commit', '-q', '-m', message]);
}

/** Deploys a change of the database with a version of web that turns bad under the watchdog. */
function breakWith(migration: string, says: string): void {
  shop.project.write(`migrations/${migration}.sql`, 'alter table orders add column paid boolean;\n');
  shop.write('web', { says, bug: BUG });
  commit(shop, says);
}

test('without a terminal nothing goes back over a migration, not even with -y, and the run says what to do', async () => {
  breakWith('001', 'web 2');
  const { code, stdout } = await shop.project.run(['run', 'ship', '-y']);
  expect({ code, stdout }).toMatchObject({ code: 1 });
  expect(stdout).toContain('migration: the database changes (migrations/001.sql): no automatic rollback');
  expect(stdout).toContain('watchdog: web@local: 1 x 500 at /');
  expect(stdout).toContain(
    'web@local stays as it is: check that the former version works with the schema as it is now, then pipewright rollback --env default',
  );
  expect(stdout).not.toMatch(/rollback: \w+@local │/);
  expect(await shop.says('web')).toBe('web 2');
});

test('the pipeline is locked, with the reason', async () => {
  const { code, stderr } = await shop.project.run(['run', 'ship', '-y']);
  expect(code).toBe(4);
  expect(stderr).toContain('ship is locked for default: undoing deploy failed: the database was changed');
  expect(stderr).toContain('pipewright unlock ship --env default');
});

test('a rollback by hand warns of the migration, asks, and brings back what that release has changed', async () => {
  const asked = await shop.project.run(['rollback', '--env', 'default']);
  expect(asked).toMatchObject({ code: 3 });
  expect(asked.stdout).toContain('the database was changed in between');
  expect(await shop.says('web')).toBe('web 2');
  const { code, stdout } = await shop.project.run(['rollback', '--env', 'default', '-y']);
  expect({ code, stdout }).toMatchObject({ code: 0 });
  expect(stdout).not.toMatch(/^api: from/m);
  expect([await shop.says('api'), await shop.says('web')]).toEqual(['api 1', 'web 1']);
});

test('unlock opens it, and a better version goes out', async () => {
  expect(await shop.project.run(['unlock', 'ship', '--env', 'default'])).toMatchObject({ code: 0 });
  shop.write('web', { says: 'web 3' });
  commit(shop, 'web 3');
  expect(await shop.project.run(['run', 'ship', '-y'])).toMatchObject({ code: 0 });
  expect(await shop.says('web')).toBe('web 3');
});

test('at a terminal the person who sits there is asked, and a yes brings it back', async () => {
  breakWith('002', 'web 4');
  await using program = onPty(['run', 'ship', '-y', '--output', 'plain'], {
    cwd: shop.project.root,
    columns: 200,
    rows: 60,
  });
  await program.shows('the database was changed with this release; bring web@local back all the same?');
  expect(await shop.says('web')).toBe('web 4');
  program.type('y');
  expect(await program.ended).toBe(5);
  expect(await shop.says('web')).toBe('web 3');
});

test('recreate: what did not come up over a migration is not replaced by the former one unasked', async () => {
  await using plain = await openCommittedShop({ strategy: 'recreate' });
  plain.project.write('migrations/001.sql', 'drop table orders;\n');
  plain.write('web', { says: 'web 2', bug: 'response.statusCode = 500;' });
  commit(plain, 'No orders any more');
  const { code, stdout } = await plain.project.run(['run', 'ship', '-y']);
  expect({ code, stdout }).toMatchObject({ code: 1 });
  expect(stdout).toContain('not healthy within 4 s: /health answered 500 instead of 200');
  expect(stdout).toContain('web@local stays as it is: check that the former version works');
  expect(stdout).not.toContain('bring back the former version');
  expect(await plain.says('web')).toBe('web 2');
});
