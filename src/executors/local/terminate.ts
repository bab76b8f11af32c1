import { setTimeout as delay } from 'node:timers/promises';
import { isFilter } from './filter-file.ts';
import { hasGroup, membersOf, send, withEnvironment } from './processes.ts';

/** The processes of one step: its group, and what left it but still has the step's environment. */
export interface StepProcesses {
  readonly leader: number;
  /** `NAME=value` entries that mark the step's processes. */
  readonly cookie: readonly string[];
}

/** A process that KILL does not end hangs in the kernel; waiting longer would hang us too. */
const KILL_WAIT_MS = 5000;
/** For the filter to write what the killed processes had printed. */
const DRAIN_MS = 1000;

/** TERM, after `graceMs` KILL; resolves when all are gone. */
export async function terminate(step: StepProcesses, graceMs: number): Promise<void> {
  signalAll(step, 'SIGTERM');
  if (await isGoneWithin(step, graceMs)) return;
  // The filter ends by itself at the end of its input.
  for (const pid of everyProcess(step)) if (!isFilter(pid)) send(pid, 'SIGKILL');
  if (await isGoneWithin(step, DRAIN_MS)) return;
  signalAll(step, 'SIGKILL');
  await isGoneWithin(step, KILL_WAIT_MS);
}

function signalAll({ leader, cookie }: StepProcesses, signal: 'SIGTERM' | 'SIGKILL'): void {
  send(-leader, signal);
  // A stopped process takes TERM only once it goes on.
  send(-leader, 'SIGCONT');
  for (const pid of withEnvironment(cookie)) send(pid, signal);
}

async function isGoneWithin(step: StepProcesses, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (let waitMs = 5; ; waitMs = Math.min(waitMs * 2, 100)) {
    if (!hasGroup(step.leader) && withEnvironment(step.cookie).length === 0) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await delay(Math.min(waitMs, leftMs));
  }
}

function everyProcess({ leader, cookie }: StepProcesses): ReadonlySet<number> {
  return new Set([...membersOf(leader), ...withEnvironment(cookie)]);
}
