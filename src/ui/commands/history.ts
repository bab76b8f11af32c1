import type { RunSummary } from '../../core/run-index.ts';
import { compareRuns } from '../model/compare.ts';
import { historyRuns } from '../model/history.ts';
import { move, settle } from '../list.ts';
import type { AppCommands } from './app.ts';
import { type CommandContext, patch, sayRefusal, withBusy } from './context.ts';
import { createHistoryFilters, type HistoryFilters } from './history-filters.ts';
import { showWhy } from './home.ts';

export interface HistoryCommands extends HistoryFilters {
  readonly show: () => void;
  readonly back: () => void;
  readonly move: (by: number) => void;
  /** Chooses a run; the chosen one is opened. */
  readonly choose: (runId: string) => void;
  readonly open: () => void;
  readonly mark: () => void;
  readonly compare: () => void;
  readonly why: () => void;
  readonly facts: () => void;
}

/** So many runs are listed; older ones are reached with `pipewright runs --limit 0`. */
const MOST_RUNS = 5_000;

export function createHistoryCommands(
  context: CommandContext,
  app: AppCommands,
  openRun: (runId: string) => void,
): HistoryCommands {
  const { store, backend } = context;
  const chosen = (): RunSummary | undefined => {
    const { history, nowMs } = store.getState();
    const runs = historyRuns(history, nowMs);
    const id = settle(
      runs.map(({ pipeline_id }) => pipeline_id),
      history.chosen,
    );
    return runs.find(({ pipeline_id }) => pipeline_id === id);
  };
  const withChosen = (act: (run: RunSummary) => void) => (): void => {
    const run = chosen();
    if (run) act(run);
  };
  return {
    show: () => {
      patch(store, () => ({ screen: 'history' }));
      void withBusy(context, 'reading the history', async () => {
        const runs = await backend.history(MOST_RUNS);
        patch(store, ({ history }) => ({ history: { ...history, runs, isLoaded: true } }));
      });
    },
    back: () => patch(store, () => ({ screen: 'home' })),
    move: (by) =>
      patch(store, ({ history, nowMs }) => {
        const ids = historyRuns(history, nowMs).map(({ pipeline_id }) => pipeline_id);
        return { history: { ...history, chosen: move(ids, settle(ids, history.chosen), by) } };
      }),
    choose: (runId) => {
      if (chosen()?.pipeline_id === runId) openRun(runId);
      else patch(store, ({ history }) => ({ history: { ...history, chosen: runId } }));
    },
    open: withChosen(({ pipeline_id }) => openRun(pipeline_id)),
    ...createHistoryFilters(context, app),
    mark: withChosen(({ pipeline_id }) =>
      patch(store, ({ history }) => ({
        history: { ...history, marked: toggled(history.marked, pipeline_id) },
      })),
    ),
    compare: () => void compare(context, app),
    why: withChosen(({ pipeline_id }) => void showWhy(context, app, pipeline_id)),
    facts: withChosen(
      ({ pipeline_id }) =>
        void withBusy(context, 'reading the run', async () => {
          const state = await backend.read(pipeline_id);
          if (state.ok) app.showPage({ title: pipeline_id, lines: backend.text.show(state.value) });
          else sayRefusal(store, state.failure);
        }),
    ),
  };
}

/** The newest two marks count. */
function toggled(marked: readonly string[], id: string): readonly string[] {
  return marked.includes(id) ? marked.filter((other) => other !== id) : [...marked, id].slice(-2);
}

function compare(context: CommandContext, app: AppCommands): Promise<void> {
  const [first, second] = context.store.getState().history.marked;
  if (first === undefined || second === undefined) return Promise.resolve();
  return withBusy(context, 'comparing', async () => {
    const { backend, store } = context;
    const [a, b] = await Promise.all([backend.read(first), backend.read(second)]);
    if (!a.ok) sayRefusal(store, a.failure);
    else if (!b.ok) sayRefusal(store, b.failure);
    else app.showPage({ title: 'Two runs compared', lines: compareRuns(a.value, b.value) });
  });
}
