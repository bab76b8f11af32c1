import type { StepFinished } from '../events.ts';
import { type Failure, failed, ok, type Result, toFailure } from '../failure.ts';
import type { JsonObject } from '../json.ts';
import { JournalError } from '../ports.ts';
import type { TaskDefinition } from '../stage-kind.ts';
import { withDeadline } from './deadline.ts';
import { Suspended } from './run-context.ts';
import { slug } from './slug.ts';
import { type StageTry, wasInterrupted } from './step-runner.ts';
import { failureOfAbort } from './stop.ts';

/** Runs a kind's own work as a step: a recorded end is returned, what has only begun is done again. */
export async function runTask(
  attempt: StageTry,
  task: TaskDefinition,
  place: { readonly index: number; readonly total: number },
): Promise<Result<JsonObject>> {
  const { run, id } = attempt;
  const known = run.log.state.stages[id]?.steps[task.name];
  const recorded = known?.started.attempt === attempt.attempt ? known.finished : undefined;
  if (recorded && !wasInterrupted(recorded)) return resultOf(recorded);
  await attempt.meter.wait(() => run.slots.acquire());
  try {
    return await attempt.meter.work(() => startTask(attempt, task, place));
  } finally {
    run.slots.release();
  }
}

async function startTask(
  attempt: StageTry,
  task: TaskDefinition,
  place: { readonly index: number; readonly total: number },
): Promise<Result<JsonObject>> {
  const { run, id, signal } = attempt;
  if (signal.aborted) return failed(failureOfAbort(signal));
  const name = `${slug(id)}.${slug(task.name)}${attempt.attempt > 1 ? `@${attempt.attempt}` : ''}`;
  const log = `${name}.log`;
  await run.log.append({
    type: 'step.started',
    stage: id,
    step: task.name,
    attempt: attempt.attempt,
    ...place,
    command: task.text,
    context: task.context ?? 'local',
    log: `logs/${log}`,
    token: name,
  });
  const { clock, files } = run.deps;
  const began = clock.monotonicMs();
  const result = await perform(attempt, task, (line) => run.handle.appendLog(log, `${line}\n`));
  await run.log.append({
    type: 'step.finished',
    stage: id,
    step: task.name,
    attempt: attempt.attempt,
    duration_ms: Math.round(clock.monotonicMs() - began),
    log_bytes: await files.size(`${run.handle.folder}/logs/${log}`),
    adopted: false,
    ...(result.ok ? { outputs: result.value } : { failure: result.failure }),
  });
  return result;
}

async function perform(
  { run, signal }: StageTry,
  task: TaskDefinition,
  log: (line: string) => Promise<void>,
): Promise<Result<JsonObject>> {
  const { clock } = run.deps;
  const failure: Failure = {
    reason: 'timed-out',
    limit_ms: task.timeoutMs ?? 0,
    scope: 'step',
    step: task.name,
  };
  return withDeadline(clock, signal, { limitMs: task.timeoutMs, failure }, async (limited) => {
    const result = await task.work({ signal: limited, log }).catch((error: unknown) => {
      if (error instanceof Suspended || error instanceof JournalError) throw error;
      return failed(toFailure(error));
    });
    return !result.ok && limited.aborted ? failed(failureOfAbort(limited)) : result;
  });
}

function resultOf({ failure, outputs }: StepFinished): Result<JsonObject> {
  return failure ? failed(failure) : ok(outputs ?? {});
}
