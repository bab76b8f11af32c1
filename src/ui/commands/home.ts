import { move, settle } from '../list.ts';
import { homeItems, type HomeItem } from '../model/home.ts';
import type { ScreenState } from '../state.ts';
import { oneLine } from '../text.ts';
import type { AppCommands } from './app.ts';
import { type CommandContext, patch, sayRefusal, withBusy } from './context.ts';

export interface HomeCommands {
  readonly show: () => void;
  /** Reads pipelines and runs again. */
  readonly refresh: () => Promise<void>;
  readonly move: (by: number) => void;
  /** Chooses a row; the chosen one is opened. */
  readonly choose: (id: string) => void;
  /** What enter does on the chosen row. */
  readonly open: () => void;
  /** Chooses the commits that a run of the pipeline is about. */
  readonly commits: () => void;
  readonly filter: () => void;
  readonly clearFilter: () => void;
  readonly why: () => void;
  readonly plan: () => void;
  readonly chosen: () => HomeItem | undefined;
}

/** Where rows of Home lead. */
interface Doors {
  readonly openPipeline: (target: string) => void;
  readonly openCommits: (target: string) => void;
  readonly openRun: (runId: string) => void;
  readonly continueRun: (runId: string, title: string) => void;
}

export function createHomeCommands(context: CommandContext, app: AppCommands, doors: Doors): HomeCommands {
  const { store } = context;
  const setFilter = (filter: string): void =>
    patch(store, ({ home }) => ({ home: { ...home, filter, chosen: undefined } }));
  const chosen = (): HomeItem | undefined => chosenItem(store.getState());
  const open = (): void => {
    const item = chosen();
    if (item?.type === 'pipeline') doors.openPipeline(item.entry.name);
    else if (item?.type === 'open' && item.run.status !== 'running') {
      doors.continueRun(item.run.pipeline_id, item.run.pipeline);
    } else if (item) doors.openRun(item.run.pipeline_id);
  };
  return {
    chosen,
    show: () => patch(store, () => ({ screen: 'home' })),
    refresh: () => refresh(context),
    move: (by) =>
      patch(store, ({ home }) => {
        const ids = homeItems(home).map(({ id }) => id);
        return { home: { ...home, chosen: move(ids, settle(ids, home.chosen), by) } };
      }),
    open,
    choose: (id) => {
      if (chosen()?.id === id) open();
      else patch(store, ({ home }) => ({ home: { ...home, chosen: id } }));
    },
    commits: () => {
      const item = chosen();
      if (item?.type === 'pipeline') doors.openCommits(item.entry.name);
    },
    filter: () =>
      app.askLine(
        { purpose: 'filter', label: '/' },
        { changed: setFilter, done: setFilter, cancelled: () => setFilter('') },
        store.getState().home.filter,
      ),
    clearFilter: () => setFilter(''),
    why: () => {
      const item = chosen();
      const run = item?.type === 'pipeline' ? item.last : item?.run;
      if (run) void showWhy(context, app, run.pipeline_id);
    },
    plan: () => {
      const item = chosen();
      if (item?.type === 'pipeline') void showPlan(context, app, item.entry.name);
    },
  };
}

/** The row that enter would open. */
export function chosenItem({ home }: ScreenState): HomeItem | undefined {
  const items = homeItems(home);
  const id = settle(
    items.map((item) => item.id),
    home.chosen,
  );
  return items.find((item) => item.id === id);
}

async function refresh({ store, backend, nowMs }: CommandContext): Promise<void> {
  const [pipelines, index] = await Promise.all([backend.pipelines(), backend.index()]);
  patch(store, ({ home }) => ({
    nowMs: nowMs(),
    home: {
      ...home,
      isLoaded: true,
      pipelines,
      ...(index.ok
        ? { index: index.value, problem: undefined }
        : { problem: index.failure.lines.map(oneLine).join(' ') }),
    },
  }));
}

/** Each decision of a run, as `pipewright why` prints it. */
export function showWhy(
  context: CommandContext,
  app: AppCommands,
  runId: string,
  stage?: string,
): Promise<void> {
  return withBusy(context, 'reading the run', async () => {
    const state = await context.backend.read(runId);
    if (!state.ok) return sayRefusal(context.store, state.failure);
    app.showPage({ title: `Why: ${stage ?? runId}`, lines: context.backend.text.why(state.value, stage) });
  });
}

function showPlan(context: CommandContext, app: AppCommands, target: string): Promise<void> {
  return withBusy(context, 'planning', async () => {
    const plan = await context.backend.plan({ target, values: [] });
    if (!plan.ok) return sayRefusal(context.store, plan.failure, `No plan for ${target}`);
    app.showPage({ title: `Plan: ${target}`, lines: context.backend.text.plan(plan.value) });
  });
}
