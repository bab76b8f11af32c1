import { type Changes, readAnalysis } from './analysis.ts';
import type { RunSummary } from './run-index.ts';
import type { RunState } from './run-state.ts';
import type { StageState } from './stage-state.ts';

const SPEC_CATEGORIES = ['frontend', 'backend', 'database', 'config', 'test'];
/** Paths of each category in a summary. */
const MAX_PATHS = 10;

/** A run in the words of spec 2, for the index and for reports. */
export function summarize(state: RunState): RunSummary {
  const { created } = state;
  return {
    pipeline_id: state.run_id,
    pipeline: created?.pipeline ?? 'unknown',
    environment: created?.environment ?? 'default',
    status: state.status,
    trigger: created?.trigger ?? 'manual',
    ...caseOf(created),
    started_at: state.started_at ?? '',
    ...(state.finished_at && { finished_at: state.finished_at }),
    ...(state.duration_ms !== undefined && { duration_ms: state.duration_ms }),
    stages: Object.values(state.stages).map((stage) => ({
      name: stage.name,
      status: stage.status,
      ...(stage.duration_ms !== undefined && { duration_ms: stage.duration_ms }),
      ...(stage.attempt > 0 && { attempts: stage.attempt }),
      ...(stage.status === 'rolled_back' && stage.failure && { failed: true }),
      ...expiryOf(stage),
    })),
    ...changesOf(state),
    decisions: Object.values(state.stages).flatMap((stage) => [
      ...ownDecision(stage),
      ...analysisDecisions(stage),
    ]),
  };
}

/** What `watch` sets; a pipeline may have parameters of these names for other reasons. */
function caseOf(created: RunState['created']): Pick<RunSummary, 'case'> {
  const path = created?.trigger === 'watch' ? created.params['case'] : undefined;
  return typeof path === 'string' ? { case: path.slice(path.lastIndexOf('/') + 1) } : {};
}

function expiryOf({ status, confirmation }: StageState): { readonly expires_at?: string } {
  const isOpen = status === 'waiting' && confirmation && !confirmation.answered;
  return isOpen ? { expires_at: confirmation.requested.expires_at } : {};
}

/** Whoever waited longer than the question stands has failed, also before a process writes that down. */
export function withExpiredStages(summary: RunSummary, nowMs: number): RunSummary {
  if (summary.status !== 'waiting') return summary;
  const isOver = ({ expires_at: at }: RunSummary['stages'][number]): boolean =>
    at !== undefined && Date.parse(at) <= nowMs;
  if (!summary.stages.some(isOver)) return summary;
  const stages = summary.stages.map((stage) => (isOver(stage) ? { ...stage, status: 'failed' } : stage));
  return { ...summary, status: 'failed', stages };
}

function ownDecision({ name, decision }: StageState): RunSummary['decisions'] {
  if (!decision || decision.action === 'run') return [];
  return [{ action: decision.action, reason: decision.reason, stage: name, rule: decision.rule }];
}

/** What a stage of the kind `change-analysis` decided, in the words of spec 2. */
function analysisDecisions({ name, outputs }: StageState): RunSummary['decisions'] {
  const decisions = readAnalysis(outputs)?.decisions ?? [];
  return decisions.map(({ action, reason, rule }) => ({ action, reason, stage: name, rule }));
}

/** What an analysis stage found out about the commits, under the name the specs give it. */
function changesOf(state: RunState): Pick<RunSummary, 'changes'> {
  for (const { outputs } of Object.values(state.stages)) {
    const analysis = readAnalysis(outputs);
    if (analysis) return { changes: shortened(analysis.changes) };
    if (outputs['changes'] !== undefined) return { changes: outputs['changes'] };
  }
  return {};
}

/** Spec 2 names its categories also where they are empty; a summary is one line of many, so lists are short. */
function shortened({ any, base, head, files_count, counts, categories }: Changes): object {
  const names = new Set([...SPEC_CATEGORIES, ...Object.keys(categories)]);
  const lists = [...names].map((name) => [name, (categories[name] ?? []).slice(0, MAX_PATHS)] as const);
  return { any, base, head, files_count, counts, categories: Object.fromEntries(lists) };
}
