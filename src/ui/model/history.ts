import type { RunSummary } from '../../core/run-index.ts';
import { matches } from '../list.ts';
import type { HistoryState } from '../state.ts';
import { oneLine, pad, spread } from '../text.ts';
import { markOf, paintStatus } from '../../core/status-look.ts';
import { type Theme, wordOf } from '../theme.ts';
import { ageOf, clockOf } from '../times.ts';
import type { ListRow } from './rows.ts';

/** The runs that the filters leave. A word of the filter may be part of a name, an id, a status or a date. */
export function historyRuns({ runs, filter, status }: HistoryState): readonly RunSummary[] {
  return runs.filter(
    (run) =>
      (status === undefined || run.status === status) &&
      matches(filter, [
        run.pipeline,
        run.pipeline_id,
        run.status,
        run.environment,
        run.started_at.slice(0, 10),
      ]),
  );
}

/** Statuses in the order in which the filter goes through them: those that occur. */
export function nextStatus({ runs, status }: HistoryState): RunSummary['status'] | undefined {
  const present = [...new Set(runs.map((run) => run.status))].toSorted();
  return status === undefined ? present[0] : present[present.indexOf(status) + 1];
}

/** All runs as rows. */
export function historyRows(
  history: HistoryState,
  { width, nowMs, theme }: { readonly width: number; readonly nowMs: number; readonly theme: Theme },
): readonly ListRow[] {
  const runs = historyRuns(history);
  if (runs.length === 0) return [{ text: theme.dim(emptyText(history)) }];
  const nameWidth = Math.min(28, Math.max(8, ...runs.map(({ pipeline }) => pipeline.length)));
  return runs.map((run) => {
    const mark = history.marked.includes(run.pipeline_id) ? theme.info('◆') : ' ';
    const status = paintStatus(run.status, pad(`${markOf(run.status)} ${wordOf(run.status)}`, 13), theme);
    const environment = run.environment === 'default' ? '' : oneLine(run.environment);
    const took = run.duration_ms === undefined ? '' : clockOf(run.duration_ms);
    return {
      id: run.pipeline_id,
      text: spread(
        `${mark} ${status} ${pad(oneLine(run.pipeline), nameWidth)}  ${theme.dim(run.pipeline_id)}  ${environment}`,
        theme.dim(`${took.padStart(7)}${ageOf(run.started_at, nowMs).padStart(13)}`),
        width - 3,
      ),
    };
  });
}

function emptyText({ isLoaded, runs }: HistoryState): string {
  if (!isLoaded) return 'reading …';
  return runs.length === 0
    ? 'No runs yet. esc goes back; choose a pipeline there and press enter.'
    : 'No run is like that. esc shows all of them again.';
}
