import type { StageStatus } from './definition.ts';
import type {
  ConfirmationAnswered,
  ConfirmationRequested,
  Decision,
  RunEvent,
  StagePlaced,
  StageStarted,
  StepFinished,
  StepStarted,
  Usage,
} from './events.ts';
import type { Failure } from './failure.ts';
import type { JsonObject } from './json.ts';
import { stepOf, withStep } from './step-changes.ts';
import { unreachable } from './unreachable.ts';

/** Everything known about one stage of a run, as far as its events have come. */
export interface StageState {
  readonly name: string;
  readonly kind: string;
  /** Its kind can undo what it did. */
  readonly undoable?: true;
  readonly status: StageStatus;
  /** Of the current or last one; 0 before the first. */
  readonly attempt: number;
  readonly max_attempts: number;
  /** Attempts made before the stage was last reset: the budget of `retry` counts from here. */
  readonly attempt_base: number;
  /** What opened it again: `rerun`, `continue`, `retry` of the stage around it. */
  readonly reset_by?: string;
  readonly decision?: Decision;
  readonly started_at?: string;
  readonly finished_at?: string;
  /** Position of its end in the log: the order of completion. */
  readonly finished_seq?: number;
  readonly duration_ms?: number;
  readonly wait_ms?: number;
  readonly failure?: Failure;
  readonly warnings: readonly string[];
  readonly outputs: JsonObject;
  readonly cached: boolean;
  /** Finished attempts before the current one. */
  readonly attempts: readonly AttemptState[];
  /** Steps of the current attempt, by name, in the order they started. */
  readonly steps: Readonly<Record<string, StepState>>;
  readonly usage?: Usage;
  readonly confirmation?: ConfirmationState;
  /** A person's word about a crash in the middle of it. */
  readonly interruption_answer?: 'retry' | 'skip' | 'fail';
  /** Where it runs, where that was picked or is counted. */
  readonly placed?: Omit<StagePlaced, 'seq' | 'at' | 'run_id' | 'type' | 'stage'>;
  /** The host of the attempt before it was reset. */
  readonly left?: string;
  readonly rollback?: { readonly failure?: Failure; readonly duration_ms: number };
  /** How often its undo was begun: the second time goes on where the first one failed. */
  readonly undo_tries?: number;
}

export interface AttemptState {
  readonly attempt: number;
  readonly duration_ms: number;
  readonly failure: Failure;
}

export interface StepState {
  readonly started: StepStarted;
  readonly finished?: StepFinished;
}

export interface ConfirmationState {
  readonly requested: ConfirmationRequested;
  readonly answered?: ConfirmationAnswered;
}

type StageEvent = Exclude<
  RunEvent,
  {
    readonly type:
      | 'run.created'
      | 'run.resumed'
      | 'run.waiting'
      | 'run.interrupted'
      | 'run.finished'
      | 'cancel.requested'
      | 'rollback.started'
      | 'leftovers.stopped';
  }
>;

/** Fold one event of a stage into it. */
export function reduceStage(stage: StageState, event: StageEvent): StageState {
  switch (event.type) {
    case 'stage.decided':
      return { ...stage, decision: event.decision };
    case 'stage.started':
      return startAttempt(stage, event);
    case 'stage.placed':
      return { ...stage, ...placedOf(event) };
    case 'stage.retried':
      return {
        ...stage,
        status: 'waiting',
        failure: event.failure,
        attempts: [
          ...stage.attempts,
          { attempt: event.attempt, duration_ms: event.duration_ms, failure: event.failure },
        ],
      };
    case 'stage.finished':
      return {
        ...stage,
        status: event.status,
        finished_at: event.at,
        finished_seq: event.seq,
        duration_ms: event.duration_ms,
        wait_ms: event.wait_ms,
        warnings: event.warnings,
        outputs: event.outputs,
        cached: event.cached,
        ...(event.failure && { failure: event.failure }),
      };
    case 'stage.reset':
      return {
        ...pendingStage(stage.name, stage.kind),
        ...(stage.placed && { left: stage.placed.context }),
        attempt: stage.attempt,
        attempt_base: stage.attempt,
        reset_by: event.by,
        attempts: closeAttempt(stage),
      };
    case 'step.started':
      return withStep(stage, [event.step, { started: event }]);
    case 'step.finished':
      return reduceStepFinished(stage, event);
    case 'confirmation.requested':
      return { ...stage, status: 'waiting', confirmation: { requested: event } };
    case 'confirmation.answered':
      return stage.confirmation
        ? { ...stage, status: 'pending', confirmation: { ...stage.confirmation, answered: event } }
        : stage;
    case 'interruption.answered':
      return { ...stage, interruption_answer: event.answer };
    case 'rollback.finished':
      return {
        ...stage,
        status: event.failure ? stage.status : 'rolled_back',
        rollback: { duration_ms: event.duration_ms, ...(event.failure && { failure: event.failure }) },
      };
    default:
      return unreachable(event);
  }
}

function startAttempt(stage: StageState, event: StageStarted): StageState {
  const { failure: _, interruption_answer: answer, finished_at: _f, ...rest } = stage;
  // The same attempt again: taken up after a crash or an interruption, its finished steps stand.
  const again = event.attempt === stage.attempt;
  return {
    ...rest,
    kind: event.kind,
    ...(event.undoable && { undoable: true as const }),
    status: 'running',
    attempt: event.attempt,
    max_attempts: event.max_attempts,
    started_at: stage.started_at ?? event.at,
    steps: again ? stage.steps : {},
    ...(again && answer && { interruption_answer: answer }),
  };
}

function reduceStepFinished(stage: StageState, event: StepFinished): StageState {
  const step = stepOf(stage, event.step);
  if (!step) return stage;
  const usage = event.usage && addUsage(stage.usage, event.usage);
  return withStep(stage, [event.step, { ...step, finished: event }], usage && { usage });
}

/** CPU adds up; memory is the highest peak. */
export function addUsage(a: Usage | undefined, b: Usage): Usage {
  if (!a) return b;
  return {
    cpu_user_ms: (a.cpu_user_ms ?? 0) + (b.cpu_user_ms ?? 0),
    cpu_system_ms: (a.cpu_system_ms ?? 0) + (b.cpu_system_ms ?? 0),
    peak_memory_bytes: Math.max(a.peak_memory_bytes ?? 0, b.peak_memory_bytes ?? 0),
  };
}

function closeAttempt(stage: StageState): readonly AttemptState[] {
  if (!stage.failure || stage.attempt === 0) return stage.attempts;
  return [
    ...stage.attempts,
    { attempt: stage.attempt, duration_ms: stage.duration_ms ?? 0, failure: stage.failure },
  ];
}

/** A stage of which nothing has happened. */
export function pendingStage(name: string, kind: string): StageState {
  return {
    name,
    kind,
    status: 'pending',
    attempt: 0,
    max_attempts: 1,
    attempt_base: 0,
    warnings: [],
    outputs: {},
    cached: false,
    attempts: [],
    steps: {},
  };
}

function placedOf({
  attempt,
  context,
  group,
  lease,
  resources,
  gpus,
}: StagePlaced): Pick<StageState, 'placed'> {
  const chosen = { ...(group !== undefined && { group }), ...(gpus && { gpus }) };
  return { placed: { attempt, context, lease, resources, ...chosen } };
}
