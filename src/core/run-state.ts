import type { PipelineDefinition, RunStatus } from './definition.ts';
import type { RollbackStarted, RunCreated, RunEvent } from './events.ts';
import type { Failure } from './failure.ts';
import { pendingStage, reduceStage, type StageState } from './stage-state.ts';

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

/** A run of which no event is known: where a fold begins. */
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
