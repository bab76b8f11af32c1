import { expect, test } from 'vitest';
import { failed } from '../../src/core/failure.ts';
import type { Runtime } from '../../src/core/runtime.ts';
import { defaultSettings } from '../../src/core/settings/index.ts';
import { retireFormer } from '../../src/delivery/verify/retire.ts';
import { createReleaseStore } from '../../src/persistence/release-store.ts';
import { get } from '../support/load.ts';
import { valueOf } from '../support/results.ts';
import { io, processRig } from './support/process-rig.ts';

test('a former instance that cannot be ended is named with what ends it, and fails nothing', async () => {
  await using rig = await processRig({ strategy: 'start-first' });
  const { target, runtime } = rig;
  const first = await rig.build('first', 'run-1');
  await rig.release(first);
  const second = await rig.release(await rig.build('second', 'run-2'));
  const scope = {
    ports: { releases: createReleaseStore({ stateDir: `${target.projectFolder}/state` }) },
    environment: 'default',
    settings: defaultSettings('shop'),
    runId: 'run-2',
    id: 'verify',
  };
  const retire = (end: Runtime) =>
    retireFormer(
      scope,
      [
        {
          open: { service: 'web', host: target.host, runtime: end, target },
          instanceId: second.instance.id,
          previous: first,
        },
      ],
      io,
    );
  const gone = () =>
    Promise.resolve(
      failed({ reason: 'executor-unreachable', executor: 'local', detail: 'the connection broke' }),
    );
  const { left, retired } = valueOf(await retire({ ...runtime, retire: gone }));
  expect(retired).toEqual([]);
  expect(left).toHaveLength(1);
  expect(left[0]).toMatch(
    /^web@local: what served before may still run: \S+ could not be ended: .*the connection broke; "pipewright rerun run-2 verify" watches again and ends it$/,
  );
  expect(valueOf(await runtime.find(target, first, io))).toBeDefined();
  // Now that it answers again.
  expect(valueOf(await retire(runtime))).toEqual({ retired: ['web@local'], left: [] });
  expect(valueOf(await runtime.find(target, first, io))).toBeUndefined();
  expect(await get(`http://127.0.0.1:${rig.port}/`)).toContain('second');
});
