import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { Usage } from '../../core/events.ts';
import type { Failure } from '../../core/failure.ts';
import { FAILURE_TRAITS } from '../../core/failure.ts';
import type { Command, CommandOutcome, CommandOutput } from '../../core/ports.ts';
import { type Captured } from './capture.ts';
import type { LimitGroup } from './limits.ts';
import { readText } from './processes.ts';
import { exitFailure, type ExitRecord, parseClaim, parseExitRecord, type StepFiles } from './records.ts';
import { NOT_CLAIMED } from './shim.ts';
import { FILTER_ENDED } from './spawn.ts';

/** How a shim ended, as the system told its parent. */
export interface ShimExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It was in a lane, and there it did not even begin, or it has. */
  readonly inLane?: 'refused' | 'unrecorded' | 'begun';
  /** Where it was read already. */
  readonly record?: ExitRecord | undefined;
}

/** Everything that is known about a step that has ended. */
export interface EndedStep {
  readonly command: Command;
  readonly output: CommandOutput;
  readonly files: StepFiles;
  readonly limits: LimitGroup;
  readonly pid: number;
  /** Unknown for a step that ended while nobody watched, or that waits for its filter. */
  readonly exit?: ShimExit | undefined;
  /** It was stopped for this reason. */
  readonly stopped?: Failure | undefined;
  /** System error codes of output that could not be written; `ENDED` when the filter died. */
  readonly lostOutput: readonly string[];
  readonly peakBytes?: number | undefined;
  readonly captured?: Captured | undefined;
}

export function outcomeOf(step: EndedStep): CommandOutcome {
  // Whatever is on disk then belongs to whoever ran this try.
  if (isNotClaimed(step)) return { failure: claimFailure(step) };
  const record = step.exit?.record ?? parseExitRecord(readText(step.files.exit) ?? '');
  const exitCode = exitCodeOf(record, step.exit);
  const failure = step.stopped ?? failureOf(step, record, exitCode);
  const usage = usageOf(step, record, failure);
  return {
    ...(failure && { failure }),
    ...(exitCode !== undefined && { exitCode }),
    ...(usage && { usage }),
    ...step.captured,
  };
}

function exitCodeOf(record: ExitRecord | undefined, exit: ShimExit | undefined): number | undefined {
  return record?.type === 'exited' ? record.exitCode : (exit?.code ?? undefined);
}

function failureOf(
  step: EndedStep,
  record: ExitRecord | undefined,
  exitCode: number | undefined,
): Failure | undefined {
  if (record?.type === 'limit-unavailable') return { reason: 'limit-unavailable', detail: NOT_JOINED };
  if (record?.type === 'log-unavailable') {
    return {
      reason: 'state-unwritable',
      path: step.output.logFile,
      detail: 'it is gone or cannot be opened',
    };
  }
  if (exitCode === 0) return outputFailure(step);
  // Without a record the code may still be known: a full disk takes none.
  return memoryFailure(step) ?? fullDiskFailure(step, exitCode) ?? endFailure(step.exit, exitCode);
}

function memoryFailure({ command, limits }: EndedStep): Failure | undefined {
  const limitBytes = command.limits?.memory_bytes;
  if (limitBytes === undefined || limits.memoryKills() === 0) return undefined;
  return { reason: 'memory-limit', limit_bytes: limitBytes };
}

/** Programs that cannot write their output fail with codes of their own: then the disk is to blame. */
function fullDiskFailure(
  { output: { logFile } }: EndedStep,
  exitCode: number | undefined,
): Failure | undefined {
  if (freeBytes(logFile) >= FULL_BELOW_BYTES) return undefined;
  const end = exitCode === undefined ? '' : ` (it ended with exit code ${exitCode})`;
  return {
    reason: 'state-unwritable',
    path: logFile,
    detail: `disk full: the step could not write its output to the end${end}; free some space, then continue`,
  };
}

/** A file system keeps some blocks to itself before it says ENOSPC. */
const FULL_BELOW_BYTES = 64 * 1024;

function freeBytes(file: string): number {
  try {
    const { bavail, bfree, bsize } = fs.statfsSync(path.dirname(file));
    // The reserve is there for root alone.
    return bsize * (process.getuid?.() === 0 ? bfree : bavail);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function endFailure(exit: ShimExit | undefined, exitCode: number | undefined): Failure {
  if (exitCode !== undefined) return exitFailure(exitCode);
  if (exit?.signal) return { reason: 'signal', signal: exit.signal };
  return { reason: 'interrupted', detail: 'it ended without an exit record' };
}

function outputFailure({ lostOutput, output }: EndedStep): Failure | undefined {
  const [code] = lostOutput;
  if (code === undefined) return undefined;
  const detail = code === FILTER_ENDED ? 'the program that masks secrets in the output was killed' : code;
  return { reason: 'state-unwritable', path: output.logFile, detail };
}

const NOT_JOINED =
  'the control group for this step was made, but this user may not move a process into it, or the limit is below what a shell needs';

function isNotClaimed({ exit, files, pid }: EndedStep): boolean {
  if (exit?.inLane) return exit.inLane !== 'begun';
  return exit?.code === NOT_CLAIMED && !isClaimedBy(files, pid);
}

function isClaimedBy(files: StepFiles, pid: number): boolean {
  const claim = parseClaim(readText(files.claim) ?? '');
  return typeof claim === 'object' && claim.pid === pid;
}

function claimFailure({ exit, files: { claim } }: EndedStep): Failure {
  // A full disk takes the file's name and not its one line.
  const isFull = exit?.inLane ? exit.inLane === 'unrecorded' : (readText(claim) ?? '') === '';
  if (isFull) {
    return { reason: 'state-unwritable', path: claim, detail: 'no space left for the claim of the step' };
  }
  return CLAIMED_BEFORE;
}

export const CLAIMED_BEFORE: Failure = {
  reason: 'interrupted',
  detail: 'this try was claimed before: another process ran it or called it off',
};

function usageOf(
  { peakBytes, limits }: EndedStep,
  record: ExitRecord | undefined,
  failure: Failure | undefined,
): Usage | undefined {
  const groupPeak = failure?.reason === 'memory-limit' ? limits.peakBytes() : undefined;
  const peak = groupPeak ?? peakBytes ?? limits.peakBytes();
  if (record?.type !== 'exited' && peak === undefined) return undefined;
  return {
    ...(record?.type === 'exited' && record.usage),
    ...(peak !== undefined && { peak_memory_bytes: peak }),
  };
}

/** Why a step was stopped: the failure that the signal carries, or a cancellation by whoever aborted it. */
export function stopFailure(reason: unknown): Failure {
  if (isFailure(reason)) return reason;
  return { reason: 'cancelled', by: causeOf(reason) };
}

function isFailure(value: unknown): value is Failure {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Error) &&
    'reason' in value &&
    typeof value.reason === 'string' &&
    Object.hasOwn(FAILURE_TRAITS, value.reason)
  );
}

function causeOf(reason: unknown): string {
  if (typeof reason === 'string') return reason;
  if (
    typeof reason === 'object' &&
    reason !== null &&
    'cause' in reason &&
    typeof reason.cause === 'string'
  ) {
    return reason.cause;
  }
  return reason instanceof Error && reason.name !== 'AbortError' ? reason.message : 'signal';
}
