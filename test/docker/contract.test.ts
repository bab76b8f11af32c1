import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { contextsSchema } from '../../src/core/settings/contexts.ts';
import type { StageSettings } from '../../src/core/settings/index.ts';
import { createExecutors } from '../../src/executors/index.ts';
import { executorContract } from '../contract/executor.contract.ts';
import { buildBox } from '../support/docker-rig.ts';
import { noDockerd, startDockerd, type TestDockerd } from '../support/dockerd.ts';
import { valueOf } from '../support/results.ts';

describe.skipIf(noDockerd() !== undefined)('in a container', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-contract-'));
  let dockerd: TestDockerd;
  const contexts = (change: object = {}): StageSettings['contexts'] =>
    contextsSchema.parse({
      box: { type: 'docker', image: 'box:1', docker_socket: dockerd.socket, network: 'none', ...change },
    });
  beforeAll(async () => {
    dockerd = await startDockerd();
    await buildBox(dockerd, folder);
  });
  afterAll(async () => {
    await dockerd.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  executorContract(
    'docker',
    async (run) => {
      const executors = createExecutors({ ...run, project: run.folder, settings: { contexts: contexts() } });
      const executor = valueOf(await executors.open('box'));
      return {
        ...executor,
        close: async () => {
          await executor.close();
          await executors.close();
        },
      };
    },
    { isShared: true, atOnce: 20 },
  );
});
