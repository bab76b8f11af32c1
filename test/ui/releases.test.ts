import { expect, test } from 'vitest';
import { ok } from '../../src/core/failure.ts';
import type { ServiceHistory, ServiceRelease } from '../../src/core/releases.ts';
import type { RollbackOrder } from '../../src/ui/backend.ts';
import { pipelineOf, RUN_ID, ScriptedBackend, stageOf, started } from './support/scripted-backend.ts';
import { startScreen } from './support/start.ts';

const DOWN = '\u001b[B';
const ESC = '\u001b';

function releaseOf(version: string, change: Partial<ServiceRelease> = {}): ServiceRelease {
  return {
    digest: `sha256:${version}`,
    reference: `api:${version}`,
    env: {},
    run_id: `2026020${version}-150000-${version.repeat(7)}`,
    service: 'api',
    environment: 'production',
    commit: version.repeat(40),
    hosts: ['web-1', 'web-2'],
    runtime: 'process',
    deployed_at: '2026-02-06T15:00:00.000Z',
    verdict: 'healthy',
    has_migration: false,
    ...change,
  };
}

const [CURRENT, BAD, FORMER, OLD] = [
  releaseOf('5'),
  releaseOf('4', { verdict: 'rolled_back' }),
  releaseOf('3', { has_migration: true }),
  releaseOf('2'),
] as const;

function historyOf(releases: readonly ServiceRelease[], bad: readonly string[] = []): ServiceHistory {
  const [current] = releases;
  return { ...(current && { current }), releases, bad_commits: bad };
}

function scripted(orders: RollbackOrder[] = []): ScriptedBackend {
  const web = releaseOf('1', { service: 'web' });
  return new ScriptedBackend({
    definition: pipelineOf('rollback', [stageOf('rollback', ['choose'])]),
    releases: [
      {
        environment: 'production',
        service: 'api',
        history: historyOf([CURRENT, BAD, FORMER, OLD], [BAD.commit]),
      },
      { environment: 'production', service: 'web', history: historyOf([web]) },
    ],
    waysBack: async (order) => {
      orders.push(order);
      return order.services.includes('web')
        ? { ok: false, failure: { lines: ['web: no earlier release that served healthy'] } }
        : ok(['api: from 5555555 to 3333333, on web-1, web-2']);
    },
  });
}

async function openReleases(backend: ScriptedBackend): Promise<ReturnType<typeof startScreen>> {
  const app = startScreen(backend, { columns: 110 });
  await app.terminal.shows('Pipelines');
  app.terminal.type('h');
  await app.terminal.shows('History');
  app.terminal.type('v');
  await app.terminal.shows('Releases', 'api  (production)', 'web  (production)');
  return app;
}

test('releases are listed by service: what serves, what a rollback would bring back, what was bad', async () => {
  await using app = await openReleases(scripted());
  const screen = await app.terminal.shows('serves now');
  expect(screen).toMatch(/❯ +healthy +5555555 .*serves now/);
  expect(screen).toMatch(/rolled back +4444444 .*its commit was rolled back from/);
  expect(screen).toMatch(/healthy +3333333 .*a rollback brings it back, with a migration/);
  app.terminal.type('b');
  await app.terminal.shows('it serves now');
  app.terminal.type(`${DOWN}b`);
  await app.terminal.shows('only to a release that served healthy');
  app.terminal.type('q');
  await app.terminal.shows('History');
});

test('b shows what going back to the chosen release would do, n leaves it, y starts it and shows it', async () => {
  const orders: RollbackOrder[] = [];
  const backend = scripted(orders);
  await using app = await openReleases(backend);
  app.terminal.type(`${DOWN}${DOWN}${DOWN}b`);
  await app.terminal.shows('Roll back in production: this would happen', 'on web-1, web-2', 'y roll back');
  app.terminal.type('n');
  await app.terminal.shows('Releases', 'serves now');
  expect(backend.works).toEqual([]);
  app.terminal.type('b');
  await app.terminal.shows('this would happen');
  app.terminal.type('y');
  await app.terminal.shows('beginning');
  const order = { environment: 'production', services: ['api'], to: OLD.run_id };
  expect(orders).toEqual([order, order]);
  expect(backend.works).toEqual([{ type: 'rollback', order }]);
  backend.begin();
  backend.emit(started('rollback'));
  await app.terminal.shows('rollback', RUN_ID.slice(0, 8));
});

test('B asks for all that was deployed together; what cannot go back is said', async () => {
  const orders: RollbackOrder[] = [];
  await using app = await openReleases(scripted(orders));
  app.terminal.type('B');
  await app.terminal.shows('this would happen');
  expect(orders).toEqual([{ environment: 'production', services: [] }]);
  app.terminal.type(ESC);
  await app.terminal.shows('Releases');
});

test('a rollback that is refused comes back to the releases, with the reason', async () => {
  const backend = scripted();
  await using app = await openReleases(backend);
  app.terminal.type(`${DOWN}${DOWN}b`);
  await app.terminal.shows('this would happen');
  app.terminal.type('y');
  await app.terminal.shows('beginning');
  backend.refuse('production is locked');
  expect(await app.terminal.shows('Releases', 'production is locked')).toContain('serves now');
});
