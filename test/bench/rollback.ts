import { restore } from '../../src/delivery/restore.ts';
import { io, processRig } from '../delivery/support/process-rig.ts';
import { valueOf } from '../support/results.ts';
import type { Figure } from './figure.ts';
import { spread } from './measure.ts';
import { lostRequests } from './lost-requests.ts';

/**
 * A failure was seen: how long until the former version answers at the public port, when it was kept warm and when it
 * has to be started again; runtime `process`, on this machine.
 */
export async function rollback(rounds: number): Promise<readonly Figure[]> {
  await using rig = await processRig({ strategy: 'start-first' });
  const { runtime, target, build, release, rollout } = rig;
  const good = await build('good', 'run-good');
  const bad = await build('bad', 'run-bad');
  await release(good);
  const times = { warm: [] as number[], cold: [] as number[] };
  for (let round = 0; round < rounds * 2; round += 1) {
    const isWarm = round % 2 === 0;
    const artifact = { ...bad, run_id: `run-${round}` };
    await release(artifact);
    const warm = valueOf(await runtime.find(target, good, io));
    if (!isWarm && warm) valueOf(await runtime.retire(target, warm, io));
    const { artifact: _, ...parts } = rollout(artifact);
    const back = valueOf(await restore({ ...parts, bad: artifact, previous: good }));
    times[isWarm ? 'warm' : 'cold'].push(back.serving_ms);
  }
  return [
    { name: 'failure seen to old version serving, warm', unit: 'ms', value: spread(times.warm), limit: 1000 },
    { name: 'failure seen to old version serving, cold', unit: 'ms', value: spread(times.cold), limit: 5000 },
    ...(await lostRequests(rounds)),
  ];
}
