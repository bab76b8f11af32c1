import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createLocalExecutor } from '../../../src/executors/local.ts';
import { BOOT_ID } from '../../../src/executors/local/processes.ts';

async function recoverAfter(owner: string): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-restart-'));
  try {
    mkdirSync(path.join(folder, 'steps'));
    mkdirSync(path.join(folder, 'logs'));
    writeFileSync(path.join(folder, 'owner.1'), owner);
    const executor = createLocalExecutor({ runId: 'r1', folder });
    const recovered = await executor.recover(
      {
        script: 'true',
        env: {},
        workdir: folder,
        token: 'a.b@1-1',
        orphan: { policy: 'kill', finish_ms: 0 },
      },
      { logFile: path.join(folder, 'logs/a.log'), secrets: [] },
      new AbortController().signal,
    );
    await executor.close();
    return recovered.state;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('without a claim a step never ran, as long as the machine has not been restarted', async () => {
  expect(await recoverAfter(JSON.stringify({ pid: 1, boot: BOOT_ID }))).toBe('never-ran');
});

test('after a restart of the machine a claim that is not there proves nothing', async () => {
  expect(await recoverAfter(JSON.stringify({ pid: 1, boot: 'another' }))).toBe('lost');
});
