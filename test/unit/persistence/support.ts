import { plainPipeline, runCreated } from '../../support/definitions.ts';
import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { valueOf as value } from '../../support/results.ts';
import type { RunCreated, RunEvent } from '../../../src/core/events.ts';
import type { Clock, Identity, RunHandle } from '../../../src/core/ports.ts';
import type { RunRecord, RunSummary } from '../../../src/core/run-index.ts';
import { createRunStore } from '../../../src/persistence/run-store.ts';

const clock: Clock = {
  now: () => new Date().toISOString(),
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: () => Promise.resolve(true),
};

const identity: Identity = { user: 'ann', host: os.hostname(), pid: process.pid };

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pipewright-state-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function openStore(stateDir: string) {
  return createRunStore({ stateDir, identity, clock });
}

export { value };

export const RUN = '20260206-160000-a1b2c3d';

/** A small event; `by` makes its record as long as wanted. */
export function event(runId: string, seq: number, by = 'ann'): RunEvent {
  return { type: 'cancel.requested', seq, at: '2026-02-06T16:00:00+09:00', run_id: runId, by };
}

export function events(runId: string, count: number, from = 0): readonly RunEvent[] {
  return Array.from({ length: count }, (_, index) => event(runId, from + index));
}

export function created(runId: string, at = '2026-02-06T16:00:00+09:00'): RunCreated {
  return {
    ...runCreated(plainPipeline('release', []), { environment: 'prod', by: 'ann@box' }),
    seq: 0,
    at,
    run_id: runId,
  };
}

export function finished(runId: string, seq: number, status: 'success' | 'failed' = 'success'): RunEvent {
  return {
    type: 'run.finished',
    seq,
    at: '2026-02-06T16:05:30+09:00',
    run_id: runId,
    status,
    duration_ms: 1,
    exit_code: status === 'success' ? 0 : 1,
  };
}

function summary(runId: string, more: Partial<RunSummary> = {}): RunSummary {
  return {
    pipeline_id: runId,
    pipeline: 'release',
    environment: 'prod',
    status: 'success',
    trigger: 'manual',
    started_at: '2026-02-06T16:00:00+09:00',
    stages: [],
    decisions: [],
    ...more,
  };
}

export function started(runId: string, at = '2026-02-06T16:00:00+09:00'): RunRecord {
  return {
    type: 'run.started',
    run_id: runId,
    pipeline: 'release',
    environment: 'prod',
    trigger: 'manual',
    at,
    stages: ['unit'],
  };
}

export function ended(runId: string, more: Partial<RunSummary> = {}): RunRecord {
  return {
    type: 'run.ended',
    run_id: runId,
    at: '2026-02-06T16:05:30+09:00',
    summary: summary(runId, more),
    max_consecutive_failures: 3,
  };
}

/** A run on disk with `count` events, nobody owning it. */
export async function storedRun(stateDir: string, count: number, runId = RUN): Promise<string> {
  const handle = value(await openStore(stateDir).create(runId));
  await handle.journal.append(events(runId, count));
  await handle.release();
  return handle.folder;
}

/** Plants the claim of a process that no longer lives. */
export function plantDeadOwner(folder: string, epoch: number): void {
  const boot = fs.existsSync('/proc/sys/kernel/random/boot_id')
    ? fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    : '';
  const namespace = fs.existsSync('/proc/self/ns/pid') ? fs.readlinkSync('/proc/self/ns/pid') : '';
  const record = { pid: process.pid, start: '1', boot, namespace, host: os.hostname(), user: 'x', at: '' };
  fs.writeFileSync(path.join(folder, `owner.${epoch}`), JSON.stringify(record));
}

export function segmentsOf(handle: Pick<RunHandle, 'folder'>): readonly string[] {
  const folder = path.join(handle.folder, 'journal');
  return fs
    .readdirSync(folder)
    .toSorted()
    .map((name) => path.join(folder, name));
}

/** The pinned node: it runs the children's TypeScript as it is. */
const pinned = path.resolve('node_modules/node/bin/node');
export const PINNED = fs.existsSync(pinned) ? pinned : process.execPath;

/** Starts `children/<name>.ts`; killed at the end of the test at the latest. */
export function startChild(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const child = fork(path.join(import.meta.dirname, 'children', `${name}.ts`), args, {
    execPath: PINNED,
    execArgv: [],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** Messages of a child until it ends; `onMessage` sees each as it comes. */
export function messagesOf(
  child: ChildProcess,
  onMessage: (message: unknown) => void = () => {},
): Promise<readonly unknown[]> {
  return new Promise((resolve) => {
    const messages: unknown[] = [];
    child.on('message', (message) => {
      messages.push(message);
      onMessage(message);
    });
    child.on('close', () => resolve(messages));
  });
}
