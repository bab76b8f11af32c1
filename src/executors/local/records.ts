import { constants } from 'node:os';
import path from 'node:path';
import type { Usage } from '../../core/events.ts';
import type { Failure } from '../../core/failure.ts';

/** Files of one try of a step, in `<run>/steps`. */
export interface StepFiles {
  readonly token: string;
  /** Created first, by whoever decides: the step as it begins, or who makes sure that it never does. */
  readonly claim: string;
  /** How it ended; written by the step's own shell. */
  readonly exit: string;
  /** Captured standard output. */
  readonly out: string;
  /** The script, where it is too long for an argument. */
  readonly script: string;
}

/** What a claim says that is no process: the try was called off before it began. */
export const CALLED_OFF = 'cancelled';
/** What an exit record says of a step that was killed because nobody watched it any more. */
export const ORPHAN_KILLED = 'orphan-killed';
/** What a lane says of a try that it did not run: called off, or the run has another owner. */
export const REFUSED = 'refused';
export const LIMIT_UNAVAILABLE = 'limit-unavailable';
/** What the exit record of a lane says when the log that we had made was gone: the script did not run. */
export const LOG_UNAVAILABLE = 'log-unavailable';

export function stepFiles(folder: string, token: string): StepFiles {
  const base = path.join(folder, token);
  return { token, claim: `${base}.claim`, exit: `${base}.exit`, out: `${base}.out`, script: `${base}.sh` };
}

/** Names of files begin with it, and it stands in the environment of processes. */
export function isStepToken(text: string): boolean {
  return /^[\w.@-]{1,200}$/.test(text);
}

/** A process, told apart from a later one with the same number. */
export interface ProcessIdentity {
  readonly bootId: string;
  readonly pid: number;
  /** As the system prints it: clock ticks since boot, or a date. */
  readonly startTime: string;
}

/** Undefined while it is not (completely) written. */
export function parseClaim(text: string): ProcessIdentity | typeof CALLED_OFF | undefined {
  if (!text.endsWith('\n')) return undefined;
  const line = text.trimEnd();
  if (line === CALLED_OFF) return CALLED_OFF;
  const [, bootId = '', pid = '', rest = ''] = /^(\S+) (\d+) \(.*\) (.+)$/.exec(line) ?? [];
  const startTime = startTimeOf(rest);
  return startTime === undefined ? undefined : { bootId, pid: Number(pid), startTime };
}

/** From the part of /proc/<pid>/stat after the name, or `- <date>` where there is no /proc. */
export function startTimeOf(rest: string): string | undefined {
  return rest.startsWith('- ') ? rest.slice(2).trim() : rest.split(' ')[19];
}

export type ExitRecord =
  | { readonly type: 'exited'; readonly exitCode: number; readonly usage: Usage }
  | { readonly type: 'orphan-killed' }
  | { readonly type: 'limit-unavailable' }
  | { readonly type: 'refused' }
  | { readonly type: 'log-unavailable' };

/** Undefined when the step left none, or a torn one. */
export function parseExitRecord(text: string): ExitRecord | undefined {
  const [first = '', , children = ''] = text.split('\n');
  if (!text.includes('\n')) return undefined;
  if (first === ORPHAN_KILLED || first === LIMIT_UNAVAILABLE || first === REFUSED) return { type: first };
  if (first.startsWith(LOG_UNAVAILABLE)) return { type: LOG_UNAVAILABLE };
  const [, code, userMs = '0', systemMs = '0'] = EXITED.exec(first) ?? [];
  if (code === undefined) return undefined;
  return {
    type: 'exited',
    exitCode: Number(code),
    usage: cpuOf(children, [Number(userMs), Number(systemMs)]),
  };
}

/** A lane adds the CPU time that its earlier jobs took, in milliseconds. */
const EXITED = /^exit (\d+)(?: (\d+) (\d+))?$/;

/** The second line of the shell's `times`: user and system time of all children, `0m0.01s 1m2.50s`. */
function cpuOf(children: string, [userBefore, systemBefore]: readonly [number, number]): Usage {
  const [user, system] = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(([, minutes, seconds]) =>
    Math.round((Number(minutes) * 60 + Number(seconds)) * 1000),
  );
  if (user === undefined || system === undefined) return {};
  return { cpu_user_ms: Math.max(0, user - userBefore), cpu_system_ms: Math.max(0, system - systemBefore) };
}

/** What an exit code other than 0 says by the conventions of the shell. */
export function exitFailure(exitCode: number): Failure {
  if (exitCode === 127) return { reason: 'command-not-found' };
  if (exitCode === 126) return { reason: 'command-not-executable' };
  const signal = exitCode > 128 ? signalName(exitCode - 128) : undefined;
  return signal ? { reason: 'signal', signal } : { reason: 'exit-non-zero', exit_code: exitCode };
}

function signalName(number: number): string | undefined {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
}
