import type { RunSummary } from './run-index.ts';
import type { RunState } from './run-state.ts';

/** A run in the words of spec 2, for the index and for reports. */
export function summarize(state: RunState): RunSummary {
  const { created } = state;
  return {
    pipeline_id: state.run_id,
    pipeline: created?.pipeline ?? 'unknown',
    environment: created?.environment ?? 'default',
    status: state.status,
    trigger: created?.trigger ?? 'manual',
    started_at: state.started_at ?? '',
    ...(state.finished_at && { finished_at: state.finished_at }),
    ...(state.duration_ms !== undefined && { duration_ms: state.duration_ms }),
    stages: Object.values(state.stages).map((stage) => ({
      name: stage.name,
      status: stage.status,
      ...(stage.duration_ms !== undefined && { duration_ms: stage.duration_ms }),
      ...(stage.attempt > 0 && { attempts: stage.attempt }),
    })),
    ...changesOf(state),
    decisions: Object.values(state.stages).flatMap(({ name, decision }) =>
      decision && decision.action !== 'run'
        ? [{ action: decision.action, reason: decision.reason, stage: name, rule: decision.rule }]
        : [],
    ),
  };
}

/** What an analysis stage found out about the commits, under the name the specs give it. */
function changesOf(state: RunState): Pick<RunSummary, 'changes'> {
  for (const { outputs } of Object.values(state.stages)) {
    if (outputs['changes'] !== undefined) return { changes: outputs['changes'] };
  }
  return {};
}
