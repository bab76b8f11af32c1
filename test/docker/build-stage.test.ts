import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import { createEngine } from '../../src/core/engine/engine.ts';
import type { RunState } from '../../src/core/run-state.ts';
import { buildSchema } from '../../src/core/settings/build.ts';
import { deploySchema } from '../../src/core/settings/deploy.ts';
import { defaultSettings } from '../../src/core/settings/index.ts';
import { readBuiltImages } from '../../src/delivery/images/built-image.ts';
import { createReleaseStore } from '../../src/persistence/release-store.ts';
import { openVcs } from '../../src/vcs/index.ts';
import { engineAt, writeContext, BUSYBOX } from '../support/docker-rig.ts';
import { noDockerd, startDockerd, type TestDockerd } from '../support/dockerd.ts';
import { driveWith, pipelineOf, requestFor, stage, testBench } from '../support/fakes.ts';

const project = mkdtempSync(path.join(tmpdir(), 'pipewright-build-'));
afterAll(() => rmSync(project, { recursive: true, force: true }));

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', project, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
    encoding: 'utf8',
  });

describe.skipIf(noDockerd() !== undefined)('docker-build', () => {
  let dockerd: TestDockerd;
  let engine: Awaited<ReturnType<typeof engineAt>>;
  const releases = createReleaseStore({ stateDir: path.join(project, 'state') });
  beforeAll(async () => {
    dockerd = await startDockerd();
    engine = await engineAt(`unix://${dockerd.socket}`);
    writeContext(path.join(project, 'web'), BUSYBOX, { 'page.html': 'one' });
    writeContext(path.join(project, 'api'), BUSYBOX);
    mkdirSync(path.join(project, 'state'));
    writeFileSync(path.join(project, '.gitignore'), 'state\n');
    writeFileSync(
      path.join(project, 'package.json'),
      '{"version": "1.4.0", "repository": "git+https://example.com/shop.git"}',
    );
    git('init', '-q');
    git('add', '-A');
    git('commit', '-qm', 'first');
  });
  afterAll(async () => {
    await engine.close();
    await dockerd.stop();
  });

  async function run(build: object, config: object = {}, variables: object = {}): Promise<RunState> {
    const bench = testBench(
      {},
      {
        executors: () => ({
          contexts: ['local'],
          open: () => Promise.reject(new Error('no commands here')),
          hosts: {
            open: () => Promise.reject(new Error('no hosts here')),
            copy: () => Promise.reject(new Error('no hosts here')),
            close: () => Promise.resolve(),
          },
          engines: {
            open: () => Promise.resolve({ ok: true, value: engine }),
            builder: () => Promise.resolve({ ok: true, value: engine }),
            close: () => Promise.resolve(),
          },
          close: () => Promise.resolve(),
        }),
        vcs: openVcs,
        releases,
      },
    );
    const settings = {
      ...defaultSettings('My Shop'),
      build: buildSchema.parse(build),
      deploy: deploySchema.parse({ runtime: 'container' }),
    };
    const definition = pipelineOf([stage('build', [], { uses: 'docker-build', config: { ...config } })]);
    const params = JSON.parse(JSON.stringify(variables));
    return valueOf(
      await createEngine(bench.deps).start(
        requestFor(definition, { project, settings, params }),
        driveWith(),
      ),
    );
  }

  test('builds every service, tags and labels it, and an unchanged tree builds nothing', async () => {
    const build = {
      services: { web: { context: 'web' }, api: { context: 'api', image: 'team/api' } },
      tags: ['git-sha', 'semver', 'timestamp'],
    };
    const first = await run(build);
    const head = git('rev-parse', 'HEAD').trim();
    expect(first).toMatchObject({ status: 'success' });
    const images = readBuiltImages(first.stages['build']?.outputs ?? {});
    expect(images['web']).toMatchObject({
      reference: `my-shop-web:${head.slice(0, 7)}`,
      tags: [head.slice(0, 7), '1.4.0', '20260101-000000'],
      platform: 'linux/amd64',
      commit: head,
      reused: false,
    });
    expect(first.stages['build']?.outputs).toMatchObject({
      artifacts: { web: { digest: images['web']?.id, run_id: first.run_id, commit: head } },
    });
    expect(images['api']).toMatchObject({ reference: `team/api:${head.slice(0, 7)}` });
    const image = valueOf(await engine.image(`my-shop-web:${head.slice(0, 7)}`));
    expect(image?.id).toBe(images['web']?.id);
    expect(image?.labels).toMatchObject({
      'org.opencontainers.image.revision': head,
      'org.opencontainers.image.version': '1.4.0',
      'org.opencontainers.image.source': 'https://example.com/shop',
      'org.opencontainers.image.created': expect.stringMatching(/^2026-/),
    });
    const again = await run(build, { services: ['web'] });
    expect(again.stages['build']?.outputs).toMatchObject({
      images: { web: { id: image?.id, reused: true } },
    });
  });

  test('a tree that is not committed has a name of its own and a warning', async () => {
    writeFileSync(path.join(project, 'web/page.html'), 'two');
    const state = await run({ services: { web: { context: 'web' } } });
    expect(state.status).toBe('warning');
    const reference = readBuiltImages(state.stages['build']?.outputs ?? {})['web']?.reference;
    expect(reference).toMatch(/^my-shop-web:[0-9a-f]{7}-dirty-[0-9a-f]{8}$/);
    git('checkout', '-q', 'web/page.html');
  });

  test('what serves now is kept from a prune; what only a tag named is not', async () => {
    const id = valueOf(await engine.image('my-shop-web:1.4.0'))?.id ?? '';
    const release = { run_id: 'r1', service: 'web', environment: 'default', commit: 'c', hosts: ['local'] };
    valueOf(
      await releases.record({
        ...release,
        digest: id,
        reference: 'my-shop-web:1.4.0',
        env: {},
        runtime: 'container',
        deployed_at: '2026-01-01T00:00:00Z',
        verdict: 'healthy',
        has_migration: false,
      }),
    );
    writeFileSync(path.join(project, 'web/page.html'), 'three');
    await run({ services: { web: { context: 'web' } } });
    for (const tag of ['1.4.0', '20260101-000000', git('rev-parse', '--short=7', 'HEAD').trim()]) {
      valueOf(await engine.removeImage(`my-shop-web:${tag}`));
    }
    await dockerd.docker.pruneImages();
    expect(valueOf(await engine.image(id))?.tags).toEqual(['my-shop-web:keep-default']);
  });

  test('a build that fails fails the stage with its last lines, and the next service is not begun', async () => {
    writeContext(path.join(project, 'bad'), `${BUSYBOX}\nRUN echo "no disk for you" && exit 7\n`);
    const state = await run({ services: { bad: { context: 'bad' }, api: { context: 'api' } } });
    const { failure, steps } = state.stages['build'] ?? {};
    expect(failure).toMatchObject({ reason: 'exit-non-zero', exit_code: 7 });
    expect(JSON.stringify(failure)).toContain('no disk for you');
    expect(Object.keys(steps ?? {})).toEqual(['bad']);
  });

  test('a missing Dockerfile, a name that is none and a service that is not there are told apart', async () => {
    const messages = [];
    for (const [build, config] of [
      [{ services: { web: { context: 'web', dockerfile: 'prod/Dockerfile' } } }, {}],
      [{ services: { web: { context: 'web', image: 'Web:latest' } } }, {}],
      [{ services: { web: { context: 'web' } } }, { services: ['wev'] }],
    ] as const) {
      const { failure } = (await run(build, config)).stages['build'] ?? {};
      messages.push(failure?.reason === 'invalid' ? failure.message : failure);
    }
    expect(messages).toEqual([
      `there is no prod/Dockerfile in ${project}/web`,
      'build.services.web.image: `Web:latest` is not the name of an image',
      'build.services has no wev; it has: web',
    ]);
  });
});
