import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, valueOf } from '../support/results.ts';
import { type ImageTransfer, transferImage } from '../../src/delivery/transfer/image-transfer.ts';
import { createBlobStore } from '../../src/delivery/registry/blob-store.ts';
import { createRegistry } from '../../src/delivery/registry/registry.ts';
import { createEngines } from '../../src/executors/docker/engines.ts';
import { type DockerPair, startPair } from '../support/docker-pair.ts';
import { collect, engineAt, writeContext } from '../support/docker-rig.ts';
import { noDockerd, startDockerd, type TestDockerd } from '../support/dockerd.ts';
import { hasSshd } from '../support/sshd.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-faults-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(noDockerd() !== undefined || !hasSshd())('when an engine is in trouble', () => {
  let pair: DockerPair;
  let small: TestDockerd;
  let digest: string;
  const disk = path.join(folder, 'disk');
  beforeAll(async () => {
    execFileSync('mkdir', ['-p', disk]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
    [pair, small] = await Promise.all([startPair(), startDockerd({ dataRoot: path.join(disk, 'data') })]);
    digest = await pair.buildWeb('v1', { lines: 'RUN head -c 60000000 /dev/urandom >/large' });
  });
  afterAll(async () => {
    await pair[Symbol.asyncDispose]();
    await small.stop();
    execFileSync('umount', ['-l', disk]);
  });

  /** The host's engine at `socket`, asked for a sign of life often. */
  async function transferTo(socket: string): Promise<ImageTransfer> {
    const patience = { answerMs: 1000, pulseMs: 300 };
    const engines = createEngines({ env: {}, socketOf: () => socket, patience });
    return {
      builder: pair.builder,
      engine: valueOf(await engines.open(pair.host)),
      host: pair.host,
      digest,
      reference: 'shop-web:v1',
      deploy: { transfer: 'auto', folder: '.pipewright-test' },
      cacheFolder: path.join(folder, 'cache'),
    };
  }

  function io(lines: string[], onProgress: (done: number) => void = () => undefined) {
    const { signal } = new AbortController();
    return { signal, log: async (line: string) => void lines.push(line), onProgress };
  }

  test('a full disk of the host is named, and nothing is tried that needs more of it', async () => {
    const lines: string[] = [];
    const transfer = await transferTo(small.socket);
    expect(failureOf(await transferImage(transfer, io(lines)))).toMatchObject({
      reason: 'reported',
      message: expect.stringMatching(/docker on prod: .*no space left on device/),
    });
    expect(lines.join('\n')).not.toContain('archive');
    expect(valueOf(await transfer.engine.image('shop-web:v1'))).toBeUndefined();
  });

  test('an engine that freezes in the middle of a transfer is not waited for', async () => {
    const lines: string[] = [];
    const transfer = await transferTo(pair.there.socket);
    let frozen = 0;
    const freeze = (done: number): void => {
      if (done > 1_000_000 && frozen === 0) {
        frozen = done;
        pair.there.signal('SIGSTOP');
      }
    };
    const result = await transferImage(transfer, io(lines, freeze));
    pair.there.signal('SIGCONT');
    expect(failureOf(result)).toMatchObject({
      reason: 'executor-unreachable',
      detail: 'no answer within 1 s',
    });
    expect(frozen).toBeGreaterThan(0);
    // It has thawed: the next try goes through.
    expect(valueOf(await transferImage(transfer, io(lines)))).toMatchObject({ method: 'registry' });
  });

  test('an engine that dies in the middle of a transfer is said to be gone', async () => {
    const victim = await startDockerd();
    const transfer = await transferTo(victim.socket);
    const kill = (done: number): void => void (done > 1_000_000 && victim.signal('SIGKILL'));
    const result = await transferImage(transfer, io([], kill));
    expect(failureOf(result)).toMatchObject({ reason: 'executor-unreachable' });
    await victim.stop();
  });

  test('a base image comes from its registry, also without a session of BuildKit', async () => {
    const registry = createRegistry(createBlobStore(path.join(folder, 'cache/layers')));
    const port = await registry.listen();
    const name = `127.0.0.1:${port}/${registry.secret}/base:1`;
    valueOf(await pair.builder.tag(digest, name));
    valueOf(await pair.builder.push(name, io([])));
    const engine = await engineAt(`unix://${pair.there.socket}`);
    const context = writeContext(path.join(folder, 'child'), `FROM ${name}\nRUN echo "child of $PATH"\n`);
    const { result, lines } = await collect(engine, context);
    valueOf(result);
    expect(lines.join('\n')).toContain('child of /bin');
    await engine.close();
    await registry.close();
  });

  test('an image that is gone when it is to be started is a failure with its name', async () => {
    const started = await pair.engine.start({
      name: 'none',
      image: 'shop-web:removed',
      env: {},
      labels: {},
      restart: 'no',
    });
    expect(failureOf(started)).toMatchObject({
      reason: 'reported',
      message: 'docker on prod: No such image: shop-web:removed',
    });
    expect(valueOf(await pair.engine.container('none'))).toBeUndefined();
  });
});
