import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe } from 'vitest';
import { createExecutors } from '../../src/executors/index.ts';
import { hasSshd, startSshd } from '../support/sshd.ts';
import { hostContract } from './host.contract.ts';

hostContract('local', async () => {
  const there = mkdtempSync(path.join(tmpdir(), 'pipewright-there-'));
  const executors = createExecutors({ runId: 'r', folder: there, project: there });
  const opened = await executors.hosts.open('local');
  if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
  return {
    host: opened.value,
    there,
    close: async () => {
      await executors.close();
      rmSync(there, { recursive: true });
    },
  };
});

describe.skipIf(!hasSshd())('over ssh', () => {
  hostContract('ssh', async () => {
    const server = await startSshd();
    const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-run-'));
    chmodSync(folder, 0o755);
    const settings = { contexts: { box: server.context() } };
    const executors = createExecutors({ runId: 'r', folder, settings, project: folder });
    const opened = await executors.hosts.open('box');
    if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
    return {
      host: opened.value,
      there: server.makeFolder('there'),
      close: async () => {
        await executors.close();
        await server[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true });
      },
    };
  });
});
