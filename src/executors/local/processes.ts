import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { hasCode } from '../../core/error-code.ts';
import { type ProcessIdentity, startTimeOf } from './records.ts';

/** Facts about processes, from /proc; without it only what `ps` and `kill` tell. */
export interface ProcessFacts {
  readonly pid: number;
  /** `Z` is a process that has ended and was not collected. */
  readonly state: string;
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
}

const HAS_PROC = process.platform === 'linux';

export const BOOT_ID = readText('/proc/sys/kernel/random/boot_id')?.trim() || '-';

/**
 * Held back for looking at processes: when steps have all other descriptors, a process that cannot be read must
 * not count as gone.
 */
let spare = openSpare();

function openSpare(): number | undefined {
  try {
    return openSync('/dev/null', 'r');
  } catch {
    return undefined;
  }
}

function withSpare<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (spare === undefined || !hasCode(error, 'EMFILE')) throw error;
    closeSync(spare);
    try {
      return read();
    } finally {
      spare = openSpare();
    }
  }
}

export function readText(file: string): string | undefined {
  try {
    return withSpare(() => readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

export function factsOf(pid: number): ProcessFacts | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name may hold anything, also `) `: the last one counts.
  const rest = text.slice(text.lastIndexOf(')') + 2);
  const [state = '', , group, session] = rest.split(' ', 4);
  return { pid, state, group: Number(group), session: Number(session), startTime: startTimeOf(rest) ?? '' };
}

export function allPids(): readonly number[] {
  if (!HAS_PROC) return [];
  return withSpare(() => readdirSync('/proc'))
    .map(Number)
    .filter(Number.isInteger);
}

/** Whether this very process still runs, not another one with its number. */
export function isAlive({ bootId, pid, startTime }: ProcessIdentity): boolean {
  if (bootId !== BOOT_ID) return false;
  if (HAS_PROC) {
    const facts = factsOf(pid);
    return facts !== undefined && facts.startTime === startTime && facts.state !== 'Z';
  }
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() === startTime
    );
  } catch {
    return false;
  }
}

/** Living processes of the group, and of the session that its leader began. */
export function membersOf(leader: number): readonly number[] {
  return allPids().filter((pid) => {
    const facts = factsOf(pid);
    return facts && facts.state !== 'Z' && (facts.group === leader || facts.session === leader);
  });
}

export function hasGroup(leader: number): boolean {
  if (!send(-leader, 0)) return false;
  // A zombie still counts for kill(2), and without an init that collects it, for ever.
  return !HAS_PROC || membersOf(leader).length > 0;
}

/** Living processes whose environment holds all of `entries` (`NAME=value`), except this one. Costs about 0.1 ms per process. */
export function withEnvironment(entries: readonly string[]): readonly number[] {
  return allPids().filter((pid) => {
    if (pid === process.pid) return false;
    const environment = readText(`/proc/${pid}/environ`);
    if (!environment) return false;
    const lines = environment.split('\0');
    return entries.every((entry) => lines.includes(entry)) && factsOf(pid)?.state !== 'Z';
  });
}

/** Whether its environment names another step; false for one that names none, as a part of a lane does. */
export function isOfOtherStep(pid: number, token: string): boolean {
  const [, other] = /(?:^|\0)PIPEWRIGHT_STEP=([^\0]*)/.exec(readText(`/proc/${pid}/environ`) ?? '') ?? [];
  return other !== undefined && other !== token;
}

export function argumentsOf(pid: number): readonly string[] {
  return (readText(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, -1);
}

/** Negative: a process group. False when there is no such process, or it is not ours. */
export function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
