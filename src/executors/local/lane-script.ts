import { isVariableName, shellQuote } from '../../core/shell-quote.ts';
import { BEGIN } from './lane-records.ts';
import { LOG_UNAVAILABLE, REFUSED } from './records.ts';

/**
 * The shell text of a lane: one `/bin/sh -s` that runs jobs one after another, each in a subshell, so that
 * a short step costs the fork of a small process. What it reads are lines of ours, in which everything
 * that is not ours is one quoted word. It has no variables of its own: nothing to hide from a script.
 */
export const LANE_ARGUMENTS = ['-s', 'pipewright-lane'] as const;

/**
 * First line. Signals to the whole group end the script and leave the lane, as with the shim (`:` and not
 * `''`: a script must not inherit ignored signals).
 */
export const LANE_START = 'set --; trap : TERM INT HUP QUIT USR1 USR2 ALRM\n';

/** What a lane reports instead of an exit code: nothing ran, because that it begins could not be recorded: the disk is full. */
export const UNRECORDED = 'unrecorded';

export interface LaneJob {
  readonly script: string;
  /** Set for this job, on top of what the lane inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly token: string;
  /** Its claim: who wants to be sure that the try never runs creates it. */
  readonly claim: string;
  /** Whoever takes the run over from us creates it before anything else. */
  readonly successor: string;
  readonly logFile: string;
}

/** CPU time that earlier jobs of the lane took. */
export interface LaneTimes {
  readonly userMs: number;
  readonly systemMs: number;
}

/**
 * One job as one command: begin record, script, exit record, report. Without its last word it is none: a
 * lane that reads only a part of it, because its writer was killed, runs no part. Descriptor 3 is the
 * lane's own file; see lane-records.ts. First the record, then the look at whether it was called off: who
 * calls a try off does it the other way round, so that one of the two sees the other.
 */
export function jobText(job: LaneJob, { userMs, systemMs }: LaneTimes): string {
  const log = shellQuote(job.logFile);
  // Not `&&`: inside a list that somebody looks at, `set -e` has no effect.
  return `if ! echo ${BEGIN} ${job.token} >&3; then echo ${UNRECORDED}; elif [ -e ${shellQuote(job.claim)} ] || [ -e ${shellQuote(job.successor)} ]; then echo ${REFUSED} >&3; echo ${REFUSED}; else { (
${exportText(job.environment)}eval ${shellQuote(job.script)}
) </dev/null >&2 3>&-; set -- $?; } 2>>${log}; { echo "\${1+exit }\${1-${LOG_UNAVAILABLE}} ${userMs} ${systemMs}"; times; } >&3; echo "\${1-1}"; set --; fi
`;
}

function exportText(environment: LaneJob['environment']): string {
  const words = Object.entries(environment).map(([name, value]) => `${name}=${shellQuote(value)}`);
  return words.length === 0 ? '' : `export ${words.join(' ')}; `;
}

/** A lane reads a line in one piece only while it fits into the pipe with room to spare. */
const MAX_JOB_BYTES = 16 * 1024;

/** Whether a lane may run it: a shell of its own could not tell the difference. What is in doubt may not. */
export function isLaneJob(job: LaneJob): boolean {
  const { script, environment } = job;
  const text = script.replaceAll(HARMLESS_AMPERSAND, '');
  if (UNSUITABLE.test(text) || SOURCING.test(text)) return false;
  let size = script.length;
  for (const [name, value] of Object.entries(environment)) {
    if (!isVariableName(name) || OF_THE_SHELL.test(name) || value.includes('\0')) return false;
    size += name.length + value.length;
  }
  // Before quoting, and in UTF-16 units: the exact size is counted only where it could matter.
  return size < MAX_JOB_BYTES / 8 || Buffer.byteLength(jobText(job, NO_TIMES)) < MAX_JOB_BYTES;
}

const NO_TIMES: LaneTimes = { userMs: 0, systemMs: 0 };

const HARMLESS_AMPERSAND = /&&|[<>]&/g;
/** Background processes, the shell's own number and state, what reads or replaces shells, signals, limits. */
const UNSUITABLE =
  /[&\0]|\$[$!-]|\$\{[$!-]|\b(PPID|LINENO|SECONDS|RANDOM|SRANDOM|SHLVL|BASH\w*|eval|source|exec|trap|wait|jobs|fg|bg|disown|ulimit|umask|nohup|setsid|coproc|kill|suspend)\b|\bset\s+[-+](\w*[bm]|o\s*(monitor|notify))/;
/** `.` where a command begins. */
const SOURCING = /(^|[;|({`!\n]|\b(then|do|else|elif|if|while|until|command|builtin)\s|\w=\S*\s)[ \t]*\.\s/;

/** Variables that a shell treats otherwise when they are assigned than when it inherits them. */
const OF_THE_SHELL =
  /^(_|IFS|OPT(IND|ARG|ERR)|PPID|PWD|OLDPWD|PS\d|ENV|E?UID|LINENO|SECONDS|RANDOM|SRANDOM|SHLVL|SHELLOPTS|BASH.*|POSIXLY_CORRECT|GROUPS|FUNCNAME|DIRSTACK|PIPESTATUS|HIST.*|LD_.*)$/;

/** By the arguments of a process: a lane, or a part of its script that runs in the same shell. */
export function isLane(args: readonly string[]): boolean {
  return args[1] === LANE_ARGUMENTS[0] && args[2] === LANE_ARGUMENTS[1];
}
