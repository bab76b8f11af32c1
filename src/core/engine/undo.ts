import type { PipelineDefinition, StageDefinition } from '../definition.ts';
import { failed, ok, type Result } from '../failure.ts';
import type { RunState } from '../run-state.ts';
import type { StageState } from '../stage-state.ts';
import { sanitizeText } from '../terminal-text.ts';
import { findStage } from './scope.ts';

/** What undoing a run would do. */
export interface Undo {
  /** The stage whose failure, or cancellation, it answers. */
  readonly cause: string;
  /** In the order of undoing. */
  readonly stages: readonly string[];
}

/**
 * What a person may have undone of a run that has ended: `invalid` where there is nothing, or where it is not
 * known what ran.
 */
export function undoOf(state: RunState): Result<Undo> {
  const { created, run_id: runId } = state;
  const reason = whyNot(state);
  if (!created || reason) return reason ?? refused(`run ${runId} never began`);
  const cause = state.rollback?.cause ?? causeOf(state);
  const stages = stagesToUndo(state, created.definition);
  return cause === undefined || stages.length === 0
    ? refused(
        `nothing of run ${runId} can be undone`,
        'no stage that ran has rollback: steps, or all of them were undone',
      )
    : ok({ cause, stages });
}

/** The run has not come to an end that is undone as a whole. */
function whyNot({ status, run_id: runId }: RunState): Result<never> | undefined {
  if (isBroken(status)) return undefined;
  if (status === 'rolled_back') return refused(`run ${runId} is undone already`);
  const isOpen = status === 'interrupted' || status === 'waiting';
  const hint = isOpen
    ? `pipewright continue ${runId}, or cancel it, comes first`
    : 'only a run that failed or was cancelled is undone as a whole';
  return refused(`run ${runId} is ${status}`, hint);
}

function refused(message: string, hint?: string): Result<never> {
  return failed({ reason: 'invalid', message, ...(hint !== undefined && { hint }) });
}

function isBroken(status: string): boolean {
  return status === 'failed' || status === 'cancelled';
}

/** The stage that an undo answers: one that failed or was cut, otherwise the last that had begun. */
export function causeOf({ stages }: Pick<RunState, 'stages'>): string | undefined {
  const begun = Object.values(stages).filter(({ attempt }) => attempt > 0);
  const cause =
    begun.find(({ status }) => isBroken(status)) ??
    Object.values(stages).find(({ status }) => isBroken(status)) ??
    begun.at(-1);
  return cause?.name;
}

/** What failed or was cancelled first, then what ended well in reverse order of completion. */
export function stagesToUndo(
  { stages }: Pick<RunState, 'stages'>,
  definition: PipelineDefinition,
): readonly string[] {
  const undoable = Object.values(stages).filter((state) => {
    const stage = findStage(definition, state.name);
    return stage !== undefined && state.attempt > 0 && !state.cached && hasUndo(stage, state);
  });
  const completed = undoable
    .filter(({ status }) => status === 'passed' || status === 'warning')
    .toSorted((a, b) => (b.finished_seq ?? 0) - (a.finished_seq ?? 0));
  const broken = undoable.filter(({ status }) => isBroken(status));
  return [...broken, ...completed].map(({ name }) => name);
}

/** Its author wrote steps for it, or its kind knows how and had done something, or may have. */
function hasUndo({ rollback }: StageDefinition, { undoable, steps }: StageState): boolean {
  if (rollback.length > 0) return true;
  return undoable === true && Object.values(steps).some(({ finished }) => !finished?.failure);
}

/** What an undo would run, for whoever has to say yes to it. */
export function undoLines({ created, stages: known }: RunState, { cause, stages }: Undo): readonly string[] {
  const undone = stages.flatMap((id) => {
    const steps = (created && findStage(created.definition, id)?.rollback) ?? [];
    return [
      `undo ${sanitizeText(id)}`,
      ...steps.map(({ name, command }) => `  ${sanitizeText(name)}: ${oneLine(command.text)}`),
      ...(known[id]?.undoable ? ['  what it did, as its kind knows how to'] : []),
    ];
  });
  return [`${sanitizeText(cause)} ended badly; in this order:`, ...undone];
}

function oneLine(text: string): string {
  return sanitizeText(text).trim().replaceAll('\n', ' ; ');
}
