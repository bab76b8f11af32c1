import type { Draft } from '../events.ts';
import type { EventLog } from '../event-log.ts';
import { failed, ok, type Result } from '../failure.ts';
import type { RunState } from '../run-state.ts';
import type { StageState } from '../stage-state.ts';
import type { RerunChoice } from './api.ts';
import { endedStage } from './ended-stage.ts';
import { WAIVED_RULE } from './rules.ts';
import { downstreamOf, findStage } from './scope.ts';
import type { PipelineDefinition } from '../definition.ts';

/** What opens stages again, or ends them as waived. */
type Reset = Draft & { readonly type: 'stage.reset' | 'stage.decided' | 'stage.finished' };

/**
 * The stages that a continue (no choice) or a rerun opens again. A continue opens what failed and what was
 * skipped because of it; what was only interrupted or never started is open anyway.
 */
export function resetsFor(state: RunState, choice?: RerunChoice): Result<readonly Reset[]> {
  const definition = state.created?.definition;
  // A crash must not turn the end of a failed run into another try: first it comes to its end, undo and all.
  const isCutShort = state.finished_at === undefined;
  if (!definition || (isCutShort && !choice)) return ok([]);
  const chosen = choice ? choose(state, definition, choice) : ok(afterFailure(state, definition));
  if (!chosen.ok) return chosen;
  const by = choice ? 'rerun' : 'continue';
  const ids = withParents(state, new Set([...chosen.value, ...endStages(state, definition, chosen.value)]));
  const resets = ids.map((stage): Reset => {
    return { type: 'stage.reset', stage, by, reason: reasonFor(state.stages[stage], choice) };
  });
  return ok([...resets, ...(choice?.skip ?? []).flatMap((stage) => waive(state.stages[stage], stage))]);
}

/** Reset first, so that nothing of its failure is left; then over, by a person's word. */
function waive(before: StageState | undefined, stage: string): readonly Reset[] {
  const was = before?.status ?? 'pending';
  return [
    {
      type: 'stage.decided',
      stage,
      decision: {
        action: 'skip',
        rule: WAIVED_RULE,
        reason: `it was skipped by name; its status was ${was}`,
        evidence: [{ name: `stages.${stage}.status`, value: was }],
        would_flip: `rerun ${stage}`,
      },
    },
    endedStage(stage, 0, { status: 'skipped' }),
  ];
}

/** Appends `run.resumed` and the resets. */
export function openAgain(
  who: { readonly by: string; readonly pid: number; readonly assumeYes: boolean },
  resets: readonly Reset[],
): (log: EventLog) => Promise<void> {
  return async (log) => {
    for (const reset of resets) log.record(reset);
    await log.append({ type: 'run.resumed', by: who.by, pid: who.pid, assume_yes: who.assumeYes });
  };
}

function choose(
  state: RunState,
  definition: PipelineDefinition,
  choice: RerunChoice,
): Result<readonly string[]> {
  const skip = choice.skip ?? [];
  const named = [...choice.stages, ...skip];
  const unknown = named.filter((id) => findStage(definition, id) === undefined);
  if (unknown.length > 0) {
    const message = `no stage "${unknown.join('", "')}" in run ${state.run_id}`;
    return failed({
      reason: 'invalid',
      message,
      hint: `its stages: ${Object.keys(state.stages).join(', ')}`,
    });
  }
  const waived = skip.length === 0 ? [] : [...skip, ...skippedBecauseOf(state, definition, new Set(skip))];
  const failures = choice.failed ? afterFailure(state, definition) : [];
  const whole = choice.stages.flatMap((id) => [id, ...insideOf(state, id)]);
  const picked = new Set([...whole, ...failures, ...waived]);
  if (picked.size === 0) {
    return failed({
      reason: 'invalid',
      message: 'nothing to run again',
      hint: 'name a stage, or use --failed',
    });
  }
  const after = choice.downstream ? downstreamOf(definition, picked) : [];
  return ok([...picked, ...after.flatMap((id) => [id, ...insideOf(state, id)])]);
}

/** A pipeline that is a stage runs again whole, whoever names it. */
function insideOf(state: RunState, id: string): readonly string[] {
  return Object.keys(state.stages).filter((other) => other.startsWith(`${id}/`));
}

function afterFailure(state: RunState, definition: PipelineDefinition): readonly string[] {
  const broken = Object.values(state.stages).filter(
    // What was undone, or half undone, is there no more: it is as open as what failed.
    ({ status, rollback }) =>
      status === 'failed' || status === 'cancelled' || status === 'rolled_back' || rollback?.failure,
  );
  const names = new Set(broken.map(({ name }) => name));
  return [...names, ...skippedBecauseOf(state, definition, names)];
}

function skippedBecauseOf(
  state: RunState,
  definition: PipelineDefinition,
  names: ReadonlySet<string>,
): readonly string[] {
  return downstreamOf(definition, names).filter(
    (name) => state.stages[name]?.decision?.rule === 'need-unmet' && state.stages[name]?.status === 'skipped',
  );
}

/** `finally` stages run again at the new end, once anything else does. */
function endStages(
  state: RunState,
  definition: PipelineDefinition,
  chosen: readonly string[],
): readonly string[] {
  const isOpen = Object.values(state.stages).some(
    ({ status }) => status === 'pending' || status === 'interrupted',
  );
  if (chosen.length === 0 && !isOpen) return [];
  return definition.finally
    .map(({ name }) => name)
    .filter((name) => state.stages[name]?.status !== 'pending');
}

/** What runs at the end of a run, for another end. */
export function endingAgain(state: RunState): readonly Reset[] {
  const stages = state.created?.definition.finally ?? [];
  const reason = 'the run comes to another end';
  return stages
    .filter(({ name }) => state.stages[name]?.status !== 'pending')
    .map(({ name }) => ({ type: 'stage.reset', stage: name, by: 'rerun', reason }));
}

/** A nested stage is reached only through the stages around it. */
function withParents(state: RunState, ids: ReadonlySet<string>): readonly string[] {
  const all = new Set(ids);
  for (const id of ids) {
    for (let end = id.lastIndexOf('/'); end > 0; end = id.lastIndexOf('/', end - 1))
      all.add(id.slice(0, end));
  }
  return Object.keys(state.stages).filter((id) => all.has(id));
}

function reasonFor(stage: StageState | undefined, choice: RerunChoice | undefined): string {
  if (!stage) return 'it follows one that runs again';
  const { name, status, rollback } = stage;
  if (choice?.stages.includes(name)) return 'chosen';
  if (status === 'rolled_back') return 'it was undone';
  if (rollback?.failure) return 'undoing it failed';
  if (status === 'failed') return 'it had failed';
  return status === 'cancelled' ? 'it was cancelled' : 'it follows one that runs again';
}
