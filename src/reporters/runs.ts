import type { PipelineLock, RunStats, RunSummary, StateIndex } from '../core/run-index.ts';
import { oneLine, sanitizeText } from '../core/terminal-text.ts';
import { markOf, paintStatus } from '../core/status-look.ts';
import { formatDuration, formatTime, lockCause, table } from './format.ts';
import type { Style } from './style.ts';

/** `runs`: one line per run, newest first; what is locked last. */
export function runsLines(runs: readonly RunSummary[], index: StateIndex, style: Style): string[] {
  if (runs.length === 0) return ['No runs yet. pipewright run <pipeline> starts one.'];
  return [...table(runs.map((run) => runRow(run, style))), ...lockLines(index.locked, style)];
}

/** Cells of one run. */
export function runRow(run: RunSummary, style: Style): string[] {
  const failedStage = run.stages.find(({ status }) => status === 'failed');
  return [
    run.pipeline_id,
    paintStatus(run.status, `${markOf(run.status)} ${run.status}`, style),
    run.case === undefined
      ? sanitizeText(run.pipeline)
      : `${sanitizeText(run.pipeline)} ${oneLine(run.case)}`,
    sanitizeText(run.environment),
    formatTime(run.started_at),
    run.duration_ms === undefined ? '' : formatDuration(run.duration_ms),
    failedStage ? `at ${failedStage.name}` : '',
  ];
}

/** What too many failures have locked, and how to open it. */
export function lockLines(locks: readonly PipelineLock[], style: Style): string[] {
  return locks.map((lock) =>
    style.bad(
      `locked: ${lock.pipeline} (${lock.environment}) since ${formatTime(lock.since)}, ${lockCause(lock)}; pipewright unlock ${lock.pipeline} --env ${lock.environment}`,
    ),
  );
}

/** `runs --json`: the words of spec 2. */
export function runsDocument(runs: readonly RunSummary[], index: StateIndex): object {
  return {
    pipelines: runs,
    current: index.current ?? null,
    stats: index.stats,
    locked: index.locked,
  };
}

/** `runs --stats`. */
export function statsLines(stats: RunStats, style: Style): string[] {
  const rate = stats.success_rate === undefined ? 'none' : `${(stats.success_rate * 100).toFixed(1)} %`;
  const rows = [
    ['runs', String(stats.total_runs)],
    ['successful', String(stats.success_count)],
    ['failed', String(stats.failure_count)],
    ['failures in a row', String(stats.consecutive_failures)],
    ['success rate', rate],
    [
      'average duration',
      stats.average_duration_ms === undefined ? '' : formatDuration(stats.average_duration_ms),
    ],
  ];
  const stages = Object.entries(stats.per_stage).map(([name, stage]) => [
    sanitizeText(name),
    String(stage.runs),
    String(stage.failures),
    formatDuration(stage.average_duration_ms),
  ]);
  return [
    ...table(rows),
    ...(stages.length > 0
      ? ['', ...table([['stage', 'runs', 'failures', 'average'].map(style.dim), ...stages])]
      : []),
  ];
}
