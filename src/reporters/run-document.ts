import { type AnalysisDecision, readAnalysis } from '../core/analysis.ts';
import type { ConfirmationAnswered, Decision, RunCreated, StepFinished } from '../core/events.ts';
import type { RunState } from '../core/run-state.ts';
import type { StageState, StepState } from '../core/stage-state.ts';

interface Extra {
  /** Path of the analysis report that a second failure in a row wrote. */
  readonly analysis?: string;
  /** The run's folder, absolute. */
  readonly folder: string;
}

/** `show --json`: one run with all that is known of it. Keys are part of the contract: null where nothing is known. */
export function runDocument(state: RunState, extra: Extra): object {
  const created: Partial<RunCreated> = state.created ?? {};
  const stages = Object.values(state.stages);
  return withNulls({
    pipeline_id: state.run_id,
    pipeline: created.pipeline,
    environment: created.environment,
    status: state.status,
    trigger: created.trigger,
    by: created.by,
    started_at: state.started_at,
    finished_at: state.finished_at,
    duration_ms: state.duration_ms,
    exit_code: state.exit_code,
    params: created.params ?? {},
    commits: created.commits ?? [],
    plan_hash: created.plan_hash,
    project: created.project,
    folder: extra.folder,
    stages: stages.map(stageDocument),
    decisions: stages.flatMap(({ name, decision, outputs }) =>
      [...(decision ? [decision] : []), ...(readAnalysis(outputs)?.decisions ?? [])].map((made) =>
        decisionDocument(name, made),
      ),
    ),
    changes: stages.find(({ outputs }) => outputs['changes'] !== undefined)?.outputs['changes'],
    failure: state.failure,
    rollback: state.rollback,
    interrupted_by: state.interrupted_by,
    cancel_requested_by: state.cancel_requested_by,
    analysis: extra.analysis,
  });
}

function stageDocument(stage: StageState): object {
  return withNulls({
    name: stage.name,
    status: stage.status,
    kind: stage.kind,
    attempt: stage.attempt,
    max_attempts: stage.max_attempts,
    attempts: stage.attempts,
    started_at: stage.started_at,
    finished_at: stage.finished_at,
    duration_ms: stage.duration_ms,
    wait_ms: stage.wait_ms,
    cached: stage.cached,
    outputs: stage.outputs,
    failure: stage.failure,
    warnings: stage.warnings,
    usage: stage.usage,
    confirmation: confirmationDocument(stage),
    rollback: stage.rollback,
    steps: Object.values(stage.steps).map(stepDocument),
  });
}

function stepDocument({ started, finished }: StepState): object {
  const end: Partial<StepFinished> = finished ?? {};
  return withNulls({
    name: started.step,
    status: stepStatus(finished),
    command: started.command,
    context: started.context,
    attempt: started.attempt,
    exit_code: end.exit_code,
    duration_ms: end.duration_ms,
    log: started.log,
    log_bytes: end.log_bytes,
    failure: end.failure,
    usage: end.usage,
    adopted: end.adopted ?? false,
  });
}

function stepStatus(finished: StepFinished | undefined): 'running' | 'failed' | 'passed' {
  if (!finished) return 'running';
  return finished.failure ? 'failed' : 'passed';
}

/** Absent values as null, so that every key is always there. */
function withNulls(document: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(document).map(([key, value]) => [key, value ?? null]));
}

function confirmationDocument({ confirmation }: StageState): object | null {
  if (!confirmation) return null;
  const { requested } = confirmation;
  const answered: Partial<ConfirmationAnswered> = confirmation.answered ?? {};
  return withNulls({
    message: requested.message,
    plan_hash: requested.plan_hash,
    requested_at: requested.at,
    expires_at: requested.expires_at,
    answer: answered.answer,
    answered_by: answered.by,
    answered_at: answered.at,
    via: answered.via,
    comment: answered.comment,
  });
}

/** A decision as `show --json`, `why --json` and `plan --json` print it. */
export function decisionDocument(stage: string, decision: Decision | AnalysisDecision): object {
  return {
    stage,
    action: decision.action,
    rule: decision.rule,
    reason: decision.reason,
    evidence: decision.evidence,
    would_flip: 'would_flip' in decision ? (decision.would_flip ?? null) : null,
  };
}
