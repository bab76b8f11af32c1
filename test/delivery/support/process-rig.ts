import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { ok } from '../../../src/core/failure.ts';
import type { Host } from '../../../src/core/hosts.ts';
import type { Artifact, RuntimeIo, Target } from '../../../src/core/runtime.ts';
import { deploySchema } from '../../../src/core/settings/deploy.ts';
import { packFolder } from '../../../src/delivery/pack.ts';
import { createProcessRuntime, type ProcessRuntime } from '../../../src/delivery/process/runtime.ts';
import { rollOut, type RolledOut, type Rollout } from '../../../src/delivery/rollout.ts';
import { createLocalHost } from '../../../src/executors/host/local-host.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemIds } from '../../../src/system/ids.ts';
import { freePort } from '../../support/free-port.ts';
import { valueOf } from '../../support/results.ts';
import { writeService } from './service.ts';

export const io: RuntimeIo = { signal: new AbortController().signal, log: () => Promise.resolve() };

export interface ProcessRig extends AsyncDisposable {
  readonly runtime: ProcessRuntime;
  readonly target: Target;
  readonly port: number;
  /** A service that answers with `text`, packed. */
  readonly build: (text: string, runId: string, env?: Readonly<Record<string, string>>) => Promise<Artifact>;
  /** Deliver, check, roll out. */
  readonly release: (artifact: Artifact) => Promise<RolledOut>;
  readonly rollout: (artifact: Artifact) => Rollout;
}

interface RigOptions {
  readonly strategy: 'start-first' | 'recreate';
  /** Default: this machine. */
  readonly host?: Host;
}

/** The runtime `process` with one service, on real processes; all of them end with it. */
export async function processRig({ strategy, host }: RigOptions): Promise<ProcessRig> {
  const root = mkdtempSync(path.join(tmpdir(), 'pipewright-process-'));
  const port = await freePort();
  const health = { interval: '50ms', timeout: '10s' };
  const deploy = deploySchema.parse({
    folder: 'srv',
    services: {
      web: { port, strategy, command: 'exec node server.mjs', drain: '2s', stop_timeout: '2s', health },
    },
  });
  const settings = deploy.services['web'];
  if (!settings) throw new Error('no settings');
  const secrets = { resolve: () => Promise.resolve(ok('s3cret')) };
  const runtime = createProcessRuntime({ deploy, ids: systemIds, secrets });
  const environment = { PATH: process.env['PATH'] ?? '', HOME: root };
  const target: Target = {
    host: host ?? createLocalHost({ project: root, environment }),
    environment: 'default',
    project: 'shop',
    projectFolder: root,
    service: 'web',
    settings,
  };
  const rollout = (artifact: Artifact): Rollout => ({
    runtime,
    target,
    artifact,
    clock: systemClock,
    io,
    recheck: () => Promise.resolve(ok(undefined)),
  });
  return {
    runtime,
    target,
    port,
    rollout,
    build: async (text, runId, env = {}) => {
      writeService(path.join(root, text), text);
      const file = path.join(root, `${text}.tgz`);
      const packed = await packFolder(path.join(root, text), file);
      return { ...packed, reference: text, env, commit: 'c'.repeat(40), run_id: runId, path: file };
    },
    release: async (artifact) => {
      valueOf(await runtime.deliver(target, artifact, io));
      const problems = valueOf(await runtime.check(target, artifact, io));
      if (problems.length > 0) throw new Error(problems.join('; '));
      return valueOf(await rollOut(rollout(artifact)));
    },
    [Symbol.asyncDispose]: async () => {
      await runtime.stopAll(target, io);
      rmSync(root, { recursive: true, force: true });
    },
  };
}
