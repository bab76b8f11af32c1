import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, describe } from 'vitest';
import { createExecutors } from '../../src/executors/index.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';
import { executorContract } from './executor.contract.ts';

describe.skipIf(!hasSshd())('over ssh', () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshd();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  executorContract('ssh', async (run) => {
    // The steps of the contract work in the run's folder; the user that logs in is another one.
    chmodSync(run.folder, 0o777);
    const executors = createExecutors({ ...run, settings: { contexts: { box: server.context() } } });
    const opened = await executors.open('box');
    if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
    return {
      ...opened.value,
      close: async () => {
        await opened.value.close();
        await executors.close();
      },
    };
  });
});
