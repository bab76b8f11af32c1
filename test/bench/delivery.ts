import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { randomBytes } from 'node:crypto';
import { valueOf } from '../support/results.ts';
import type { Artifact, Runtime, RuntimeIo, Target } from '../../src/core/runtime.ts';
import { deploySchema } from '../../src/core/settings/deploy.ts';
import { createContainerRuntime } from '../../src/delivery/docker/container-runtime.ts';
import { proxySource } from '../../src/delivery/proxy/source.ts';
import { rollOut } from '../../src/delivery/rollout.ts';
import { type TransferReport, transferImage } from '../../src/delivery/transfer/image-transfer.ts';
import { systemClock } from '../../src/system/clock.ts';
import { type DockerPair, secretsOf, startPair } from '../support/docker-pair.ts';
import { BUSYBOX, collect, writeContext } from '../support/docker-rig.ts';
import { noDockerd } from '../support/dockerd.ts';
import { hasSshd } from '../support/sshd.ts';
import { type Figure, ratioFigure } from './figure.ts';
import { spread, time } from './measure.ts';

const PORT = 18_285;
/** Of the layer that changes; it does not compress. */
const LAYER_BYTES = 1 << 20;

/**
 * One line of a service changes and it is built: how long until it serves on a host behind ssh (loopback), what goes over the
 * wire, and the transfer beside `docker save | ssh docker load` in the same rounds. The image has 150 MB in five layers.
 */
export async function delivery(rounds: number): Promise<readonly Figure[]> {
  if (noDockerd() !== undefined || !hasSshd()) return [];
  const pair = await startPair();
  try {
    return await measure(pair, rounds);
  } finally {
    await pair[Symbol.asyncDispose]();
  }
}

async function measure(pair: DockerPair, rounds: number): Promise<readonly Figure[]> {
  const lab = createLab(pair);
  const first = await lab.build();
  const cold = await lab.transfer(first);
  valueOf(await lab.deploy(first));
  const times = { deploy: [] as number[], ours: [] as number[], save: [] as number[] };
  const wire: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const [one, two, three] = [await lab.build(), await lab.build(), await lab.build()];
    const before = pair.sentBytes();
    const ours = await lab.transfer(one);
    const sent = pair.sentBytes() - before;
    const save = await lab.saveAndLoad(two);
    const began = performance.now();
    valueOf(await lab.deploy(three));
    const deploy = performance.now() - began;
    if (round < 0) continue;
    times.ours.push(ours.ms);
    times.save.push(save);
    times.deploy.push(deploy);
    wire.push(sent / LAYER_BYTES);
  }
  return [
    {
      name: 'deploy: a changed line, from built to serving',
      unit: 'ms',
      value: spread(times.deploy),
      limit: 2000,
    },
    { name: 'transfer: bytes on the wire / changed layer', unit: 'x', value: spread(wire), limit: 1.1 },
    ratioFigure(
      'transfer: a changed layer / docker save | ssh docker load',
      times,
      { subject: 'ours', against: 'save' },
      1,
    ),
    { name: 'transfer: everything, the first time', unit: 'ms', value: spread([cold.ms]) },
  ];
}

interface Lab {
  /** An image with another line in its last layer; its reference. */
  readonly build: () => Promise<Artifact>;
  readonly transfer: (
    artifact: Artifact,
  ) => Promise<{ readonly ms: number; readonly report: TransferReport }>;
  readonly saveAndLoad: (artifact: Artifact) => Promise<number>;
  readonly deploy: (artifact: Artifact) => ReturnType<typeof rollOut>;
}

function createLab(pair: DockerPair): Lab {
  const { builder, engine, host, server, here, there } = pair;
  const cacheFolder = path.join(pair.folder, 'cache');
  const deploySettings = deploySchema.parse({
    runtime: 'container',
    folder: '.pipewright-bench',
    services: {
      web: {
        port: PORT,
        internal_port: 8080,
        strategy: 'start-first',
        stop_timeout: '1s',
        health: { interval: '50ms' },
      },
    },
  });
  const settings = deploySettings.services['web'];
  if (!settings) throw new Error('no settings');
  const io: RuntimeIo = { signal: new AbortController().signal, log: () => Promise.resolve() };
  const runtime: Runtime = createContainerRuntime({
    deploy: deploySettings,
    engines: pair.executors.engines,
    secrets: secretsOf({}),
    proxyProgram: proxySource,
    cacheFolder,
  });
  const target: Target = {
    host,
    settings,
    environment: 'bench',
    project: 'shop',
    projectFolder: pair.folder,
    service: 'web',
  };
  const context = contextOf(pair.folder);
  let builds = 0;
  return {
    build: async () => {
      builds += 1;
      const reference = `bench-web:${builds}`;
      writeFileSync(path.join(context, 'www/index.html'), `version ${builds}\n`);
      writeFileSync(path.join(context, 'www/asset'), randomBytes(LAYER_BYTES));
      const { result } = await collect(builder, context, { tags: [reference] });
      const { id: digest, size_bytes } = valueOf(result);
      return { digest, reference, env: {}, commit: '', run_id: `run-${builds}`, size_bytes };
    },
    transfer: async ({ digest, reference }) => {
      const began = performance.now();
      const deploy = { transfer: 'registry' as const, folder: '.pipewright-bench' };
      const report = valueOf(
        await transferImage({ builder, engine, host, digest, reference, deploy, cacheFolder }, io),
      );
      return { ms: performance.now() - began, report };
    },
    saveAndLoad: ({ reference }) => {
      const ssh = `ssh -F none -i ${server.identityFile} -o IdentitiesOnly=yes -o UserKnownHostsFile=${server.knownHosts} -p ${server.port} ${server.user}@127.0.0.1`;
      const script = `set -e; docker -H unix://${here.socket} save ${reference} | ${ssh} docker -H unix://${there.socket} load -q`;
      return time({ name: 'save', command: ['bash', '-o', 'pipefail', '-c', script], cwd: pair.folder });
    },
    deploy: async (artifact) => {
      valueOf(await runtime.deliver(target, artifact, io));
      const rolledOut = await rollOut({
        runtime,
        target,
        artifact,
        clock: systemClock,
        io,
        recheck: () => Promise.resolve({ ok: true, value: undefined }),
      });
      return rolledOut;
    },
  };
}

/** busybox, the Node that runs this (as a large layer), 20 MB that do not compress, and the application. */
function contextOf(folder: string): string {
  const lines = 'COPY node /node\nCOPY deps /deps\nCOPY www /www\nCMD exec httpd -f -p $PORT -h /www\n';
  const context = writeContext(path.join(folder, 'bench'), `${BUSYBOX}\n${lines}`, { 'www/health': 'ok' });
  copyFileSync(process.execPath, path.join(context, 'node'));
  mkdirSync(path.join(context, 'deps'));
  writeFileSync(path.join(context, 'deps/large'), randomBytes(20 << 20));
  return context;
}
