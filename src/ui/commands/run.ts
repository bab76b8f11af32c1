import path from 'node:path';
import type { StageDefinition } from '../../core/definition.ts';
import { findStage } from '../../core/engine/scope.ts';
import type { RunEvent } from '../../core/events.ts';
import type { RunState } from '../../core/run-state.ts';
import { move } from '../list.ts';
import { failedStages, logOf, parentOf, placeOf, treeOf, type TreeNode } from '../model/tree.ts';
import { isDrivenShown, questionOf, type RunView } from '../state.ts';
import { oneLine } from '../text.ts';
import type { AppCommands } from './app.ts';
import { type CommandContext, patch, say, sayRefusal, withBusy } from './context.ts';
import { type DriveCommands, newView, watched, withState } from './drive.ts';
import { showWhy } from './home.ts';
import { offerRerun, offerUndo } from './run-offers.ts';

/** The screen of one run. */
export interface RunCommands {
  /** Shows a run as its journal has it, or the one that is driven here. */
  readonly open: (runId: string) => void;
  /** Shows the run that is driven here. */
  readonly showDriven: () => void;
  readonly back: () => void;
  readonly move: (by: number) => void;
  /** Chooses a node; the chosen one is opened or closed. */
  readonly choose: (id: string) => void;
  /** Opens a node, or goes to its first child; closes it, or goes to its parent. */
  readonly unfold: () => void;
  readonly fold: () => void;
  /** The choice moves with what runs again. */
  readonly follow: () => void;
  readonly approve: () => void;
  readonly reject: () => void;
  readonly skipQuestion: () => void;
  readonly details: () => void;
  readonly leaveOpen: () => void;
  /** After a failure: runs what failed, and what came after it, again. */
  readonly retry: () => void;
  /** After a failure: goes on without the stages that failed. */
  readonly skipFailed: () => void;
  /** After a failure: shows what undoing the run would do; `y` begins it. */
  readonly rollBack: () => void;
  /** Shows what a rerun from the chosen stage would do; `y` begins it. */
  readonly rerunFromHere: () => void;
  readonly cancel: () => void;
  readonly why: () => void;
  readonly shell: () => void;
  readonly openLog: () => void;
}

export function createRunCommands(
  context: CommandContext,
  app: AppCommands,
  drive: DriveCommands,
): RunCommands {
  return {
    ...createViewCommands(context, app),
    ...createAnswerCommands(context, app, drive),
    ...createActCommands(context, app, drive),
  };
}

type ViewCommands = Pick<
  RunCommands,
  'open' | 'showDriven' | 'back' | 'move' | 'choose' | 'unfold' | 'fold' | 'follow' | 'why'
>;

function createViewCommands(context: CommandContext, app: AppCommands): ViewCommands {
  const { store, backend, ticker } = context;
  let watching: AbortController | undefined;
  const unwatch = (): void => {
    watching?.abort();
    watching = undefined;
  };
  const showDriven = (): void => {
    unwatch();
    patch(store, ({ driven, run }) => {
      if (!driven) return {};
      const view = run?.runId === driven.runId && run ? run : newView(driven.runId, driven.title);
      return { screen: 'run', run: driven.state ? withState(view, driven.state) : view };
    });
  };
  const open = async (runId: string): Promise<void> => {
    const state = await backend.read(runId);
    if (!state.ok) return sayRefusal(store, state.failure);
    const isWatched = state.value.status === 'running';
    const view = withState({ ...newView(runId, runId), isWatched }, state.value);
    patch(store, () => ({ screen: 'run', page: undefined, run: view }));
    if (!isWatched) return;
    watching = new AbortController();
    const observe = (event: RunEvent): void => ticker.later((screen) => watched(screen, event));
    const { signal } = watching;
    await backend.watch(runId, { seq: state.value.last_seq + 1, observe }, signal);
    if (signal.aborted) return;
    // Its process may have died without a word: the journal says so.
    const after = await backend.read(runId);
    ticker.later((screen) =>
      screen.run?.runId === runId
        ? {
            ...screen,
            run: { ...(after.ok ? withState(screen.run, after.value) : screen.run), isWatched: false },
          }
        : screen,
    );
  };
  return {
    open: (runId) => {
      unwatch();
      if (store.getState().driven?.runId === runId) showDriven();
      else
        void open(runId).catch((error: unknown) =>
          say(store, `the run cannot be read: ${String(error)}`, 'bad'),
        );
    },
    showDriven,
    back: () => {
      unwatch();
      patch(store, () => ({ screen: 'home' }));
    },
    move: (by) =>
      patchRun(context, (run) => ({
        ...run,
        isFollowing: false,
        chosen: move(
          nodesOf(run).map(({ id }) => id),
          run.chosen,
          by,
        ),
      })),
    choose: (id) =>
      patchRun(context, (run) =>
        run.chosen === id ? toggled(run) : { ...run, isFollowing: false, chosen: id },
      ),
    unfold: () => patchRun(context, unfolded),
    fold: () => patchRun(context, folded),
    follow: () =>
      patchRun(context, (run) => (run.state ? withState({ ...run, isFollowing: true }, run.state) : run)),
    why: () => {
      const { run } = store.getState();
      if (run?.runId === undefined) return;
      void showWhy(context, app, run.runId, run.chosen === undefined ? undefined : placeOf(run.chosen).stage);
    },
  };
}

function nodesOf(run: RunView): readonly TreeNode[] {
  return treeOf(run);
}

function patchRun({ store }: CommandContext, change: (run: RunView) => RunView): void {
  patch(store, ({ run }) => (run ? { run: change(run) } : {}));
}

function toggled(run: RunView): RunView {
  const node = nodesOf(run).find(({ id }) => id === run.chosen);
  return node?.isParent ? { ...run, folds: { ...run.folds, [node.id]: !node.isOpen } } : run;
}

function unfolded(run: RunView): RunView {
  const nodes = nodesOf(run);
  const at = nodes.findIndex(({ id }) => id === run.chosen);
  const node = nodes[at];
  if (!node?.isParent) return run;
  if (!node.isOpen) return { ...run, folds: { ...run.folds, [node.id]: true } };
  return { ...run, isFollowing: false, chosen: nodes[at + 1]?.id ?? run.chosen };
}

function folded(run: RunView): RunView {
  const node = nodesOf(run).find(({ id }) => id === run.chosen);
  if (!node) return run;
  if (node.isOpen) return { ...run, folds: { ...run.folds, [node.id]: false } };
  const parent = parentOf(node.id);
  return parent === undefined ? run : { ...run, isFollowing: false, chosen: parent };
}

type AnswerCommands = Pick<RunCommands, 'approve' | 'reject' | 'skipQuestion' | 'details' | 'leaveOpen'>;

function createAnswerCommands(
  { store }: CommandContext,
  app: AppCommands,
  drive: DriveCommands,
): AnswerCommands {
  const answer = (
    confirm: 'approved' | 'skipped' | 'nobody',
    interrupted: 'retry' | 'skip' | 'nobody',
  ): void => {
    const question = questionOf(store.getState());
    if (question?.type === 'confirm') drive.answer({ type: 'confirm', answer: confirm });
    if (question?.type === 'interrupted') drive.answer({ type: 'interrupted', answer: interrupted });
  };
  return {
    approve: () => answer('approved', 'retry'),
    skipQuestion: () => answer('skipped', 'skip'),
    leaveOpen: () => answer('nobody', 'nobody'),
    reject: () => {
      const question = questionOf(store.getState());
      if (question?.type === 'interrupted') drive.answer({ type: 'interrupted', answer: 'fail' });
      if (question?.type !== 'confirm') return;
      app.askLine(
        { purpose: 'reason', label: `why not ${oneLine(question.stage)}? (enter rejects, esc goes back) ` },
        { done: (comment) => drive.answer({ type: 'confirm', answer: 'rejected', comment: comment.trim() }) },
      );
    },
    details: () => {
      const question = questionOf(store.getState());
      if (question?.type !== 'confirm') return;
      app.showPage({
        title: `Details: ${oneLine(question.stage)}`,
        lines: [question.message, '', ...question.details],
      });
    },
  };
}

type ActCommands = Pick<
  RunCommands,
  'retry' | 'skipFailed' | 'rollBack' | 'rerunFromHere' | 'cancel' | 'shell' | 'openLog'
>;

function createActCommands(context: CommandContext, app: AppCommands, drive: DriveCommands): ActCommands {
  const { store, backend, host } = context;
  const shown = ():
    | { readonly run: RunView; readonly runId: string; readonly state: RunState }
    | undefined => {
    const { run } = store.getState();
    return run?.runId !== undefined && run.state ? { run, runId: run.runId, state: run.state } : undefined;
  };
  return {
    retry: () => {
      const run = shown();
      if (run) drive.start({ type: 'continue', runId: run.runId }, run.run.title);
    },
    skipFailed: () => {
      const run = shown();
      if (!run) return;
      const choice = { stages: [], downstream: false, failed: true, skip: failedStages(run.state) };
      drive.start({ type: 'rerun', runId: run.runId, choice }, run.run.title);
    },
    rollBack: () => {
      const run = shown();
      if (run) offerUndo(app, drive, run);
    },
    rerunFromHere: () => {
      const run = shown();
      if (run) void offerRerun(context, app, drive, run);
    },
    cancel: () => {
      const state = store.getState();
      const runId = state.run?.runId;
      app.showPage({
        title: `Cancel ${runId ?? 'the run'}?`,
        lines: [
          'Every process of the run is ended, here and on other machines.',
          'Cancelling is final: it cannot be continued.',
          'In the middle of a deploy, what this run has deployed is undone.',
        ],
        offer: {
          label: 'cancel it',
          accept: () =>
            isDrivenShown(store.getState()) ? drive.cancel() : void cancelElsewhere(context, runId),
        },
      });
    },
    shell: () => {
      const run = shown();
      if (!run) return;
      const stage = run.run.chosen === undefined ? undefined : placeOf(run.run.chosen).stage;
      const workdir = stage === undefined ? undefined : definitionOf(run.state, stage)?.workdir;
      void host.lend(() =>
        backend.shell({
          runId: run.runId,
          ...(stage !== undefined && { stage }),
          ...(workdir !== undefined && { workdir }),
        }),
      );
    },
    openLog: () => {
      const run = shown();
      const log = run?.run.chosen === undefined ? undefined : logOf(run.state, run.run.chosen);
      if (!run || !log) return say(store, 'nothing was printed there yet');
      void host.lend(() => backend.openFile(path.join(backend.runFolder(run.runId), log.file)));
    },
  };
}

function definitionOf(state: RunState, stage: string): StageDefinition | undefined {
  return state.created ? findStage(state.created.definition, stage) : undefined;
}

async function cancelElsewhere(context: CommandContext, runId: string | undefined): Promise<void> {
  if (runId === undefined) return;
  await withBusy(context, 'cancelling', async () => {
    const cancelled = await context.backend.cancel(runId);
    if (cancelled.ok) say(context.store, `${runId} is ${cancelled.value}`);
    else sayRefusal(context.store, cancelled.failure);
  });
}
