import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failureOf, valueOf } from '../support/results.ts';
import type { ContainerEngine } from '../../src/core/containers.ts';
import type { Host } from '../../src/core/hosts.ts';
import type { Executors } from '../../src/core/ports.ts';
import { buildSchema } from '../../src/core/settings/build.ts';
import { type ImageTransfer, transferImage } from '../../src/delivery/transfer/image-transfer.ts';
import { createExecutors } from '../../src/executors/index.ts';
import { BUSYBOX, collect, writeContext } from '../support/docker-rig.ts';
import { noDockerd, startDockerd, type TestDockerd } from '../support/dockerd.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

/** In the login folder, which other tests have too. */
const THERE = `.pipewright-transfer-${process.pid}`;
const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-transfer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(noDockerd() !== undefined || !hasSshd())('an image on its way to a host', () => {
  let here: TestDockerd;
  let there: TestDockerd;
  let server: SshServer;
  let executors: Executors;
  let host: Host;
  let engine: ContainerEngine;
  let builder: ContainerEngine;
  let digest: string;
  let layerBytes: number;

  beforeAll(async () => {
    [here, there, server] = await Promise.all([startDockerd(), startDockerd(), startSshd()]);
    ({ executors, host, engine, builder } = await open(server));
    layerBytes = 3_000_000;
    digest = await build('v1');
  });
  afterAll(async () => {
    await host.exec({ script: `rm -rf ${THERE}` }, new AbortController().signal);
    await executors.close();
    await server[Symbol.asyncDispose]();
    await Promise.all([here.stop(), there.stop()]);
  });
  beforeEach(() => there.docker.pruneImages({ filters: { dangling: ['false'] } }));

  async function open(to: SshServer) {
    const made = createExecutors({
      folder,
      runId: 'r',
      project: folder,
      settings: {
        contexts: { prod: to.context({ docker_socket: there.socket }) },
        build: buildSchema.parse({ engine: here.socket }),
      },
    });
    const opened = valueOf(await made.hosts.open('prod'));
    return {
      executors: made,
      host: opened,
      engine: valueOf(await made.engines.open(opened)),
      builder: valueOf(await made.engines.builder()),
    };
  }

  /** An image with a layer that does not compress and one small one that is `version`. */
  async function build(version: string): Promise<string> {
    const context = writeContext(path.join(folder, 'app'), `${BUSYBOX}\nCOPY large /\nCOPY version /\n`, {
      version,
    });
    writeFileSync(path.join(context, 'large'), noise(layerBytes));
    return valueOf((await collect(builder, context, { tags: [`app:${version}`] })).result).id;
  }

  function transfer(change: Partial<ImageTransfer> = {}): ImageTransfer {
    return {
      builder,
      engine,
      host,
      digest,
      reference: 'app:v1',
      deploy: { transfer: 'auto', folder: THERE },
      cacheFolder: path.join(folder, 'cache'),
      ...change,
    };
  }

  function io(lines: string[] = [], signal = new AbortController().signal) {
    return { signal, log: async (line: string) => void lines.push(line) };
  }

  test('arrives with the digest that was built, and the second time nothing travels', async () => {
    const progress: number[][] = [];
    const onProgress = (done: number, total: number): void => void progress.push([done, total]);
    const first = valueOf(await transferImage(transfer(), { ...io(), onProgress }));
    expect(first.method).toBe('registry');
    expect(first.bytes_sent).toBeGreaterThan(layerBytes);
    expect(progress.at(-1)?.[0]).toBe(progress.at(-1)?.[1]);
    expect(valueOf(await engine.image('app:v1'))?.id).toBe(digest);
    expect(valueOf(await transferImage(transfer(), io()))).toEqual({ bytes_sent: 0, method: 'none' });
    const images = await there.docker.listImages();
    expect(images.flatMap(({ RepoTags }) => RepoTags)).toEqual(['app:v1']);
    expect((await here.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? [])).not.toContainEqual(
      expect.stringContaining('127.0.0.1'),
    );
  });

  test('a change of one layer sends that layer', async () => {
    valueOf(await transferImage(transfer(), io()));
    const next = await build('v2');
    const totals: number[] = [];
    const onProgress = (_: number, total: number): void => void totals.push(total);
    const change = transfer({ digest: next, reference: 'app:v2' });
    const sent = valueOf(await transferImage(change, { ...io(), onProgress }));
    // From its beginning on of the missing layer alone.
    expect(Math.max(...totals)).toBeLessThan(8000);
    // The layer, the configuration of the image.
    expect(sent.bytes_sent).toBeLessThan(8000);
    expect(valueOf(await engine.image('app:v2'))?.id).toBe(next);
  });

  test('as an archive where that is asked for', async () => {
    const sent = valueOf(
      await transferImage(transfer({ deploy: { transfer: 'archive', folder: THERE } }), io()),
    );
    expect(sent.method).toBe('archive');
    expect(sent.bytes_sent).toBeGreaterThan(layerBytes);
    expect(valueOf(await engine.image('app:v1'))?.id).toBe(digest);
    expect(valueOf(await host.exec({ script: `ls ${THERE}/incoming` }, io().signal)).stdout).toBe('');
  });

  test('as an archive, with the reason, where ssh forwards nothing to us', async () => {
    // Sockets of the host must still be reached, which is forwarding the other way.
    const narrow = await startSshd({ config: ['AllowTcpForwarding local'] });
    const opened = await open(narrow);
    const lines: string[] = [];
    const to = transfer({ engine: opened.engine, host: opened.host });
    expect(valueOf(await transferImage(to, io(lines)))).toMatchObject({ method: 'archive' });
    expect(lines.join('\n')).toContain('AllowTcpForwarding');
    expect(valueOf(await engine.image('app:v1'))?.id).toBe(digest);
    const strict = await transferImage(
      { ...to, digest: await build('v3'), deploy: { transfer: 'registry', folder: '.p' } },
      io(),
    );
    expect(failureOf(strict)).toMatchObject({ reason: 'executor-unreachable' });
    await opened.executors.close();
    await narrow[Symbol.asyncDispose]();
  });

  test('a connection that breaks in the middle is taken up again', async () => {
    layerBytes = 40_000_000;
    const large = await build('large');
    layerBytes = 3_000_000;
    const lines: string[] = [];
    let cuts = 0;
    const onProgress = (done: number): void => {
      if (done > 1_000_000 && cuts === 0) cuts = server.killSessions();
    };
    const sent = valueOf(
      await transferImage(transfer({ digest: large, reference: 'app:large' }), { ...io(lines), onProgress }),
    );
    expect(cuts).toBeGreaterThan(0);
    expect(lines.join('\n')).toMatch(/the connection broke after \d+ bytes: again \(2 of 3\)/);
    expect(sent.method).toBe('registry');
    expect(valueOf(await engine.image('app:large'))?.id).toBe(large);
  });

  test('an image that is nowhere, and an engine that is gone, are said', async () => {
    const nowhere = `sha256:${'0'.repeat(64)}`;
    expect(failureOf(await transferImage(transfer({ digest: nowhere }), io()))).toMatchObject({
      reason: 'reported',
      retryable: false,
      message: `the image app:v1 (${nowhere}) is neither on prod nor on the engine that builds`,
    });
  });

  test('cancelling ends it', async () => {
    const stop = new AbortController();
    const onProgress = (done: number): void => void (done > 0 && stop.abort());
    const result = await transferImage(transfer({ digest: await build('v4') }), {
      ...io([], stop.signal),
      onProgress,
    });
    expect(failureOf(result)).toMatchObject({ reason: 'cancelled' });
  });
});

/** Bytes that do not compress, the same each time. */
function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = 1;
  for (let at = 0; at < size; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  return bytes;
}
