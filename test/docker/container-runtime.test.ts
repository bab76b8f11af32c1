import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { failureOf, valueOf } from '../support/results.ts';
import type { Artifact, Instance, Runtime, RuntimeIo, Target } from '../../src/core/runtime.ts';
import { deploySchema } from '../../src/core/settings/deploy.ts';
import { createContainerRuntime } from '../../src/delivery/docker/container-runtime.ts';
import { proxySource } from '../../src/delivery/proxy/source.ts';
import { type DockerPair, secretsOf, startPair } from '../support/docker-pair.ts';
import { noDockerd } from '../support/dockerd.ts';
import { get, startLoad } from '../support/load.ts';
import { hasSshd } from '../support/sshd.ts';

const PORT = await freePort();
const URL = `http://127.0.0.1:${PORT}/`;

describe.skipIf(noDockerd() !== undefined || !hasSshd())('services as containers', () => {
  let pair: DockerPair;
  let runtime: Runtime;
  const lines: string[] = [];
  const io: RuntimeIo = { signal: new AbortController().signal, log: async (line) => void lines.push(line) };
  beforeAll(async () => {
    pair = await startPair();
    runtime = createContainerRuntime({
      deploy: deploySchema.parse({ runtime: 'container', folder: '.pipewright-test' }),
      engines: pair.executors.engines,
      secrets: secretsOf({ PASSWORD: 's3cret' }),
      proxyProgram: proxySource,
      cacheFolder: path.join(pair.folder, 'cache'),
    });
  });
  afterAll(() => pair[Symbol.asyncDispose](), 60_000);

  function targetOf(strategy: 'recreate' | 'start-first', change: object = {}): Target {
    const service = { port: PORT, internal_port: 8080, strategy, stop_timeout: '1s', ...change };
    const settings = deploySchema.parse({ services: { web: service } }).services['web'];
    if (!settings) throw new Error('no settings');
    const place = { environment: 'production', project: 'Shop', projectFolder: pair.folder, service: 'web' };
    return { host: pair.host, settings, ...place };
  }

  async function artifactOf(version: string, change: Partial<Artifact> = {}): Promise<Artifact> {
    return {
      digest: await pair.buildWeb(version),
      reference: `shop-web:${version}`,
      env: { GREETING: 'hello "you"' },
      secrets: { DB_PASSWORD: 'env:PASSWORD' },
      commit: version,
      run_id: `run-${version}`,
      size_bytes: 5_000_000,
      platform: 'linux/amd64',
      ...change,
    };
  }

  /** As a rollout does it. */
  async function deploy(target: Target, artifact: Artifact): Promise<Instance> {
    valueOf(await runtime.deliver(target, artifact, io));
    expect(valueOf(await runtime.check(target, artifact, io))).toEqual([]);
    const before = valueOf(await runtime.current(target, io));
    const instance = valueOf(await runtime.start(target, artifact, io));
    await healthy(instance);
    valueOf(await runtime.switchTo(target, instance, io));
    if (before && target.settings.strategy === 'start-first')
      valueOf(await runtime.retire(target, before, io));
    return instance;
  }

  async function healthy({ address }: Instance): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      const text = await get(`http://${address?.host}:${address?.port}/health`).catch(() => '');
      if (text === 'ok') return;
      await delay(50);
    }
    throw new Error('it did not become healthy');
  }

  test('recreate: the new one takes the place of the old, with variables and secrets', async () => {
    const target = targetOf('recreate');
    expect(valueOf(await runtime.current(target, io))).toBeUndefined();
    const first = await artifactOf('one');
    const space = valueOf(await runtime.space(target, first, io));
    expect(space.free_bytes).toBeGreaterThan(1e6);
    expect(space.needed_bytes).toBe(7_500_000);
    const one = await deploy(target, first);
    expect(await get(URL)).toBe('one');
    const { Config } = await pair.there.docker.getContainer(one.id).inspect();
    expect(Config.Env).toEqual(
      expect.arrayContaining([
        'GREETING=hello "you"',
        'DB_PASSWORD=s3cret',
        'PORT=8080',
        'PIPEWRIGHT_RELEASE=run-one',
        'PIPEWRIGHT_COMMIT=one',
      ]),
    );
    expect(valueOf(await runtime.current(target, io))).toMatchObject({
      id: one.id,
      digest: first.digest,
      reference: 'shop-web:one',
      run_id: 'run-one',
      commit: 'one',
      address: { host: '127.0.0.1', port: PORT },
    });
    await deploy(target, await artifactOf('two'));
    expect(await get(URL)).toBe('two');
    expect(valueOf(await runtime.inspect(target, one, io))).toMatchObject({ is_running: false });
    expect(valueOf(await runtime.space(target, first, io)).needed_bytes).toBe(0);
  });

  test(
    'start-first under load: no request fails, the old one drains, the way back is warm',
    { timeout: 120_000 },
    async () => {
      const target = targetOf('start-first', { drain: '2s' });
      await deploy(target, await artifactOf('two'));
      expect(await get(URL)).toBe('two');
      const load = startLoad(URL);
      for (const version of ['three', 'four', 'five']) await deploy(target, await artifactOf(version));
      const five = await artifactOf('five');
      const six = await artifactOf('six');
      valueOf(await runtime.deliver(target, six, io));
      const old = valueOf(await runtime.find(target, five, io));
      const fresh = valueOf(await runtime.start(target, six, io));
      await healthy(fresh);
      expect(valueOf(await runtime.current(target, io))?.run_id).toBe('run-five');
      valueOf(await runtime.switchTo(target, fresh, io));
      expect(await get(URL)).toBe('six');
      expect(failureOf(await runtime.retire(target, fresh, io))).toMatchObject({
        message: expect.stringContaining('takes the traffic'),
      });
      const began = performance.now();
      if (old) valueOf(await runtime.switchTo(target, old, io));
      process.stderr.write(`back to the old one: ${Math.round(performance.now() - began)} ms\n`);
      expect(await get(URL)).toBe('five');
      valueOf(await runtime.retire(target, fresh, io));
      const { sent, failed, answers, errors } = await load.stop();
      expect({ failed, errors }).toEqual({ failed: 0, errors: [] });
      expect(Object.keys(answers)).toEqual(['two', 'three', 'four', 'five', 'six']);
      expect(sent).toBeGreaterThan(200);
      expect(lines.join('\n')).toContain(
        `port ${PORT} goes from the service to its proxy: a short gap, this once`,
      );
    },
  );

  test('a start that is repeated finds its container; a new secret makes another unit', async () => {
    const target = targetOf('start-first');
    const five = await artifactOf('five');
    const again = valueOf(await runtime.start(target, five, io));
    expect(again.id).toBe(valueOf(await runtime.current(target, io))?.id);
    expect(valueOf(await runtime.find(target, { ...five, env: {} }, io))).toBeUndefined();
  });

  test('what a run that was given up has left beside the serving one is ended by prune', async () => {
    const target = targetOf('start-first');
    const seven = await artifactOf('seven');
    valueOf(await runtime.deliver(target, seven, io));
    const left = valueOf(await runtime.start(target, seven, io));
    const five = await artifactOf('five');
    valueOf(await runtime.prune(target, [five, seven], io));
    expect(valueOf(await runtime.inspect(target, left, io)).is_running).toBe(false);
    expect(valueOf(await runtime.current(target, io))?.run_id).toBe('run-five');
    expect(await get(URL)).toBe('five');
  });

  test('after proxy and service were restarted they find each other again', async () => {
    await pair.there.docker.getContainer('shop-production-web-proxy').restart({ t: 1 });
    const target = targetOf('start-first');
    const current = valueOf(await runtime.current(target, io));
    await pair.there.docker.getContainer(current?.id ?? '').restart({ t: 1 });
    await expect.poll(() => get(URL).catch(String)).toBe('five');
    const after = valueOf(await runtime.current(target, io));
    if (after) await healthy(after);
  });

  test('what keeps it from starting is said: platform, port, image, secret', async () => {
    const five = await artifactOf('five');
    const wrong = {
      ...five,
      digest: `sha256:${'1'.repeat(64)}`,
      reference: 'shop-web:none',
      platform: 'linux/arm64',
    };
    const problems = valueOf(
      await runtime.check(targetOf('recreate'), { ...wrong, secrets: { KEY: 'env:NOT_SET' } }, io),
    );
    expect(problems).toEqual([
      `shop-web:none (${wrong.digest}) is not on prod`,
      'web is built for linux/arm64, prod is linux/amd64',
      'the secret KEY cannot be resolved',
    ]);
    const taken = targetOf('recreate', { port: pair.server.port });
    expect(valueOf(await runtime.check(taken, five, io))).toEqual([
      `port ${pair.server.port} of prod is taken by another program`,
    ]);
  });

  test('back to recreate: the proxy goes, the service has its port', async () => {
    await deploy(targetOf('recreate'), await artifactOf('seven'));
    expect(await get(URL)).toBe('seven');
    expect(valueOf(await pair.engine.container('shop-production-web-proxy'))).toBeUndefined();
    expect(valueOf(await pair.engine.containers({ 'pipewright.service': 'web' }))).toHaveLength(1);
  });

  test('prune leaves what serves and what is kept', async () => {
    const target = targetOf('recreate');
    const keep = [await artifactOf('five')];
    valueOf(await runtime.prune(target, keep, io));
    const tags = (await pair.there.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
    expect(tags.filter((tag) => tag.startsWith('shop-web'))).toEqual(
      expect.arrayContaining(['shop-web:five', 'shop-web:seven']),
    );
    expect(tags.filter((tag) => tag.startsWith('shop-web'))).toHaveLength(2);
    expect(tags.some((tag) => tag.startsWith('pipewright-node'))).toBe(true);
  });
});
