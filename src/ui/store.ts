import { createStore, type StoreApi } from 'zustand/vanilla';
import type { Preferences } from './backend.ts';
import { initialState, type ScreenState } from './state.ts';

/** Where the screen's state lives: outside React, so that events, keys and tests reach it. */
export type ScreenStore = StoreApi<ScreenState>;

/** The state of the screen at its start. `nowMs`: Unix epoch, milliseconds. */
export function createScreenStore(project: string, nowMs: number, preferences?: Preferences): ScreenStore {
  return createStore<ScreenState>()(() => initialState(project, nowMs, preferences));
}

/** What changes between two frames; gathered, then applied at once. */
export type Change = (state: ScreenState) => ScreenState;

export interface Ticker {
  /** Applies `change` with the next frame, together with all others: for what comes in faster than anybody reads. */
  readonly later: (change: Change) => void;
  readonly stop: () => void;
}

/** Frames for events: at most 30 a second. Longest wait of a change, milliseconds. */
const EVENT_MS = 33;
/** Frames for what only counts; the compositor turns spinners by itself. */
const MOTION_MS = 1000;

/**
 * One state change, so one frame, for all that happened since the last. While nothing happens and nothing
 * runs, no timer is armed that draws. `isMoving` says whether clocks and spinners are on the screen.
 */
export function createTicker(
  store: ScreenStore,
  options: {
    readonly nowMs: () => number;
    readonly isMoving: (state: ScreenState) => boolean;
    /** Milliseconds between frames for what only counts, default 1000. */
    readonly motionMs?: number;
  },
): Ticker {
  let changes: Change[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    const due = changes;
    changes = [];
    store.setState(
      (state) => due.reduce((current, change) => change(current), { ...state, nowMs: options.nowMs() }),
      true,
    );
  };
  const motion = setInterval(() => {
    const state = store.getState();
    if (options.isMoving(state)) store.setState({ nowMs: options.nowMs(), frame: state.frame + 1 });
  }, options.motionMs ?? MOTION_MS);
  return {
    later: (change) => {
      changes.push(change);
      timer ??= setTimeout(flush, EVENT_MS);
    },
    stop: () => {
      clearInterval(motion);
      clearTimeout(timer);
      if (changes.length > 0) flush();
    },
  };
}
