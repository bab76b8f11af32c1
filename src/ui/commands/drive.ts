import { isUnitOpen } from '../../core/engine/unit.ts';
import type { Prompter } from '../../core/ports.ts';
import { reduce, type RunState } from '../../core/run-state.ts';
import type { RunEvent } from '../../core/events.ts';
import type { DrivenRun, Refusal, RunWork } from '../backend.ts';
import { activeNode } from '../model/tree.ts';
import { createScreenPrompter, type GivenAnswer } from '../prompter.ts';
import { isDrivenShown, type RunView, type ScreenName, type ScreenState } from '../state.ts';
import { type CommandContext, patch, say, sayRefusal } from './context.ts';

/** The one run that this process drives: begins it, answers for it, ends it. */
export interface DriveCommands {
  /** Begins a run and shows it. Refused while another one is driven here. */
  readonly start: (work: RunWork, title: string) => void;
  readonly answer: (given: GivenAnswer) => void;
  /** Final: every process of the run is ended. */
  readonly cancel: () => void;
  /** Its owner stops; it can be continued later. Then the screen is left. */
  readonly interruptAndLeave: (cause: string) => void;
  /** Cancels it and has what was deployed undone, then leaves. */
  readonly rollBackAndLeave: () => void;
  /** `cause`: a key, or a signal. */
  readonly cancelAndLeave: (cause?: string) => void;
  /** The screen ends; the run goes on in this process. */
  readonly leavePlain: () => void;
  /** Its questions go to another prompter from now on. */
  readonly handOver: (next: Prompter) => void;
  readonly stay: () => void;
}

/** `settled` is called when a run has come to rest. */
export function createDriveCommands(context: CommandContext, settled: () => void): DriveCommands {
  const { store, ticker, backend, host } = context;
  let stop: ReturnType<CommandContext['backend']['drive']>['stop'] | undefined;
  let leavesAfter = false;
  const prompter = createScreenPrompter((question) =>
    patch(store, ({ driven }) => (driven ? { driven: { ...driven, question } } : {})),
  );

  const start = (work: RunWork, title: string): void => {
    const busy = store.getState().driven;
    if (busy) {
      say(store, `${busy.title} is running here; start another one in a second terminal`, 'bad');
      return;
    }
    const runId = 'runId' in work ? work.runId : undefined;
    patch(store, (state) => beginning({ ...state, nowMs: context.nowMs() }, { runId, title }));
    const driven = backend.drive(work, {
      observe: (_event, state) => ticker.later((screen) => folded(screen, state)),
      prompter,
    });
    ({ stop } = driven);
    void rest(work, title, driven.done);
  };
  const rest = async (work: RunWork, title: string, done: DrivenRun['done']): Promise<void> => {
    const result = await done;
    stop = undefined;
    ticker.later((screen) => {
      // Whoever asked to leave while it ran, until this very frame, wanted to leave; now nothing is in the way.
      if (leavesAfter || screen.isLeaving) queueMicrotask(() => host.leave('done'));
      return ended(screen, result.ok ? result.value : undefined);
    });
    if (!result.ok) refuse(work, title, result.failure);
    settled();
  };
  /** Nothing was begun: back to where it was asked for, with the reason. */
  const refuse = (work: RunWork, title: string, refusal: Refusal): void => {
    if (work.type === 'prepared') return host.leave('done');
    ticker.later((screen) => {
      return screen.run?.state ? screen : { ...screen, screen: BEFORE[work.type] ?? 'home', run: undefined };
    });
    sayRefusal(store, refusal, `${title} was not started`);
  };
  const end = (kind: 'cancel' | 'interrupt', cause: string, undo = false): void => {
    const { driven } = store.getState();
    // Asked twice: whoever asks has waited long enough.
    if (driven?.isStopping && driven.runId !== undefined && kind === 'cancel') backend.kill(driven.runId);
    patch(store, (state) => ({
      isLeaving: false,
      ...(state.driven && { driven: { ...state.driven, isStopping: true } }),
    }));
    stop?.({ kind, cause, ...(undo && { undo }) });
  };
  return {
    start,
    answer: prompter.answer,
    // In the middle of a deploy a cancel takes back what was deployed.
    cancel: () => end('cancel', BY_KEY, isUnitOpen(store.getState().driven?.state)),
    cancelAndLeave: (cause = BY_KEY) => {
      leavesAfter = true;
      end('cancel', cause);
    },
    rollBackAndLeave: () => {
      leavesAfter = true;
      end('cancel', BY_KEY, true);
    },
    interruptAndLeave: (cause) => {
      leavesAfter = true;
      const { driven } = store.getState();
      const isAsking = driven?.question !== undefined;
      if (isAsking) prompter.answer(NOBODY[driven.question.type]);
      // With nothing but the question open the run is left waiting, not interrupted.
      if (isAsking && !runsSomething(driven.state)) patch(store, () => ({ isLeaving: false }));
      else end('interrupt', cause);
    },
    leavePlain: () => host.leave('plain'),
    handOver: prompter.handOver,
    stay: () => patch(store, () => ({ isLeaving: false })),
  };
}

/** Where runs are asked for, if not at Home. */
const BEFORE: { readonly [Type in RunWork['type']]?: ScreenName } = { start: 'form', rollback: 'releases' };

/** What the journal says of a run that was cancelled here. */
const BY_KEY = 'a key on the screen';

const NOBODY = {
  confirm: { type: 'confirm', answer: 'nobody' },
  interrupted: { type: 'interrupted', answer: 'nobody' },
} as const satisfies Record<string, GivenAnswer>;

function runsSomething(state: RunState | undefined): boolean {
  return Object.values(state?.stages ?? {}).some(
    ({ status, name }) => status === 'running' && !hasChildren(state, name),
  );
}

function hasChildren(state: RunState | undefined, name: string): boolean {
  return Object.keys(state?.stages ?? {}).some((other) => other.startsWith(`${name}/`));
}

function beginning(
  state: ScreenState,
  { runId, title }: { readonly runId: string | undefined; readonly title: string },
): Partial<ScreenState> {
  const again = runId !== undefined && state.run?.runId === runId ? state.run : undefined;
  return {
    screen: 'run',
    page: undefined,
    nowMs: state.nowMs,
    driven: { runId, title, sinceMs: state.nowMs, isStopping: false, state: again?.state },
    run: again ? { ...again, isFollowing: true, isWatched: false } : newView(runId, title),
  };
}

/** A run with one log pane, which shows what is chosen in the tree. */
export function newView(runId: string | undefined, title: string): RunView {
  return {
    runId,
    title,
    isWatched: false,
    isFollowing: true,
    folds: {},
    streams: {},
    panes: [{ id: 'pane-1' }],
    focus: 0,
    isZoomed: false,
  };
}

/** A new state of the driven run; the screen follows where it shows that run. */
function folded(screen: ScreenState, state: RunState): ScreenState {
  const { driven, run } = screen;
  if (!driven) return screen;
  const isShown = isDrivenShown(screen);
  return {
    ...screen,
    driven: { ...driven, runId: state.run_id, state, title: state.created?.pipeline ?? driven.title },
    ...(isShown && run && { run: withState({ ...run, runId: state.run_id }, state) }),
  };
}

/** The view of a newer state; the choice moves with what happens unless a person has moved it. */
export function withState(run: RunView, state: RunState): RunView {
  return {
    ...run,
    state,
    title: state.created?.pipeline ?? run.title,
    ...(run.isFollowing && { chosen: activeNode(state) }),
  };
}

/** Folds the events of a run that another process drives. */
export function watched(screen: ScreenState, event: RunEvent): ScreenState {
  const { run } = screen;
  if (!run?.state || run.runId !== event.run_id || event.seq <= run.state.last_seq) return screen;
  return { ...screen, run: withState(run, reduce(run.state, event)) };
}

function ended(screen: ScreenState, state: RunState | undefined): ScreenState {
  const after = state ? folded(screen, state) : screen;
  return { ...after, driven: undefined, isLeaving: false };
}
