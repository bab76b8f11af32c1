import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createLocalHost } from '../../src/executors/host/local-host.ts';
import { inheritedEnvironment } from '../../src/executors/local/environment.ts';
import type { Amounts } from '../../src/core/resources/amounts.ts';
import { inOrderOfFit, whyNever, whyNoRoom } from '../../src/core/resources/choose-host.ts';
import { findRoom } from '../../src/core/resources/find-room.ts';
import { dropLease, type LeasePlace, lookAtHost, takeLease } from '../../src/core/resources/lease.ts';
import { systemClock } from '../../src/system/clock.ts';
import { failureOf, valueOf } from '../support/results.ts';
import { temporaryFolder } from '../unit/persistence/support.ts';

const NEVER = new AbortController().signal;

function machine(owned: Amounts, name = 'box'): LeasePlace & { readonly folder: string } {
  const folder = temporaryFolder();
  const host = createLocalHost({ project: folder, environment: inheritedEnvironment(process.env, []) });
  return { host: { ...host, name }, folder: path.join(folder, 'leases'), workdir: '.', owned };
}

function take(place: LeasePlace, id: string, asked: Amounts, signal = NEVER) {
  return takeLease(place, { id, runId: `run-of-${id}`, by: 'a user@box', asked }, signal).then(valueOf);
}

/** As an owner that died long ago leaves it. */
function expire(place: LeasePlace, id: string): void {
  const file = path.join(place.folder, `${id}.lease`);
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/^\d+/, '1000'));
}

test('of many that ask at once no more get it than there is, and each processor is given once', async () => {
  const place = machine({ gpu: 3, memory: 64e9 });
  const ids = Array.from({ length: 12 }, (_, index) => `1${index}`);
  const answers = await Promise.all(ids.map((id) => take(place, id, { gpu: 1, memory: 8e9 })));
  const held = answers.flatMap((answer) => (answer.state === 'held' ? answer.gpus : []));
  expect(held.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  const look = valueOf(await lookAtHost(place, NEVER));
  expect(look).toMatchObject({ used: { gpu: 3, memory: 24e9 }, queued: 9 });
  expect(look.holders).toHaveLength(3);
  expect(look.free_memory_bytes).toBeGreaterThan(0);
});

test('a lease is renewed by its id, given back, and the rest is what was left', async () => {
  const place = machine({ gpu: 2 });
  expect(await take(place, '1a', { gpu: 2 })).toEqual({ state: 'held', gpus: [0, 1] });
  expect(await take(place, '1a', { gpu: 2 })).toEqual({ state: 'held', gpus: [0, 1] });
  expect(await take(place, '1b', { gpu: 1 })).toMatchObject({
    state: 'full',
    lacking: 'gpu',
    holders: [{ run_id: 'run-of-1a', by: 'a_user@box' }],
  });
  valueOf(await dropLease(place, '1a'));
  expect(await take(place, '1b', { gpu: 1 })).toEqual({ state: 'held', gpus: [0] });
});

test('who waits for much is not overtaken for ever by those who ask for little', async () => {
  const place = machine({ gpu: 2, slots: 9 });
  await take(place, '1a', { gpu: 1 });
  expect(await take(place, '1big', { gpu: 2 })).toMatchObject({ state: 'full' });
  expect(await take(place, '1small', { gpu: 1 })).toEqual({ state: 'behind', before: 1 });
  // What it does not wait for is free for all.
  expect(await take(place, '1other', { slots: 1 })).toMatchObject({ state: 'held' });
  await dropLease(place, '1a');
  expect(await take(place, '1small', { gpu: 1 })).toEqual({ state: 'behind', before: 1 });
  expect(await take(place, '1big', { gpu: 2 })).toMatchObject({ state: 'held' });
  await dropLease(place, '1big');
  expect(await take(place, '1small', { gpu: 1 })).toMatchObject({ state: 'held' });
});

test('a lease that expired is free, unless a process of its run is still there', async () => {
  const place = machine({ gpu: 1 });
  await take(place, '1dead', { gpu: 1 });
  expire(place, '1dead');
  const job = spawn('sleep', ['60'], { env: { ...process.env, PIPEWRIGHT_RUN: 'run-of-1dead' } });
  const ended = once(job, 'exit');
  await once(job, 'spawn');
  expect(await take(place, '1next', { gpu: 1 })).toMatchObject({ state: 'full' });
  job.kill('SIGKILL');
  await ended;
  expect(await take(place, '1next', { gpu: 1 })).toMatchObject({ state: 'held' });
});

test('a lease that a power cut left empty is nobody’s', async () => {
  const place = machine({ gpu: 1 });
  await take(place, '1a', { gpu: 1 });
  fs.writeFileSync(path.join(place.folder, '1a.lease'), '');
  expect(await take(place, '1b', { gpu: 1 })).toMatchObject({ state: 'held' });
});

test('a folder that cannot be written is a failure that names it', async () => {
  const place = machine({ gpu: 1 });
  fs.writeFileSync(place.folder, '');
  const failure = failureOf(
    await takeLease(place, { id: '1', runId: 'r', by: 'me', asked: { gpu: 1 } }, NEVER),
  );
  expect(failure).toMatchObject({
    message: expect.stringContaining(`box: leases cannot be kept in ${place.folder}`),
  });
});

test('the host of which least is left over is taken, a busy one last', () => {
  const candidate = (name: string, gpu: number, change: object = {}) => ({
    name,
    asked: { gpu: 1 },
    leased: { gpu: 1 },
    owned: { gpu },
    look: { used: {}, holders: [], queued: 0, load_per_core: 0.1, ...change },
  });
  const hosts = [
    candidate('large', 8),
    candidate('busy', 1, { load_per_core: 3 }),
    candidate('small', 2),
    candidate('full', 1, { used: { gpu: 1 } }),
    candidate('broken', 4, { gpus: 0 }),
  ];
  expect(inOrderOfFit(hosts).map(({ name }) => name)).toEqual(['small', 'large', 'busy']);
  const tight = {
    ...candidate('a', 1, { free_memory_bytes: 2 ** 30, free_disk_bytes: 2 ** 30 }),
    asked: { memory: 2e9 },
  };
  expect(whyNoRoom(tight)).toBe('only 1 GiB of memory free');
  expect(whyNoRoom({ ...tight, asked: { disk: 2e9 } })).toBe('only 1 GiB of disk free');
  expect(whyNever({ gpu: 3 }, { gpu: 2 })).toBe('has gpu 2 in all');
  expect(whyNever({ license: 1 }, {})).toBe('counts no license');
});

test('a request waits with its reason and gets the first room; one that never fits fails at once', async () => {
  const [first, second] = [machine({ gpu: 1 }, 'one'), machine({ gpu: 1 }, 'two')];
  const places = [first, second];
  for (const place of places) await take(place, '1old', { gpu: 1 });
  const request = (asks: Amounts) => ({
    places,
    asks,
    claim: { id: '2new', runId: 'run-of-2new', by: 'me' },
    clock: systemClock,
    onWait: (reason: string) => {
      reasons.push(reason);
      void dropLease(second, '1old');
    },
  });
  const reasons: string[] = [];
  const room = valueOf(await findRoom(request({ gpu: 1 }), NEVER));
  expect(room.place.host.name).toBe('two');
  expect(reasons[0]).toMatch(/^one: gpu is in use by run run-of-1old of a_user@box; two: gpu/);
  // Its place in the queue of the other one is given back.
  expect(valueOf(await lookAtHost(first, NEVER))).toMatchObject({ queued: 0 });
  expect(failureOf(await findRoom(request({ gpu: 2 }), NEVER))).toMatchObject({
    message: 'no host can ever take it: one has gpu 1 in all, two has gpu 1 in all',
    retryable: false,
  });
});
