import { detailCount, fileStarts } from '../model/diff.ts';
import { commitsLayout } from '../model/commits.ts';
import {
  chosenEntry,
  chosenIds,
  type CommitQuery,
  type CommitsState,
  commitsText,
  NO_QUERY,
  rangeOf,
} from '../commits-state.ts';
import { bodyOf } from '../layout.ts';
import type { ScreenState } from '../state.ts';
import { createTheme } from '../theme.ts';
import type { AppCommands } from './app.ts';
import { type CommitLoader, createCommitLoader } from './commits-load.ts';
import { type CommandContext, patch, say, sayRefusal, withBusy } from './context.ts';

/** Which commits a run is about. */
export interface CommitCommands {
  /** Shows them for a pipeline; `orElse` is done where there is no repository. */
  readonly open: (target: string, orElse?: () => void) => void;
  readonly back: () => void;
  readonly move: (by: number) => void;
  /** Chooses the entry at a place. */
  readonly choose: (at: number) => void;
  /** To the last one: all are read. */
  readonly last: () => void;
  readonly mark: () => void;
  /** Begins a range; the second time marks it. */
  readonly range: () => void;
  readonly sinceDeploy: () => void;
  readonly unmark: () => void;
  readonly filter: (by: keyof CommitQuery) => void;
  /** Drops a range that was begun, then the filters. */
  readonly drop: () => void;
  readonly switchBranch: () => void;
  readonly focus: (on: CommitsState['focus']) => void;
  readonly zoom: () => void;
  readonly scroll: (by: number | 'page-up' | 'page-down' | 'top' | 'end') => void;
  /** To the file before or after in the diff. */
  readonly file: (by: 1 | -1) => void;
  readonly copyId: () => void;
  readonly refresh: () => void;
  /** Goes on to the form with the choice. */
  readonly use: () => void;
}

/** Where the choice leads. */
export interface CommitDoors {
  readonly openForm: (target: string, commits: { readonly text: string; readonly count: number }) => void;
}

interface Parts {
  readonly context: CommandContext;
  readonly app: AppCommands;
  readonly loader: () => CommitLoader | undefined;
  readonly change: (edit: (commits: CommitsState) => CommitsState) => void;
  readonly shown: () => CommitsState | undefined;
}

export function createCommitCommands(
  context: CommandContext,
  app: AppCommands,
  doors: CommitDoors,
): CommitCommands {
  const { store } = context;
  let loader: CommitLoader | undefined;
  const parts: Parts = {
    context,
    app,
    loader: () => loader,
    change: (edit) => patch(store, ({ commits }) => (commits ? { commits: edit(commits) } : {})),
    shown: () => store.getState().commits,
  };
  const stop = (): void => {
    loader?.stop();
    loader = undefined;
  };
  const open = (target: string, orElse?: () => void): Promise<void> =>
    withBusy(context, 'opening the repository', async () => {
      const made = await openRepository(context, target);
      if (!made.ok)
        return orElse ? orElse() : sayRefusal(store, made.failure, 'There are no commits to choose');
      stop();
      ({ loader } = made);
      patch(store, () => ({ screen: 'commits', page: undefined, commits: made.state }));
      loader.restart();
    });
  return {
    ...createListCommands(parts),
    ...createDiffCommands(parts),
    open: (target, orElse) => void open(target, orElse),
    back: () => {
      stop();
      patch(store, () => ({ screen: 'home', commits: undefined }));
    },
    use: () => {
      const commits = parts.shown();
      if (!commits) return;
      const count = chosenIds(commits).length;
      if (count === 0)
        return say(store, 'what is not committed cannot be chosen: a run is about commits', 'bad');
      doors.openForm(commits.target, { text: commitsText(commits), count });
    },
  };
}

type Opened =
  | { readonly ok: true; readonly loader: CommitLoader; readonly state: CommitsState }
  | { readonly ok: false; readonly failure: Parameters<typeof sayRefusal>[1] };

async function openRepository(context: CommandContext, target: string): Promise<Opened> {
  const { backend } = context;
  const vcs = await backend.repository();
  if (!vcs.ok) return vcs;
  const [branches, deployed] = await Promise.all([vcs.value.branches(), backend.deployedCommit(target)]);
  const state: CommitsState = {
    target,
    branches: branches.ok ? branches.value.names : [],
    current: branches.ok ? branches.value.current : undefined,
    query: NO_QUERY,
    entries: [],
    isComplete: false,
    isLoading: true,
    at: 0,
    marked: new Set(),
    deployed,
    focus: 'list',
    top: 0,
    isZoomed: false,
  };
  return { ok: true, loader: createCommitLoader(context, vcs.value), state };
}

type ListCommands = Omit<
  CommitCommands,
  'open' | 'back' | 'use' | keyof ReturnType<typeof createDiffCommands>
>;

function createListCommands(parts: Parts): ListCommands {
  const { context, change, shown, loader, app } = parts;
  const goTo = (at: (commits: CommitsState) => number): void => {
    change((commits) => moved(commits, at(commits)));
    loader()?.follow();
  };
  return {
    move: (by) => goTo(({ at }) => at + by),
    choose: (at) => goTo(() => at),
    last: () => {
      goTo(({ entries }) => entries.length - 1);
      void withBusy(context, 'reading all commits', async () => {
        await loader()?.loadAll();
        goTo(({ entries }) => entries.length - 1);
      });
    },
    mark: () => {
      const commits = shown();
      if (commits && rangeOf(commits)) return change(withRange);
      const entry = commits && chosenEntry(commits);
      if (entry?.type !== 'commit') return say(context.store, 'only commits can be marked');
      change((now) => ({ ...now, marked: toggled(now.marked, entry.id) }));
      goTo(({ at }) => at + 1);
    },
    range: () =>
      change((commits) => (rangeOf(commits) ? withRange(commits) : { ...commits, anchor: commits.at })),
    sinceDeploy: () => void markSinceDeploy(parts),
    unmark: () =>
      change((commits) => ({ ...commits, marked: new Set(), anchor: undefined, sinceDeploy: undefined })),
    filter: (by) => {
      const before = shown()?.query[by] ?? '';
      const apply = (text: string): void => {
        change((commits) => ({ ...commits, query: { ...commits.query, [by]: text.trim() } }));
        loader()?.restart();
      };
      app.askLine({ purpose: 'filter', label: FILTERS[by] }, { done: apply }, before);
    },
    drop: () => {
      const commits = shown();
      if (commits?.anchor !== undefined) return change((now) => ({ ...now, anchor: undefined }));
      change((now) => ({ ...now, query: NO_QUERY }));
      loader()?.restart();
    },
    switchBranch: () => {
      const { branches = [], current } = shown() ?? {};
      app.pick('Show the commits of a branch', branches, (branch) => {
        change((commits) => ({ ...commits, branch: branch === current ? undefined : branch }));
        loader()?.restart();
      });
    },
    copyId: () => {
      const commits = shown();
      const entry = commits && chosenEntry(commits);
      if (entry?.type !== 'commit') return;
      context.host.copy(entry.id);
      say(context.store, `copied ${entry.id}`, 'good');
    },
    refresh: () => loader()?.restart(),
  };
}

const FILTERS: Readonly<Record<keyof CommitQuery, string>> = {
  text: 'only messages with: ',
  author: 'only authors with: ',
  path: 'only below the path: ',
};

function moved(commits: CommitsState, at: number): CommitsState {
  const next = Math.max(0, Math.min(commits.entries.length - 1, at));
  return next === commits.at ? commits : { ...commits, at: next, top: 0 };
}

function toggled(marked: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(marked);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** Every commit between anchor and choice is marked. */
function withRange(commits: CommitsState): CommitsState {
  const [from, to] = rangeOf(commits) ?? [0, -1];
  const ids = commits.entries.slice(from, to + 1).flatMap(({ type, id }) => (type === 'commit' ? [id] : []));
  return { ...commits, marked: new Set([...commits.marked, ...ids]), anchor: undefined };
}

async function markSinceDeploy({ context, shown, loader, change }: Parts): Promise<void> {
  const { store, backend } = context;
  const deployed = shown()?.deployed;
  if (deployed === undefined)
    return say(store, 'no deploy is known yet: mark commits with space or v', 'bad');
  await withBusy(context, 'looking for what came after the last deploy', async () => {
    const ids = await loader()?.since(deployed.id);
    if (!ids?.ok) return ids ? say(store, backend.text.failure(ids.failure), 'bad') : undefined;
    const [newest] = ids.value;
    if (newest === undefined) return say(store, 'nothing came after the last deploy');
    change((commits) => ({
      ...commits,
      marked: new Set(ids.value),
      anchor: undefined,
      sinceDeploy: { newest, count: ids.value.length },
    }));
    const since = deployed.isRelease ? 'was deployed' : 'had its run';
    say(store, `${ids.value.length} commit(s) since ${deployed.id.slice(0, 8)} ${since}`, 'good');
  });
}

type DiffCommands = Pick<CommitCommands, 'focus' | 'zoom' | 'scroll' | 'file'>;

function createDiffCommands({ context, change }: Parts): DiffCommands {
  const scroll = (to: (commits: CommitsState, page: number, last: number) => number): void =>
    patch(context.store, (state) => {
      const { commits } = state;
      if (!commits) return {};
      const { width, height } = detailsArea(state, commits);
      const page = Math.max(1, height - 2);
      const last = Math.max(0, detailCount(commits, width, PLAIN) - (height - 1));
      return { commits: { ...commits, top: Math.max(0, Math.min(last, to(commits, page, last))) } };
    });
  return {
    focus: (on) =>
      change((commits) => ({ ...commits, focus: on, isZoomed: commits.isZoomed && on === 'diff' })),
    zoom: () => change((commits) => ({ ...commits, isZoomed: !commits.isZoomed, focus: 'diff' })),
    scroll: (by) =>
      scroll(({ top }, page, last) => {
        if (typeof by === 'number') return top + by;
        return { 'page-up': top - page, 'page-down': top + page, top: 0, end: last }[by];
      }),
    file: (by) =>
      patch(context.store, (state) => {
        const { commits } = state;
        if (!commits) return {};
        const starts = fileStarts(commits, detailsArea(state, commits).width, PLAIN);
        const next =
          by > 0 ? starts.find((at) => at > commits.top) : starts.findLast((at) => at < commits.top);
        return { commits: { ...commits, top: next ?? (by > 0 ? commits.top : 0) } };
      }),
  };
}

/** For counting lines only. */
const PLAIN = createTheme('mono');

function detailsArea(
  state: ScreenState,
  { isZoomed }: CommitsState,
): ReturnType<typeof commitsLayout>['details'] {
  return commitsLayout(bodyOf(state, 1), isZoomed).details;
}
