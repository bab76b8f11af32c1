import type { Decision } from '../core/events.ts';
import type { RunState } from '../core/run-state.ts';
import type { StageState } from '../core/stage-state.ts';
import { sanitizeText } from '../core/terminal-text.ts';
import { describeFailure } from './describe-failure.ts';
import { markOf, paintStatus } from '../core/status-look.ts';
import { formatDuration, formatTime, formatValue } from './format.ts';
import { decisionDocument } from './run-document.ts';
import type { Style } from './style.ts';

/** `why`: for each stage the decision with rule, reason and evidence, what would flip it, and what happened. */
export function whyLines(state: RunState, stages: readonly StageState[], style: Style): string[] {
  return [
    `${style.strong(`run ${state.run_id}`)}  ${state.created?.pipeline ?? ''}  ${paintStatus(state.status, state.status, style)}`,
    ...runNotes(state).map((note) => `  ${note}`),
    ...stages.flatMap((stage) => ['', ...stageLines(stage, state.finished_at !== undefined, style)]),
  ];
}

/** `why --json`. */
export function whyDocument(state: RunState, stages: readonly StageState[]): object {
  return {
    pipeline_id: state.run_id,
    pipeline: state.created?.pipeline ?? null,
    status: state.status,
    notes: runNotes(state),
    stages: stages.map((stage) => ({
      name: stage.name,
      status: stage.status,
      decision: stage.decision ? decisionDocument(stage.name, stage.decision) : null,
      notes: stageNotes(stage),
    })),
  };
}

function runNotes(state: RunState): string[] {
  const notes: string[] = [];
  if (state.cancel_requested_by !== undefined) notes.push(`cancelled by ${state.cancel_requested_by}`);
  if (state.status === 'interrupted') {
    notes.push(`interrupted: ${sanitizeText(state.interrupted_by ?? 'its process ended without a word')}`);
  }
  if (state.failure) notes.push(describeFailure(state.failure));
  if (state.rollback) {
    const { stages, cause, by } = state.rollback;
    const why = by === undefined ? `because ${cause} failed` : `as ${by} asked`;
    notes.push(`undone: ${stages.join(', ')}, ${sanitizeText(why)}`);
  }
  return notes;
}

function stageLines(stage: StageState, isOver: boolean, style: Style): string[] {
  const head = `${paintStatus(stage.status, `${markOf(stage.status)} ${stage.name}`, style)}  ${stage.status}`;
  const undecided = stage.failure ? '  it could not be decided whether it runs' : notYet(isOver);
  const decision = stage.decision ? decisionLines(stage.decision, style) : [undecided];
  return [head, ...decision, ...stageNotes(stage).map((note) => `  ${note}`)];
}

function notYet(isOver: boolean): string {
  return isOver ? '  the run ended before its turn came' : '  not decided yet';
}

/** The decision by itself, for `why` and `plan`. */
export function decisionLines(decision: Decision, style: Style): string[] {
  return [
    `  ${style.strong(decision.action)}  ${style.dim(`[${decision.rule}]`)}  ${sanitizeText(decision.reason)}`,
    ...decision.evidence.map(
      ({ name, value }) => `    ${sanitizeText(name)} = ${sanitizeText(formatValue(value))}`,
    ),
    ...(decision.would_flip === undefined
      ? []
      : [`  ${style.dim('would flip:')} ${sanitizeText(decision.would_flip)}`]),
  ];
}

function stageNotes(stage: StageState): string[] {
  const notes = stage.attempts.map(
    ({ attempt, duration_ms, failure }) =>
      `attempt ${attempt} failed after ${formatDuration(duration_ms)}: ${describeFailure(failure)}`,
  );
  if (stage.failure && stage.status !== 'passed') {
    const last = stage.attempt > 0 ? `attempt ${stage.attempt}` : 'it';
    notes.push(`${last} ended: ${describeFailure(stage.failure)}`);
  }
  notes.push(...confirmationNotes(stage));
  if (stage.interruption_answer) notes.push(`after the interruption: ${stage.interruption_answer}`);
  for (const { started, finished } of Object.values(stage.steps)) {
    if (finished?.adopted)
      notes.push(`step "${started.step}" had ended while nobody watched; its result was read later`);
  }
  if (stage.rollback) {
    const { failure, duration_ms } = stage.rollback;
    notes.push(
      failure ? `undoing failed: ${describeFailure(failure)}` : `undone in ${formatDuration(duration_ms)}`,
    );
  }
  notes.push(...stage.warnings.map((text) => `warning: ${sanitizeText(text)}`));
  return notes;
}

function confirmationNotes({ confirmation }: StageState): string[] {
  if (!confirmation) return [];
  const { requested, answered } = confirmation;
  const plan = `plan ${requested.plan_hash.slice(0, 12)}`;
  if (!answered) return [`waits for confirmation of ${plan} until ${formatTime(requested.expires_at)}`];
  const comment = answered.comment === undefined ? '' : `: ${sanitizeText(answered.comment)}`;
  return [
    `${answered.answer} by ${answered.by} at ${formatTime(answered.at)} (${answered.via}, ${plan})${comment}`,
  ];
}
