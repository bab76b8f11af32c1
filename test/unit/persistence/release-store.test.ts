import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ServiceRelease } from '../../../src/core/releases.ts';
import { createReleaseStore } from '../../../src/persistence/release-store.ts';
import { failureOf } from '../../support/results.ts';
import { PINNED, temporaryFolder, value } from './support.ts';

function release(runId: string, verdict: ServiceRelease['verdict'] = 'healthy'): ServiceRelease {
  return {
    run_id: runId,
    verdict,
    service: 'web',
    environment: 'prod',
    commit: `commit of ${runId}`,
    digest: `sha256:${runId}`,
    reference: runId,
    env: {},
    hosts: ['local'],
    runtime: 'process',
    deployed_at: '2026-01-01T00:00:00Z',
    has_migration: false,
  };
}

function registryIn(stateDir: string): string {
  return path.join(stateDir, 'rollback-registry.json');
}

test('several writers lose nothing of each other, and the state keeps no lock', async () => {
  const stateDir = temporaryFolder();
  const stores = [1, 2, 3].map(() => createReleaseStore({ stateDir }));
  await Promise.all(
    stores.flatMap((store, index) => [
      store.record(release(`run-${index}`)).then(value),
      store.record({ ...release(`run-${index}`), service: `service-${index}` }).then(value),
      store.markBad('prod', 'web', `bad-${index}`).then(value),
    ]),
  );
  const reader = createReleaseStore({ stateDir });
  const history = value(await reader.read('prod', 'web'));
  expect(history.releases.map(({ run_id: id }) => id).toSorted()).toEqual(['run-0', 'run-1', 'run-2']);
  expect(history.bad_commits.toSorted()).toEqual(['bad-0', 'bad-1', 'bad-2']);
  const services = value(await reader.services('prod'));
  expect([...services].toSorted()).toEqual(['service-0', 'service-1', 'service-2', 'web']);
  expect(fs.existsSync(`${registryIn(stateDir)}.lock`)).toBe(false);
});

test('the same run again replaces its release; what failed or was undone is no longer current', async () => {
  const store = createReleaseStore({ stateDir: temporaryFolder() });
  value(await store.record(release('one')));
  value(await store.record(release('two', 'deployed')));
  expect(value(await store.read('prod', 'web'))).toMatchObject({
    current: { run_id: 'two' },
    previous: { run_id: 'one' },
    last_healthy: { run_id: 'one' },
  });
  value(await store.record(release('two', 'rolled_back')));
  const history = value(await store.read('prod', 'web'));
  expect(history.releases.map(({ verdict }) => verdict)).toEqual(['rolled_back', 'healthy']);
  expect(history.current?.run_id).toBe('one');
  expect(history.previous).toBeUndefined();
});

test('however many deploys fail, what serves and what it could go back to stay on record', async () => {
  const store = createReleaseStore({ stateDir: temporaryFolder() });
  for (const run of ['one', 'two']) value(await store.record(release(run)));
  for (let run = 0; run < 25; run += 1) value(await store.record(release(`bad-${run}`, 'rolled_back')));
  const { releases, current, previous } = value(await store.read('prod', 'web'));
  expect(releases).toHaveLength(20);
  expect(releases[0]?.run_id).toBe('bad-24');
  expect([current?.run_id, previous?.run_id]).toEqual(['two', 'one']);
});

test('a writer that was killed holds up the next one for seconds, not for ever', async () => {
  const stateDir = temporaryFolder();
  const lock = `${registryIn(stateDir)}.lock`;
  fs.writeFileSync(lock, '');
  fs.utimesSync(lock, new Date(0), new Date(0));
  value(await createReleaseStore({ stateDir }).record(release('one')));
  expect(fs.existsSync(lock)).toBe(false);
});

test('where the state cannot be written it says so', async () => {
  const stateDir = path.join(temporaryFolder(), 'state');
  fs.writeFileSync(stateDir, '');
  const store = createReleaseStore({ stateDir });
  const unwritable = { reason: 'state-unwritable', path: registryIn(stateDir) };
  expect(failureOf(await store.record(release('one')))).toMatchObject(unwritable);
  expect(failureOf(await store.markBad('prod', 'web', 'x'))).toMatchObject(unwritable);
});

test.each(['{"environments":7}', '{"environments":{"prod":[]}}', '{"environments":{"prod":{"web":{}}}}'])(
  'a registry of another shape is kept aside: %s',
  async (text) => {
    const stateDir = temporaryFolder();
    fs.writeFileSync(registryIn(stateDir), text);
    const store = createReleaseStore({ stateDir });
    value(await store.record(release('one')));
    expect(value(await store.read('prod', 'web')).current?.run_id).toBe('one');
    const aside = fs.readdirSync(stateDir).find((name) => name.includes('.corrupt-')) ?? '';
    expect(fs.readFileSync(path.join(stateDir, aside), 'utf8')).toBe(text);
  },
);

test('a process that can open no more files loses no registry: it is read when it can', async () => {
  const stateDir = temporaryFolder();
  value(await createReleaseStore({ stateDir }).record(release('one')));
  const child = path.join(import.meta.dirname, 'children', 'crowded.ts');
  const said = execFileSync('sh', ['-c', 'ulimit -n 60; exec "$@"', 'sh', PINNED, child, stateDir], {
    encoding: 'utf8',
  });
  expect(JSON.parse(said)).toMatchObject({
    crowded: { ok: false, failure: { detail: expect.stringContaining('(EMFILE)') } },
    later: { ok: true, value: { current: { run_id: 'one' } } },
  });
  expect(fs.readdirSync(stateDir).filter((name) => name.includes('.corrupt-'))).toEqual([]);
});
