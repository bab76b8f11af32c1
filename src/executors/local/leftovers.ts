import { setTimeout as delay } from 'node:timers/promises';
import { argumentsOf, factsOf, send, withEnvironment } from './processes.ts';
import { isLane } from './lane-script.ts';
import { isShim, scriptOf } from './shim.ts';

const POLL_MS = 20;
const KILL_ROUNDS = 5;
const KILL_WAIT_MS = 500;

/** TERM, after `graceMs` KILL, until no process carries the cookie; returns their command lines. */
export async function stopAll(cookie: readonly string[], graceMs: number): Promise<readonly string[]> {
  const found = new Map<number, string>();
  const look = (): readonly number[] => {
    const pids = withEnvironment(cookie);
    for (const pid of pids) if (!found.has(pid) && !isWaitingShim(pid)) found.set(pid, describe(pid));
    return pids;
  };
  let pids = look();
  if (pids.length === 0) return [];
  for (const pid of pids) send(pid, 'SIGTERM');
  pids = await waitUntilNone(look, graceMs);
  // Again and again: one that forks all the time may be missed once.
  for (let round = 0; round < KILL_ROUNDS && pids.length > 0; round += 1) {
    for (const pid of pids) send(pid, 'SIGKILL');
    pids = await waitUntilNone(look, KILL_WAIT_MS);
  }
  return [...found.values()];
}

async function waitUntilNone(look: () => readonly number[], limitMs: number): Promise<readonly number[]> {
  const deadline = performance.now() + limitMs;
  let pids = look();
  while (pids.length > 0 && performance.now() < deadline) {
    await delay(POLL_MS);
    pids = look();
  }
  return pids;
}

/** Ours, not the user's: it ends as soon as the process that holds its filter's pipe, or feeds it, does. */
function isWaitingShim(pid: number): boolean {
  const args = argumentsOf(pid);
  return (isShim(args) || isLane(args)) && factsOf(pid)?.session === pid;
}

function describe(pid: number): string {
  const args = argumentsOf(pid);
  return `${pid} ${isShim(args) ? `sh -c ${scriptOf(args)}` : args.join(' ')}`;
}
