import { setTimeout as delay } from 'node:timers/promises';
import { isFilter } from './filter-file.ts';
import { hasGroup, isOfOtherStep, membersOf, send, withEnvironment } from './processes.ts';

/** The processes of one step: its group, and what left it but still has the step's environment. */
interface StepProcesses {
  readonly leader: number;
  /** `NAME=value` entries that mark the step's processes. */
  readonly cookie: readonly string[];
  /** The leader is a lane that runs this step: what an earlier step left in its group is spared. */
  readonly ofLane?: string | undefined;
}

/** Of the step whose processes `leader` leads. */
export function processesOf(
  { runId, token }: { readonly runId: string; readonly token: string },
  leader: number,
  isOfLane: boolean,
): StepProcesses {
  const cookie = [`PIPEWRIGHT_RUN=${runId}`, `PIPEWRIGHT_STEP=${token}`];
  return { leader, cookie, ...(isOfLane && { ofLane: token }) };
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

function signalAll(step: StepProcesses, signal: 'SIGTERM' | 'SIGKILL'): void {
  for (const pid of targetsOf(step)) {
    send(pid, signal);
    // A stopped process takes TERM only once it goes on.
    send(pid, 'SIGCONT');
  }
  for (const pid of withEnvironment(step.cookie)) send(pid, signal);
}

/** The group at once, so that nobody escapes by forking; its members one by one only where not all are the step's. */
function targetsOf(step: StepProcesses): readonly number[] {
  const own = ownMembers(step);
  return own && own.length < membersOf(step.leader).length ? own : [-step.leader];
}

/** Undefined where the whole group is the step's. */
function ownMembers({ leader, ofLane }: StepProcesses): readonly number[] | undefined {
  return ofLane === undefined ? undefined : membersOf(leader).filter((pid) => !isOfOtherStep(pid, ofLane));
}

function isGroupGone(step: StepProcesses): boolean {
  return !hasGroup(step.leader) || ownMembers(step)?.length === 0;
}

async function isGoneWithin(step: StepProcesses, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (let waitMs = 5; ; waitMs = Math.min(waitMs * 2, 100)) {
    if (isGroupGone(step) && withEnvironment(step.cookie).length === 0) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await delay(Math.min(waitMs, leftMs));
  }
}

function everyProcess(step: StepProcesses): ReadonlySet<number> {
  return new Set([...(ownMembers(step) ?? membersOf(step.leader)), ...withEnvironment(step.cookie)]);
}
