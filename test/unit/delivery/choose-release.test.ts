import { expect, test } from 'vitest';
import type { ServiceHistory, ServiceRelease } from '../../../src/core/releases.ts';
import { waysBack } from '../../../src/delivery/choose-release.ts';

function release(runId: string, change: Partial<ServiceRelease> = {}): ServiceRelease {
  return {
    digest: `sha256:${runId}`,
    reference: runId,
    env: {},
    run_id: runId,
    service: 'api',
    environment: 'default',
    commit: `commit of ${runId}`,
    hosts: ['local'],
    runtime: 'process',
    deployed_at: `2026-01-0${runId.slice(-1)}T00:00:00Z`,
    verdict: 'healthy',
    has_migration: false,
    ...change,
  };
}

/** Newest first. */
function history(releases: readonly ServiceRelease[], bad: readonly string[] = []): ServiceHistory {
  const current = releases.find(({ verdict }) => verdict === 'healthy' || verdict === 'deployed');
  return { releases, bad_commits: bad, ...(current && { current }) };
}

function targets(histories: Record<string, ServiceHistory>, services: string[] = [], to?: string): unknown {
  const found = waysBack(histories, { services, ...(to !== undefined && { to }) });
  if (!found.ok) return found.failure.reason === 'invalid' ? found.failure.message : found.failure;
  return found.value.map(({ service, from, to: target }) => `${service}: ${from.run_id} → ${target.run_id}`);
}

test('the newest release before the current one that served healthy', () => {
  const api = history([release('r4'), release('r3', { verdict: 'failed' }), release('r2'), release('r1')]);
  expect(targets({ api })).toEqual(['api: r4 → r2']);
});

test('never what was rolled back from, nor the same unit again', () => {
  const same = release('r3', { digest: 'sha256:r4', env: {} });
  expect(
    targets({ api: history([release('r4'), same, release('r2'), release('r1')], ['commit of r2']) }),
  ).toEqual(['api: r4 → r1']);
});

test('without names, the services that were deployed together last', () => {
  const api = history([release('r4'), release('r2')]);
  const web = history([release('r4', { service: 'web' }), release('r1')]);
  const job = history([release('r3'), release('r1')]);
  expect(targets({ api, web, job })).toEqual(['api: r4 → r2', 'web: r4 → r1']);
  expect(targets({ api, web, job }, ['job'])).toEqual(['job: r3 → r1']);
});

test('without names, what the last deploy left as it was stays', () => {
  const same = { digest: 'sha256:same' };
  const api = history([release('r4', same), release('r2', same), release('r1')]);
  const web = history([release('r4', { service: 'web' }), release('r2')]);
  expect(targets({ api, web })).toEqual(['web: r4 → r2']);
  expect(targets({ api, web }, ['api'])).toEqual(['api: r4 → r1']);
  expect(targets({ api, web }, [], 'r2')).toEqual(['web: r4 → r2']);
  expect(targets({ api })).toEqual(['api: r4 → r1']);
});

test('a run may be named, also one whose commit is bad', () => {
  const api = history([release('r4'), release('r3'), release('r2')], ['commit of r2']);
  expect(targets({ api }, ['api'], 'r2')).toEqual(['api: r4 → r2']);
  expect(targets({ api }, ['api'], 'r9')).toBe('api: no healthy release of run r9');
});

test('a change of the schema in between is said', () => {
  const api = history([
    release('r4'),
    release('r3', { verdict: 'failed', has_migration: true }),
    release('r2'),
  ]);
  const ways = waysBack({ api }, { services: ['api'] });
  expect(ways).toMatchObject({ ok: true, value: [{ crosses_migration: true }] });
});

test('nothing to go back to is a sentence', () => {
  expect(targets({ api: history([release('r1')]) })).toBe('api: no earlier release that served healthy');
  expect(targets({})).toBe('nothing is deployed in this environment');
  expect(targets({}, ['nope'])).toBe('nope: no earlier release that served healthy');
});
