import { undoOf } from '../../core/engine/undo.ts';
import { nextDays, nextStatus } from '../model/history.ts';
import type { HistoryState } from '../state.ts';
import type { AppCommands } from './app.ts';
import { type CommandContext, patch, withBusy } from './context.ts';

/** Which runs are listed. */
export interface HistoryFilters {
  readonly filter: () => void;
  readonly clearFilter: () => void;
  /** Only runs with the next status that there is; after the last one all again. */
  readonly nextStatus: () => void;
  readonly pickPipeline: () => void;
  /** Only runs of today, then of more days, then all again. */
  readonly nextDays: () => void;
  /** Only what was rolled back or can be; again for all. */
  readonly rollbacks: () => void;
}

export function createHistoryFilters(context: CommandContext, app: AppCommands): HistoryFilters {
  const { store } = context;
  const setFilter = (filter: string): void =>
    patch(store, ({ history }) => ({ history: { ...history, filter, chosen: undefined } }));
  const patchHistory = (change: (history: HistoryState) => Partial<HistoryState>): void =>
    patch(store, ({ history }) => ({ history: { ...history, chosen: undefined, ...change(history) } }));
  return {
    filter: () =>
      app.askLine(
        { purpose: 'filter', label: '/' },
        { changed: setFilter, done: setFilter, cancelled: () => setFilter('') },
        store.getState().history.filter,
      ),
    clearFilter: () => patchHistory(() => NO_FILTERS),
    nextStatus: () => patchHistory((history) => ({ status: nextStatus(history) })),
    pickPipeline: () => {
      const names = new Set(store.getState().history.runs.map(({ pipeline }) => pipeline));
      app.pick('Only runs of the pipeline', [...names].toSorted(), (pipeline) =>
        patchHistory(() => ({ pipeline })),
      );
    },
    nextDays: () => patchHistory((history) => ({ days: nextDays(history) })),
    rollbacks: () => {
      if (store.getState().history.undoable) patchHistory(() => ({ undoable: undefined }));
      else
        void withBusy(context, 'looking for what can be undone', async () => {
          const undoable = await undoableRuns(context);
          patchHistory(() => ({ undoable }));
        });
    },
  };
}

const NO_FILTERS = {
  filter: '',
  status: undefined,
  pipeline: undefined,
  days: undefined,
  undoable: undefined,
} as const;

/** So many of the newest failures are looked at. */
const MOST_LOOKED_AT = 100;

/** Runs that an undo would do something for: their journals say so. */
async function undoableRuns({ store, backend }: CommandContext): Promise<ReadonlySet<string>> {
  const ended = store
    .getState()
    .history.runs.filter(({ status }) => status === 'failed' || status === 'cancelled')
    .slice(0, MOST_LOOKED_AT);
  const ids = new Set<string>();
  for (const { pipeline_id: runId } of ended) {
    const state = await backend.read(runId);
    if (state.ok && undoOf(state.value).ok) ids.add(runId);
  }
  return ids;
}
