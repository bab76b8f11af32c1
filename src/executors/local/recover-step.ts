import path from 'node:path';
import type { Command, CommandOutput, Recovered } from '../../core/ports.ts';
import { captureOf, finishCapture } from './capture.ts';
import type { Keeper } from './keeper.ts';
import { limitGroupOf, NO_LIMITS, removeLimits } from './limits.ts';
import { outcomeOf, stopFailure } from './outcome.ts';
import type { StepFiles } from './records.ts';
import { type Began, callOff, readExitRecord, waitForEnd, wasRestarted } from './recovery.ts';
import { processesOf, terminate } from './terminate.ts';

/** One try of a step. */
export interface Step {
  readonly command: Command;
  readonly output: CommandOutput;
  readonly signal: AbortSignal;
  readonly files: StepFiles;
}

/** Of the run that a step belongs to. */
interface Place {
  readonly runId: string;
  /** The folder of claims and exit records. */
  readonly steps: string;
  /** Between TERM and KILL. */
  readonly graceMs: number;
  readonly keeper: Keeper;
}

const RESTARTED = 'the machine was restarted, and with it went the proof of whether the step had begun';

/** What became of a step that another process had begun; one that still runs is waited for. */
export async function recoverStep(place: Place, step: Step): Promise<Recovered> {
  const began = await callOff(step.files);
  if (began.type === 'never-ran') {
    return wasRestarted(path.dirname(place.steps))
      ? { state: 'lost', detail: RESTARTED }
      : { state: 'never-ran' };
  }
  const { token } = step.command;
  try {
    return await adopt(place, step, began);
  } finally {
    place.keeper.remove(token);
    removeLimits(limitGroupOf(place.runId, token));
  }
}

async function adopt(
  { runId, graceMs, keeper }: Place,
  step: Step,
  began: Exclude<Began, { readonly type: 'never-ran' }>,
): Promise<Recovered> {
  const { command, files, signal } = step;
  if (began.type === 'unknown') return { state: 'lost', detail: 'its claim cannot be read' };
  const { identity, lane } = began;
  const { token } = command;
  keeper.add(lane ? { ...command, token: path.basename(lane.file) } : command);
  const isStopped = await waitForEnd(began, signal, () =>
    terminate(processesOf({ runId, token }, identity.pid, lane !== undefined), graceMs),
  );
  if (lane) keeper.remove(path.basename(lane.file));
  const record = readExitRecord(files, began);
  if (record?.type === 'refused') return { state: 'never-ran' };
  if (!isStopped && record?.type === 'orphan-killed') {
    return { state: 'lost', detail: 'it was ended because the process that watched it had died' };
  }
  if (!isStopped && !record) return { state: 'lost', detail: 'it began, ended and left no exit record' };
  const lostOutput = await finishCapture(step);
  const outcome = outcomeOf({
    ...step,
    limits: NO_LIMITS,
    pid: identity.pid,
    exit: { code: null, signal: null, record },
    stopped: isStopped ? stopFailure(signal.reason) : undefined,
    lostOutput,
    captured: captureOf(step),
  });
  return { state: 'finished', outcome };
}
