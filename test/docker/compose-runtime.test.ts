import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { valueOf } from '../support/results.ts';
import type { Artifact, Instance, Runtime, RuntimeIo, Target } from '../../src/core/runtime.ts';
import { deploySchema } from '../../src/core/settings/deploy.ts';
import { createComposeRuntime } from '../../src/delivery/docker/compose-runtime.ts';
import { proxySource } from '../../src/delivery/proxy/source.ts';
import { type DockerPair, secretsOf, startPair } from '../support/docker-pair.ts';
import { noDockerd } from '../support/dockerd.ts';
import { get, startLoad } from '../support/load.ts';
import { hasSshd } from '../support/sshd.ts';

const PORT = await freePort();
const URL = `http://127.0.0.1:${PORT}/`;
const FILE = 'docker-compose.prod.yml';

/** As people write it: comments, quotes, other services. */
function composeFile(change: { readonly web?: string; readonly ports?: string } = {}): string {
  const { web = '', ports = `    ports: ["127.0.0.1:${PORT}:8080"]\n` } = change;
  return `# managed by hand
version: "3.8"
services:
  web:
    image: 'shop-web:old'   # the pipeline puts its own here
    environment: {FROM_FILE: "\${GREETING}"}
${ports}${web}  db:
    image: shop-web:one
    command: ["busybox", "sleep", "1000"]
`;
}

describe.skipIf(noDockerd() !== undefined || !hasSshd())('services of a compose file', () => {
  let pair: DockerPair;
  let runtime: Runtime;
  const lines: string[] = [];
  const io: RuntimeIo = { signal: new AbortController().signal, log: async (line) => void lines.push(line) };
  beforeAll(async () => {
    pair = await startPair();
    runtime = createComposeRuntime({
      deploy: deploySchema.parse({ runtime: 'compose', folder: '.pipewright-test' }),
      engines: pair.executors.engines,
      secrets: secretsOf({ PASSWORD: 's3"c$ret' }),
      proxyProgram: proxySource,
      cacheFolder: path.join(pair.folder, 'cache'),
    });
    writeFileSync(path.join(pair.folder, FILE), composeFile());
  });
  afterAll(() => pair[Symbol.asyncDispose](), 60_000);

  function targetOf(strategy: 'recreate' | 'start-first'): Target {
    const service = { port: PORT, internal_port: 8080, strategy, stop_timeout: '1s', drain: '2s' };
    const settings = deploySchema.parse({ services: { web: service } }).services['web'];
    if (!settings) throw new Error('no settings');
    const place = { environment: 'default', project: 'shop', projectFolder: pair.folder, service: 'web' };
    return { host: pair.host, settings, ...place };
  }

  async function artifactOf(version: string): Promise<Artifact> {
    const digest = await pair.buildWeb(version);
    const artifact = {
      digest,
      reference: `shop-web:${version}`,
      env: { GREETING: `hello ${version}` },
      secrets: { DB_PASSWORD: 'env:PASSWORD' },
      commit: version,
      run_id: `run-${version}`,
      size_bytes: 5_000_000,
    };
    return valueOf(
      (await runtime.complete?.(targetOf('recreate'), artifact, io)) ?? { ok: true, value: artifact },
    );
  }

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

  test('recreate: the image is put into the text, and nothing else of it changes', async () => {
    const target = targetOf('recreate');
    const one = await artifactOf('one');
    expect(one.compose).toBe(composeFile().replace("'shop-web:old'", "'shop-web:one'"));
    const instance = await deploy(target, one);
    expect(await get(URL)).toBe('one');
    const { Config } = await pair.there.docker.getContainer(instance.id).inspect();
    expect(Config.Env).toEqual(
      expect.arrayContaining([
        'GREETING=hello one',
        'FROM_FILE=hello one',
        'DB_PASSWORD=s3"c$ret',
        'PIPEWRIGHT_RELEASE=run-one',
      ]),
    );
    const there = await pair.host.exec(
      { script: 'cat .pipewright-test/docker/shop-default/compose*.yml' },
      io.signal,
    );
    expect(valueOf(there).stdout).toContain(one.compose);
    expect(valueOf(there).stdout).not.toContain('s3"c$ret');
    await deploy(target, await artifactOf('two'));
    expect(await get(URL)).toBe('two');
    const current = valueOf(await runtime.current(target, io));
    expect(current).toMatchObject({ run_id: 'run-two', commit: 'two' });
    // The same release in another run would change nothing; another variable would.
    const again = { ...(await artifactOf('two')), run_id: 'run-three', commit: 'three' };
    expect(valueOf(await runtime.setup(target, again))).toBe(current?.setup);
    expect(valueOf(await runtime.setup(target, { ...again, env: {} }))).not.toBe(current?.setup);
    expect(readFileSync(path.join(pair.folder, FILE), 'utf8')).toBe(composeFile());
  });

  test('going back restores image, variables and text together', async () => {
    const target = targetOf('recreate');
    const one = await artifactOf('one');
    writeFileSync(path.join(pair.folder, FILE), composeFile({ web: '    labels: {new: "yes"}\n' }));
    await deploy(target, await artifactOf('three'));
    await deploy(target, one);
    const current = valueOf(await runtime.current(target, io));
    const { Config } = await pair.there.docker.getContainer(current?.id ?? '').inspect();
    expect(Config.Labels).not.toHaveProperty('new');
    expect(Config.Env).toContain('GREETING=hello one');
    expect(await get(URL)).toBe('one');
  });

  test('start-first is refused where two cannot stand beside each other, with the reason', async () => {
    const target = targetOf('start-first');
    writeFileSync(path.join(pair.folder, FILE), composeFile({ web: '    container_name: the-web\n' }));
    const one = await artifactOf('one');
    valueOf(await runtime.deliver(target, one, io));
    expect(valueOf(await runtime.check(target, one, io))).toEqual([
      `web in ${FILE} has container_name, and two containers cannot have one name: remove it, or use strategy: recreate`,
      `web in ${FILE} publishes port ${PORT} itself, and the new one could not start beside the old: remove it (the proxy has port ${PORT}), or use strategy: recreate`,
    ]);
  });

  test('start-first under load: no request fails', { timeout: 120_000 }, async () => {
    const target = targetOf('start-first');
    writeFileSync(path.join(pair.folder, FILE), composeFile({ ports: '' }));
    await deploy(target, await artifactOf('four'));
    const load = startLoad(URL);
    for (const version of ['five', 'six']) await deploy(target, await artifactOf(version));
    const { failed, errors, answers } = await load.stop();
    expect({ failed, errors }).toEqual({ failed: 0, errors: [] });
    expect(Object.keys(answers)).toEqual(['four', 'five', 'six']);
    const left = valueOf(await pair.engine.containers({ 'com.docker.compose.service': 'web' }));
    expect(left.map(({ labels }) => labels['pipewright.run'])).toEqual(['run-six']);
    const again = valueOf(await runtime.start(target, await artifactOf('six'), io));
    expect(again.id).toBe(left[0]?.id);
  });

  test('docker compose goes before docker-compose where both are there', async () => {
    const plugin = path.join(pair.server.home, '.docker/cli-plugins/docker-compose');
    mkdirSync(path.dirname(plugin), { recursive: true });
    const calls = path.join(pair.server.makeFolder('calls'), 'log');
    const metadata = '{"SchemaVersion":"0.1.0","Vendor":"test","Version":"v2"}';
    writeFileSync(
      plugin,
      `#!/bin/sh\n[ "$1" = docker-cli-plugin-metadata ] && { echo '${metadata}'; exit 0; }\nshift\necho "$*" >>${calls}\nexec docker-compose "$@"\n`,
    );
    chmodSync(plugin, 0o755);
    try {
      writeFileSync(path.join(pair.folder, FILE), composeFile());
      await deploy(targetOf('recreate'), await artifactOf('seven'));
    } finally {
      rmSync(path.join(pair.server.home, '.docker'), { recursive: true, force: true });
    }
    expect(await get(URL)).toBe('seven');
    expect(readFileSync(calls, 'utf8')).toMatch(/ up -d --no-deps --timeout 1 web$/m);
    expect(valueOf(await pair.engine.container('shop-default-web-proxy'))).toBeUndefined();
  });

  test('a file that cannot be used is named with what is wrong', async () => {
    const target = targetOf('recreate');
    const unit = {
      ...(await artifactOf('seven')),
      compose: composeFile({ ports: '', web: '    depends: x\n' }),
    };
    const [reason = '', ...more] = valueOf(await runtime.check(target, unit, io));
    expect(reason).toMatch(/Unsupported config option for services\.web: 'depends'/);
    expect(more).toEqual([]);
    const silent = { ...unit, compose: composeFile({ ports: '' }).replace('shop-web:old', 'shop-web:seven') };
    expect(valueOf(await runtime.check(target, silent, io))).toEqual([
      `web in ${FILE} does not publish port ${PORT}, where deploy.services.web says that it is`,
    ]);
    for (const [text, message] of [
      ['services: {api: {image: x}}', `${FILE} has no service web; it has: api`],
      [
        'services: {web: {build: .}}',
        `${FILE}: the service web has no \`image:\` of its own to put the new one in`,
      ],
      ['services: [', `${FILE} cannot be read`],
      ['a: 1', `${FILE} has no services`],
    ] as const) {
      writeFileSync(path.join(pair.folder, FILE), text);
      const { compose: _text, ...bare } = unit;
      const failure = await runtime.complete?.(target, bare, io);
      expect(JSON.stringify(failure)).toContain(message);
    }
  });
});
