import { setTimeout as delay } from 'node:timers/promises';
import { startLoad } from '../delivery/support/load.ts';
import { io, processRig } from '../delivery/support/process-rig.ts';
import type { Figure } from './figure.ts';
import { spread } from './measure.ts';

/** Of clients before and after a deploy: enough for an answer of each version. */
const AROUND_MS = 150;

/**
 * What a deploy costs those who ask meanwhile: requests that failed and for how long some did, per strategy;
 * four clients with 5 ms between their requests, runtime `process`, on this machine.
 */
export async function lostRequests(rounds: number): Promise<readonly Figure[]> {
  return [...(await measure('start-first', rounds)), ...(await measure('recreate', rounds))];
}

async function measure(strategy: 'start-first' | 'recreate', rounds: number): Promise<readonly Figure[]> {
  await using rig = await processRig({ strategy });
  const { runtime, target, build, release } = rig;
  let old = (await release(await build('v0', 'run-0'))).instance;
  const lost: number[] = [];
  const failingMs: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const artifact = await build(`v${round}`, `run-${round}`);
    const load = startLoad(`http://127.0.0.1:${rig.port}/`, { workers: 4 });
    await delay(AROUND_MS);
    const { instance } = await release(artifact);
    await delay(AROUND_MS);
    const { failed, failing_ms: failing } = await load.stop();
    lost.push(failed);
    failingMs.push(failing);
    await runtime.retire(target, old, io);
    old = instance;
  }
  const total = lost.reduce((sum, count) => sum + count, 0);
  if (strategy === 'start-first') {
    const name = `start-first: requests lost in ${rounds} deploys, 4 clients`;
    return [{ name, unit: 'requests', value: spread([total]), limit: 0 }];
  }
  return [
    { name: 'recreate: requests lost in a deploy, 4 clients', unit: 'requests', value: spread(lost) },
    { name: 'recreate: from the first lost request to the last', unit: 'ms', value: spread(failingMs) },
  ];
}
