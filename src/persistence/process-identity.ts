import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { hasCode } from '../core/error-code.ts';

/** A process, told apart from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the system's own unit. */
  readonly start: string;
  /** Changes at each boot; empty where the system does not tell. */
  readonly boot: string;
  /** The namespace in which `pid` has a meaning; empty where there are none. */
  readonly namespace: string;
}

let own: ProcessIdentity | undefined;

/** This process. */
export function thisProcess(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    start: startTime(process.pid) ?? '',
    boot: quietly(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? '',
    namespace: quietly(() => fs.readlinkSync('/proc/self/ns/pid')) ?? '',
  };
  return own;
}

/**
 * Whether the process still lives; undefined when that cannot be told from here: it belongs to
 * another machine, boot or container. A process number alone is not trusted, it may be in use again.
 */
export function isAlive(other: ProcessIdentity): boolean | undefined {
  const self = thisProcess();
  if (other.boot !== self.boot || other.namespace !== self.namespace) return undefined;
  const start = startTime(other.pid);
  if (start !== undefined) return start === other.start;
  // No entry to read: gone, or hidden from us.
  try {
    process.kill(other.pid, 0);
    return process.platform !== 'linux';
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

/** Undefined when there is no such process, or only its unreaped remains. */
function startTime(pid: number): string | undefined {
  return process.platform === 'linux' ? linuxStartTime(pid) : otherStartTime(pid);
}

/** Field 22 of `/proc/<pid>/stat`: clock ticks since boot. Source: proc_pid_stat(5). */
function linuxStartTime(pid: number): string | undefined {
  const text = quietly(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (text === undefined) return undefined;
  // The command's name, in parentheses, may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return state === 'Z' || state === 'X' ? undefined : fields[19];
}

function otherStartTime(pid: number): string | undefined {
  return quietly(() =>
    execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim(),
  );
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
