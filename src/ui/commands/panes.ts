import path from 'node:path';
import type { CopyWhat, PaneAction } from '../panes/contract.ts';
import { logOf } from '../model/tree.ts';
import type { PaneView, RunView, ScreenState } from '../state.ts';
import type { AppCommands } from './app.ts';
import { type CommandContext, patch, say } from './context.ts';

/** The log panes of the run screen. */
export interface PaneCommands {
  /** 0 is the tree. */
  readonly focus: (position: number) => void;
  readonly focusNext: (by: 1 | -1) => void;
  /** One more pane, kept on the chosen node. */
  readonly split: () => void;
  readonly close: () => void;
  /** The pane keeps its log, or shows again what is chosen in the tree. */
  readonly pin: () => void;
  readonly zoom: () => void;
  readonly act: (action: PaneAction) => void;
  readonly search: () => void;
  readonly filter: () => void;
  /** A selection begins at the pane's first line, or is dropped. */
  readonly toggleSelection: () => void;
  /** The selection, or else what is seen. */
  readonly copy: () => void;
  /** All lines of the filter, or else of the search. */
  readonly copyMatches: () => void;
}

export const MAX_PANES = 4;

export function createPaneCommands(context: CommandContext, app: AppCommands): PaneCommands {
  const { store, panes } = context;
  const patchRun = (change: (run: RunView) => RunView): void =>
    patch(store, ({ run }) => (run ? { run: change(run) } : {}));
  const paneId = (): string | undefined => focusedPane(store.getState().run)?.id;
  const act = (action: PaneAction): void => {
    const id = paneId();
    if (id !== undefined) panes.key(id, action);
  };
  return {
    ...createArrangement(patchRun),
    act,
    search: () => {
      const id = paneId();
      if (id === undefined) return;
      const before = panes.status(id)?.search?.text ?? '';
      app.askLine(
        { purpose: 'search', label: 'search the log: ' },
        { done: (text) => panes.key(id, { type: 'search', text }) },
        before,
      );
    },
    filter: () => {
      const id = paneId();
      if (id === undefined) return;
      const before = panes.status(id)?.filter?.text ?? '';
      const apply = (text: string): void => void panes.key(id, { type: 'filter', text });
      app.askLine(
        { purpose: 'grep', label: 'only lines with: ' },
        { changed: apply, done: apply, cancelled: () => apply(before) },
        before,
      );
    },
    toggleSelection: () => {
      const id = paneId();
      const isSelecting = id !== undefined && (panes.status(id)?.selectedLines ?? 0) > 0;
      act(isSelecting ? { type: 'select-clear' } : { type: 'select', row: 0 });
    },
    copy: () => {
      const id = paneId();
      const isSelecting = id !== undefined && (panes.status(id)?.selectedLines ?? 0) > 0;
      copy(context, id, isSelecting ? 'selection' : 'visible');
    },
    copyMatches: () => copy(context, paneId(), 'matches'),
  };
}

function copy({ panes, host, store }: CommandContext, id: string | undefined, what: CopyWhat): void {
  const copied = id === undefined ? undefined : panes.key(id, { type: 'copy', what });
  if (!copied || copied.lines === 0) return say(store, 'nothing to copy there');
  host.copy(copied.text);
  say(store, `copied ${copied.lines} line(s)${copied.cut ? ', cut at 1 MiB' : ''}`, 'good');
}

type Arrangement = Pick<PaneCommands, 'focus' | 'focusNext' | 'split' | 'close' | 'pin' | 'zoom'>;

function createArrangement(patchRun: (change: (run: RunView) => RunView) => void): Arrangement {
  return {
    focus: (position) =>
      patchRun((run) =>
        position > run.panes.length
          ? run
          : { ...run, focus: position, isZoomed: run.isZoomed && position > 0 },
      ),
    focusNext: (by) =>
      patchRun((run) => {
        const count = run.panes.length + 1;
        const next = (run.focus + by + count) % count;
        return { ...run, focus: run.isZoomed && next === 0 ? (next + by + count) % count : next };
      }),
    split: () =>
      patchRun((run) => {
        if (run.panes.length >= MAX_PANES) return run;
        const taken = new Set(run.panes.map(({ id }) => id));
        const id = PANE_IDS.find((candidate) => !taken.has(candidate)) ?? 'pane-1';
        return { ...run, panes: [...run.panes, { id, pinned: run.chosen }], isZoomed: false };
      }),
    close: () =>
      patchRun((run) => {
        if (run.panes.length <= 1 || run.focus === 0) return run;
        const panes = run.panes.filter((_, at) => at !== run.focus - 1);
        return { ...run, panes, focus: Math.min(run.focus, panes.length), isZoomed: false };
      }),
    pin: () =>
      patchRun((run) => {
        const at = Math.max(0, run.focus - 1);
        const panes = run.panes.map((pane, index) => (index === at ? pinned(pane, run.chosen) : pane));
        return { ...run, panes };
      }),
    zoom: () =>
      patchRun((run) => ({ ...run, isZoomed: !run.isZoomed, focus: run.focus === 0 ? 1 : run.focus })),
  };
}

const PANE_IDS = Array.from({ length: MAX_PANES }, (_, at) => `pane-${at + 1}`);

function pinned(pane: PaneView, chosen: string | undefined): PaneView {
  return pane.pinned === undefined ? { ...pane, pinned: chosen } : { id: pane.id };
}

/** The pane that keys go to: the one with the focus, or the first. */
export function focusedPane(run: RunView | undefined): PaneView | undefined {
  return run?.panes[Math.max(0, run.focus - 1)];
}

/** The node whose log a pane shows. */
export function nodeOf(run: RunView, pane: PaneView): string | undefined {
  return pane.pinned ?? run.chosen;
}

/**
 * Opens and closes logs as the state of the screen says; called after every change, does work only where
 * something is different. Closing a run's screen closes its files.
 */
export function createPaneSync(
  context: Pick<CommandContext, 'panes' | 'backend'>,
): (state: ScreenState) => void {
  const shown = new Map<string, string>();
  return ({ run, screen }) => {
    const wanted = new Map(screen === 'run' && run ? logsOf(run, context.backend.runFolder) : []);
    for (const [id] of shown) {
      if (wanted.has(id)) continue;
      shown.delete(id);
      context.panes.close(id);
    }
    for (const [id, { file, isLive }] of wanted) {
      const key = `${isLive ? 'live' : 'rest'} ${file}`;
      if (shown.get(id) === key) continue;
      shown.set(id, key);
      context.panes.open(id, { file, live: isLive });
    }
  };
}

function logsOf(
  run: RunView,
  folderOf: (runId: string) => string,
): (readonly [string, { readonly file: string; readonly isLive: boolean }])[] {
  const { runId, state } = run;
  if (runId === undefined || !state) return [];
  return run.panes.flatMap((pane) => {
    const node = nodeOf(run, pane);
    const log = node === undefined ? undefined : logOf(state, node);
    return log
      ? [[pane.id, { file: path.join(folderOf(runId), log.file), isLive: log.isLive }] as const]
      : [];
  });
}
