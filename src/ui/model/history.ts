import { DAY_MS } from '../../core/quantities.ts';
import type { RunSummary } from '../../core/run-index.ts';
import { matches } from '../list.ts';
import type { HistoryState } from '../state.ts';
import { oneLine, pad, spread } from '../text.ts';
import { markOf, paintStatus } from '../../core/status-look.ts';
import { type Theme, wordOf } from '../theme.ts';
import { ageOf, clockOf } from '../times.ts';
import type { ListRow } from './rows.ts';

/** The runs that the filters leave. A word of the filter may be part of a name, an id, a status or a date. */
export function historyRuns(history: HistoryState, nowMs: number): readonly RunSummary[] {
  const { runs, filter, status, pipeline, days, undoable } = history;
  const sinceMs = days === undefined ? -Infinity : startOfDay(nowMs) - (days - 1) * DAY_MS;
  return runs.filter(
    (run) =>
      (status === undefined || run.status === status) &&
      (pipeline === undefined || run.pipeline === pipeline) &&
      (undoable === undefined || run.status === 'rolled_back' || undoable.has(run.pipeline_id)) &&
      Date.parse(run.started_at) >= sinceMs &&
      matches(filter, [
        run.pipeline,
        run.pipeline_id,
        run.status,
        run.environment,
        run.started_at.slice(0, 10),
      ]),
  );
}

function startOfDay(nowMs: number): number {
  return new Date(nowMs).setHours(0, 0, 0, 0);
}

/** The filters that are set, for the title. */
export function historyFilters({
  filter,
  status,
  pipeline,
  days,
  undoable,
}: HistoryState): readonly string[] {
  return [
    undoable ? 'rolled back, or can be' : '',
    status === undefined ? '' : wordOf(status),
    pipeline === undefined ? '' : oneLine(pipeline),
    days === undefined ? '' : days === 1 ? 'today' : `${days} days`,
    filter === '' ? '' : `"${oneLine(filter)}"`,
  ].filter((text) => text !== '');
}

const SPANS = [1, 7, 30];

/** The next span of days; after the longest all again. */
export function nextDays({ days }: HistoryState): number | undefined {
  return days === undefined ? SPANS[0] : SPANS[SPANS.indexOf(days) + 1];
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
  const runs = historyRuns(history, nowMs);
  if (runs.length === 0) return [{ text: theme.dim(emptyText(history)) }];
  const nameWidth = Math.min(28, Math.max(8, ...runs.map(({ pipeline }) => pipeline.length)));
  return runs.map((run) => {
    const mark = history.marked.includes(run.pipeline_id) ? theme.info('◆') : ' ';
    const status = paintStatus(run.status, pad(`${markOf(run.status)} ${wordOf(run.status)}`, 13), theme);
    const environment = run.environment === 'default' ? '' : oneLine(run.environment);
    const canUndo = history.undoable?.has(run.pipeline_id) ? theme.warn('enter, then b, undoes it  ') : '';
    const took = run.duration_ms === undefined ? '' : clockOf(run.duration_ms);
    return {
      id: run.pipeline_id,
      text: spread(
        `${mark} ${status} ${pad(oneLine(run.pipeline), nameWidth)}  ${theme.dim(run.pipeline_id)}  ${canUndo}${environment}`,
        theme.dim(`${took.padStart(7)}${ageOf(run.started_at, nowMs).padStart(13)}`),
        width - 3,
      ),
    };
  });
}

function emptyText({ isLoaded, runs, undoable }: HistoryState): string {
  if (!isLoaded) return 'reading …';
  if (undoable && runs.length > 0)
    return 'Nothing was rolled back, and nothing can be. esc shows all runs again.';
  return runs.length === 0
    ? 'No runs yet. esc goes back; choose a pipeline there and press enter.'
    : 'No run is like that. esc shows all of them again.';
}
