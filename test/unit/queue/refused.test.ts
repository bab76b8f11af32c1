import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Executor } from '../../../src/core/ports.ts';
import type { JobBroker } from '../../../src/core/queue/broker.ts';
import { packText, type StepJob, stepKey } from '../../../src/core/queue/messages.ts';
import { createEmbeddedBroker } from '../../../src/queue/embedded.ts';
import { createSealer } from '../../../src/queue/sealer.ts';
import { embeddedOptions, queueExecutor, SECRET } from '../../support/queue-rig.ts';

const sealer = createSealer(SECRET);
let folder = '';
let broker: JobBroker;
let executor: Executor;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'pipewright-refused-'));
  mkdirSync(path.join(folder, 'logs'));
  broker = createEmbeddedBroker({ ...embeddedOptions, backoffMs: 5 });
  const run = { runId: 'run', folder, graceMs: 200 };
  executor = await queueExecutor(run, { broker, sealer, options: embeddedOptions });
});

afterEach(async () => {
  await executor.close();
  rmSync(folder, { recursive: true });
});

const mark = (): string => path.join(folder, 'ran');

function job(token: string, change: Partial<StepJob> = {}): StepJob {
  const now = Date.now();
  return {
    version: 1,
    id: stepKey('run', token, 1),
    op: 'run',
    run_id: 'run',
    token,
    send: 1,
    tree: 'here',
    script: `touch ${mark()}`,
    env: {},
    workdir: folder,
    secrets: [],
    finish_ms: 0,
    hidden: [],
    issued_at_ms: now,
    expires_at_ms: now + 60_000,
    ...change,
  };
}

/** Puts it in as somebody who can write to the queue; why it was refused, once it is. */
async function refusal(id: string, data: string): Promise<string | undefined> {
  await broker.add('test-execution', { id, data });
  await expect.poll(async () => stateOf(id), { timeout: 10_000 }).toMatch(/failed|completed/);
  const facts = await broker.facts('test-execution', id);
  return facts.ok ? facts.value.reason : undefined;
}

async function stateOf(id: string): Promise<string> {
  const facts = await broker.facts('test-execution', id);
  return facts.ok ? facts.value.state : '';
}

test('a job that is not signed, was changed or was signed by another secret runs nothing and is counted', async () => {
  const good = job('step@1-1');
  expect(await refusal('a', JSON.stringify(good))).toBe('refused: it is not signed');
  const sealed = packText(sealer, 'job', good);
  const changed = `${sealed.slice(0, 60)}${sealed[60] === 'A' ? 'B' : 'A'}${sealed.slice(61)}`;
  expect(await refusal('b', changed)).toContain('its signature is wrong');
  const foreign = packText(createSealer('another secret, as long as ours'), 'job', good);
  expect(await refusal('c', foreign)).toContain('its signature is wrong');
  // Signed, but about something else.
  expect(await refusal('d', packText(sealer, `claim/${good.id}`, good))).toContain('its signature is wrong');
  const refused = await broker.refused();
  expect(refused).toMatchObject({ value: { unsigned: 1, forged: 3 } });
  expect(existsSync(mark())).toBe(false);
});

test('a copy of a job, a job that waited for too long and one that has run are refused', async () => {
  const good = job('step@1-2');
  expect(await refusal('another-id', packText(sealer, 'job', good))).toContain('copy of another job');
  const old = job('step@1-3', { expires_at_ms: Date.now() - 1 });
  expect(await refusal(old.id, packText(sealer, 'job', old))).toContain('waited for longer');
  const early = job('step@1-4', { issued_at_ms: Date.now() + 3_600_000 });
  expect(await refusal(early.id, packText(sealer, 'job', early))).toContain('clocks');
  expect(existsSync(mark())).toBe(false);

  expect(await refusal(good.id, packText(sealer, 'job', good))).toBeUndefined();
  expect(existsSync(mark())).toBe(true);
  rmSync(mark());
  await broker.remove('test-execution', good.id);
  expect(await refusal(good.id, packText(sealer, 'job', good))).toContain('has ended before');
  expect(existsSync(mark())).toBe(false);
  expect(await broker.refused()).toMatchObject({ value: { replayed: 2, expired: 2 } });
});

test('what is sealed shows neither the command nor its values, and never looks the same twice', () => {
  const text = Buffer.from('echo hunter2-hunter2');
  const [one, two] = [sealer.seal('job', text), sealer.seal('job', text)];
  expect(Buffer.from(one).includes('hunter2')).toBe(false);
  expect(Buffer.from(one).equals(Buffer.from(two))).toBe(false);
  expect(sealer.open('job', one)).toEqual({ ok: true, value: text });
});
