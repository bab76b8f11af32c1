import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { valueOf } from '../support/results.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { RunState } from '../../src/core/run-state.ts';
import { buildSchema } from '../../src/core/settings/build.ts';
import { deploySchema } from '../../src/core/settings/deploy.ts';
import { defaultSettings } from '../../src/core/settings/index.ts';
import { verifySchema } from '../../src/core/settings/verify.ts';
import { createReleaseStore } from '../../src/persistence/release-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { openVcs } from '../../src/vcs/index.ts';
import { type DockerPair, startPair } from '../support/docker-pair.ts';
import { BUSYBOX, writeContext } from '../support/docker-rig.ts';
import { noDockerd } from '../support/dockerd.ts';
import { driveWith, requestFor, testBench } from '../support/fakes.ts';
import { get, startLoad } from '../support/load.ts';
import { shipPipeline } from '../support/ship.ts';
import { hasSshd } from '../support/sshd.ts';

const PORT = await freePort();
const URL = `http://127.0.0.1:${PORT}/`;

describe.skipIf(noDockerd() !== undefined || !hasSshd())('from commit to a verified deploy on Docker', () => {
  let pair: DockerPair;
  const project = mkdtempSync(path.join(tmpdir(), 'pipewright-shop-'));
  const cacheBefore = process.env['XDG_CACHE_HOME'];
  const releases = createReleaseStore({ stateDir: path.join(project, 'state') });
  beforeAll(async () => {
    process.env['XDG_CACHE_HOME'] = path.join(project, 'state/cache');
    pair = await startPair();
    git('init', '-q');
    writeFileSync(path.join(project, '.gitignore'), 'state\n');
  });
  afterAll(async () => {
    if (cacheBefore === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = cacheBefore;
    await pair[Symbol.asyncDispose]();
    rmSync(project, { recursive: true, force: true });
  });

  function git(...args: string[]): void {
    execFileSync('git', ['-C', project, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args]);
  }

  /** A commit whose service says `version`; `path` is where it is looked at. */
  function commit(version: string, files: Readonly<Record<string, string>> = {}): void {
    writeContext(
      path.join(project, 'web'),
      `${BUSYBOX}\nCOPY www /www\nCMD exec httpd -f -p $PORT -h /www\n`,
      {
        'www/index.html': version,
        'www/health': 'ok',
        ...files,
      },
    );
    git('add', '-A');
    git('commit', '-qm', version);
  }

  async function release(strategy: 'recreate' | 'start-first', runs: { count: number }): Promise<RunState> {
    const settings = {
      ...defaultSettings('shop'),
      build: buildSchema.parse({ services: { web: { context: 'web' } }, engine: pair.here.socket }),
      deploy: deploySchema.parse({
        runtime: 'container',
        strategy,
        hosts: ['prod'],
        folder: '.pipewright-test',
        min_free_disk: '10MB',
        services: {
          web: {
            port: PORT,
            internal_port: 8080,
            stop_timeout: '1s',
            drain: '1s',
            health: { timeout: '5s', interval: '100ms' },
          },
        },
      }),
      verify: verifySchema.parse({
        smoke: { endpoints: [{ path: '/' }] },
        watchdog: { duration: '1s', interval: '200ms', latency_floor: '3s' },
      }),
    };
    const bench = testBench(
      {},
      {
        vcs: openVcs,
        releases,
        clock: systemClock,
        executors: () => ({ ...pair.executors, close: () => Promise.resolve() }),
      },
    );
    runs.count += 1;
    const id = `20260101-00000${runs.count}-abcdefg`;
    const deps = { ...bench.deps, ids: { ...bench.deps.ids, runId: () => id } };
    const drive = driveWith({ assumeYes: true });
    const request = requestFor(shipPipeline(), {
      project,
      settings,
      environment: 'production',
      assumeYes: true,
    });
    return valueOf(await createEngine(deps).start(request, drive));
  }

  test('deploys, goes over under load, and takes back what is broken', { timeout: 180_000 }, async () => {
    const runs = { count: 0 };
    commit('one');
    const first = await release('start-first', runs);
    expect(first.stages['deploy']?.failure).toBeUndefined();
    expect(first.status).toBe('success');
    expect(await get(URL)).toBe('one');
    const load = startLoad(URL);
    commit('two');
    const second = await release('start-first', runs);
    expect(second.stages).toMatchObject({ verify: { status: 'passed' } });
    expect(second.status).toBe('success');
    const [serving] = valueOf(await pair.engine.containers({ 'pipewright.role': 'instance' }));
    const same = await release('start-first', runs);
    expect(same.status).toBe('success');
    expect(valueOf(await pair.engine.containers({ 'pipewright.role': 'instance' }))).toMatchObject([
      { id: serving?.id, started_at: serving?.started_at },
    ]);
    commit('three');
    // It is healthy, but what the smoke test asks for is not there.
    rmSync(path.join(project, 'web/www/index.html'));
    git('commit', '-qam', 'broken');
    const broken = await release('start-first', runs);
    expect(broken).toMatchObject({ status: 'rolled_back', exit_code: 5 });
    const { failed, errors, answers } = await load.stop();
    // Between the switch and the smoke test the broken one answers 404; nothing else is lost.
    expect(errors.filter((error) => !error.includes('404'))).toEqual([]);
    expect(Object.keys(answers)).toEqual(['one', 'two']);
    process.stderr.write(`answered by the broken version: ${failed}\n`);
    expect(await get(URL)).toBe('two');
    const history = valueOf(await releases.read('production', 'web'));
    expect(history.releases.map(({ verdict }) => verdict)).toEqual([
      'rolled_back',
      'healthy',
      'healthy',
      'healthy',
    ]);
    const left = valueOf(await pair.engine.containers({ 'pipewright.role': 'instance' }));
    expect(left.map(({ labels }) => labels['pipewright.reference'])).toEqual([
      history.last_healthy?.reference,
    ]);
  });
});
