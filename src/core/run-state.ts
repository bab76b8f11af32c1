import type { PipelineDefinition, RunStatus, StageStatus } from './definition.ts';
import type {
  Decision,
  ConfirmationAnswered,
  ConfirmationRequested,
  RollbackStarted,
  RunCreated,
  RunEvent,
  StageStarted,
  StepFinished,
  StepStarted,
  Usage,
} from './events.ts';
import type { Failure } from './failure.ts';
import type { JsonObject } from './json.ts';
import { unreachable } from './unreachable.ts';

/**
 * Everything known about one run: a fold over its events, JSON-safe.
 * Stages of a nested pipeline appear as `outer/inner`.
 */
export interface RunState {
  readonly run_id: string;
  readonly status: RunStatus;
  /** Absent before `run.created`. */
  readonly created?: RunCreated;
  readonly started_at?: string;
  readonly finished_at?: string;
  readonly duration_ms?: number;
  /** Milliseconds of the parts that have ended: a run may be driven by several processes in turn. */
  readonly spent_ms: number;
  readonly exit_code?: number;
  readonly failure?: Failure;
  /** Someone asked to cancel; nothing new starts. */
  readonly cancel_requested_by?: string;
  readonly assume_yes: boolean;
  /** In the order of the pipeline, nested ones after their stage. */
  readonly stages: Readonly<Record<string, StageState>>;
  /** Why it was interrupted the last time. */
  readonly interrupted_by?: string;
  readonly rollback?: { readonly stages: readonly string[]; readonly cause: string; readonly by?: string };
  readonly last_seq: number;
}

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

export function idleRun(runId: string): RunState {
  return { run_id: runId, status: 'running', assume_yes: false, spent_ms: 0, stages: {}, last_seq: -1 };
}

/** The state of a run after all of `events`, which begin with its first. */
export function foldRun(runId: string, events: readonly RunEvent[]): RunState {
  return events.reduce(reduce, idleRun(runId));
}

/** Fold one event into the state. Pure: live view, replay and resume share it. */
export function reduce(before: RunState, event: RunEvent): RunState {
  const state: RunState = { ...before, last_seq: event.seq };
  switch (event.type) {
    case 'run.created':
      return {
        ...state,
        created: event,
        started_at: event.at,
        assume_yes: event.assume_yes,
        stages: Object.fromEntries(
          flattenStages(event.definition).map(({ id, kind }) => [id, pendingStage(id, kind)]),
        ),
      };
    case 'run.resumed':
      return reopen(state, event.assume_yes);
    case 'run.waiting':
      return { ...state, status: 'waiting', spent_ms: state.spent_ms + event.duration_ms };
    case 'run.interrupted':
      return {
        ...state,
        status: 'interrupted',
        interrupted_by: event.cause,
        spent_ms: state.spent_ms + event.duration_ms,
      };
    case 'run.finished':
      return {
        ...state,
        status: event.status,
        finished_at: event.at,
        duration_ms: event.duration_ms,
        spent_ms: event.duration_ms,
        exit_code: event.exit_code,
        ...(event.failure && { failure: event.failure }),
      };
    case 'cancel.requested':
      return { ...state, cancel_requested_by: event.by };
    case 'rollback.started':
      return undoing(state, event);
    case 'leftovers.stopped':
      return state;
    default:
      return withStage(state, event.stage, (stage) => reduceStage(stage, event));
  }
}

/** What failed to be undone before is tried again. */
function undoing(state: RunState, { stages: ids, cause, by }: RollbackStarted): RunState {
  const begun = ids.flatMap((id) => {
    const stage = state.stages[id];
    if (!stage) return [];
    const { rollback: _, ...rest } = stage;
    return [[id, { ...rest, undo_tries: (stage.undo_tries ?? 0) + 1 }] as const];
  });
  return {
    ...state,
    rollback: { stages: ids, cause, ...(by !== undefined && { by }) },
    stages: { ...state.stages, ...Object.fromEntries(begun) },
  };
}

/** Taken up again: what only its former end knew is gone. An undo that a crash cut short stays. */
function reopen(state: RunState, assumeYes: boolean): RunState {
  const {
    finished_at: wasFinished,
    duration_ms: _d,
    exit_code: _e,
    failure: _f,
    cancel_requested_by: _c,
    rollback,
    ...open
  } = state;
  const isUndoing = rollback && wasFinished === undefined;
  return { ...open, status: 'running', assume_yes: assumeYes, ...(isUndoing && { rollback }) };
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

function reduceStage(stage: StageState, event: StageEvent): StageState {
  switch (event.type) {
    case 'stage.decided':
      return { ...stage, decision: event.decision };
    case 'stage.started':
      return startAttempt(stage, event);
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
        attempt: stage.attempt,
        attempt_base: stage.attempt,
        reset_by: event.by,
        attempts: closeAttempt(stage),
      };
    case 'step.started':
      return { ...stage, steps: { ...stage.steps, [event.step]: { started: event } } };
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
  const step = stage.steps[event.step];
  if (!step) return stage;
  return {
    ...stage,
    steps: { ...stage.steps, [event.step]: { ...step, finished: event } },
    ...(event.usage && { usage: addUsage(stage.usage, event.usage) }),
  };
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

function pendingStage(name: string, kind: string): StageState {
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

function withStage(state: RunState, id: string, change: (stage: StageState) => StageState): RunState {
  const before = state.stages[id] ?? pendingStage(id, 'unknown');
  return { ...state, stages: { ...state.stages, [id]: change(before) } };
}

/** Every stage of a pipeline and of the pipelines in it, ids as `outer/inner`, `finally` last. */
export function flattenStages(
  definition: PipelineDefinition,
  prefix = '',
): { readonly id: string; readonly kind: string }[] {
  return [...definition.stages, ...definition.finally].flatMap((stage) => [
    { id: prefix + stage.name, kind: stage.uses },
    ...(stage.pipeline ? flattenStages(stage.pipeline, `${prefix}${stage.name}/`) : []),
  ]);
}
