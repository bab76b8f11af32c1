import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ok, type Result } from '../../src/core/failure.ts';
import type { Artifact, RuntimeIo, Target } from '../../src/core/runtime.ts';
import { deploySchema } from '../../src/core/settings/deploy.ts';
import { packFolder } from '../../src/delivery/pack.ts';
import { createProcessRuntime } from '../../src/delivery/process/runtime.ts';
import { probe } from '../../src/delivery/probe.ts';
import { systemIds } from '../../src/system/ids.ts';
import { createLocalHost } from '../../src/executors/host/local-host.ts';
import { startLoad } from './support/load.ts';
import { writeService } from './support/service.ts';

const io: RuntimeIo = { signal: new AbortController().signal, log: () => Promise.resolve() };

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

let root = '';
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'pipewright-process-'));
});

async function freePort(): Promise<number> {
  const server = net.createServer();
  const { promise, resolve } = Promise.withResolvers<number>();
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
  });
  return promise;
}

async function setup(strategy: 'start-first' | 'recreate') {
  const deploy = deploySchema.parse({
    folder: 'srv',
    strategy,
    services: {
      web: {
        port: await freePort(),
        strategy,
        command: 'exec node server.mjs',
        drain: '2s',
        stop_timeout: '2s',
      },
    },
  });
  const settings = deploy.services['web'];
  if (!settings) throw new Error('no settings');
  const runtime = createProcessRuntime({
    deploy,
    ids: systemIds,
    secrets: { resolve: async () => ok('s3cret') },
  });
  const target: Target = {
    host: createLocalHost({ project: root, environment: { PATH: process.env['PATH'] ?? '', HOME: root } }),
    environment: 'default',
    project: 'shop',
    projectFolder: root,
    service: 'web',
    settings,
  };
  const build = async (text: string, runId: string, env: Record<string, string> = {}): Promise<Artifact> => {
    writeService(path.join(root, text), text);
    const file = path.join(root, `${text}.tgz`);
    const packed = await packFolder(path.join(root, text), file);
    return { ...packed, reference: text, env, commit: 'c'.repeat(40), run_id: runId, path: file };
  };
  const release = async (artifact: Artifact) => {
    valueOf(await runtime.deliver(target, artifact, io));
    expect(valueOf(await runtime.check(target, artifact, io))).toEqual([]);
    const instance = valueOf(await runtime.start(target, artifact, io));
    for (let tries = 0; ; tries += 1) {
      const answer = await probe(target.host, {
        port: instance.address?.port ?? 0,
        path: '/',
        timeoutMs: 500,
        signal: io.signal,
      });
      if (answer.ok && answer.value.status === 200) break;
      if (tries > 100)
        throw new Error(
          JSON.stringify([answer, await runtime.logs?.(target, instance, { ...io, lines: 5 })]),
        );
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    valueOf(await runtime.switchTo(target, instance, io));
    return instance;
  };
  return { runtime, target, build, release, port: settings.port };
}

const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
  rmSync(root, { recursive: true, force: true });
});

test('start-first: no request is lost over deploys, and the old version is there until it is retired', async () => {
  const { runtime, target, build, release, port } = await setup('start-first');
  ended.push(async () => void (await runtime.stopAll(target, io)));
  const first = await release(await build('v1', 'run-1'));
  const load = startLoad(`http://127.0.0.1:${port}/`);
  let old = first;
  for (let round = 2; round <= 5; round += 1) {
    const next = await release(await build(`v${round}`, `run-${round}`));
    expect(valueOf(await runtime.current(target, io))?.id).toBe(next.id);
    valueOf(await runtime.retire(target, old, io));
    old = next;
  }
  const result = await load.stop();
  expect(result).toMatchObject({ failed: 0 });
  expect(Object.keys(result.bodies)).toEqual(['v1', 'v2', 'v3', 'v4', 'v5']);
});

test('recreate: the port is the service itself; a restart is counted', async () => {
  const { runtime, target, build, release, port } = await setup('recreate');
  ended.push(async () => void (await runtime.stopAll(target, io)));
  await release(await build('v1', 'run-1'));
  const instance = await release(await build('v2', 'run-2'));
  const before = valueOf(await runtime.inspect(target, instance, io));
  expect(before).toMatchObject({ is_running: true, restart_count: 0 });
  await probe(target.host, { port, path: '/crash', timeoutMs: 500, signal: io.signal });
  await expect.poll(async () => valueOf(await runtime.inspect(target, instance, io)).restart_count).toBe(1);
});
