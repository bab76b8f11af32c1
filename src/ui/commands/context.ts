import type { Backend, Refusal } from '../backend.ts';
import type { PaneSet } from '../panes/contract.ts';
import type { ScreenState } from '../state.ts';
import type { ScreenStore, Ticker } from '../store.ts';

/** What commands act on. */
export interface CommandContext {
  readonly store: ScreenStore;
  readonly ticker: Ticker;
  readonly backend: Backend;
  readonly panes: PaneSet;
  readonly host: TerminalHost;
  /** The terminal and whoever sits there want colours. */
  readonly hasColor: boolean;
  /** Unix epoch, milliseconds. */
  readonly nowMs: () => number;
}

/** The terminal that the screen is on. */
export interface TerminalHost {
  /** Ends the screen. `plain`: the run goes on as lines in this terminal. */
  readonly leave: (as: 'done' | 'plain') => void;
  /** Gives the terminal to `work`, then takes it back and draws everything again. */
  readonly lend: (work: () => Promise<void>) => Promise<void>;
  /** To the clipboard of the person in front of the terminal (OSC 52). */
  readonly copy: (text: string) => void;
}

/** Sets a few parts of the state. */
export function patch(store: ScreenStore, change: (state: ScreenState) => Partial<ScreenState>): void {
  store.setState((state) => ({ ...state, ...change(state) }), true);
}

/** Says something on the line above the footer, until the next key. */
export function say(store: ScreenStore, text: string, tone: 'info' | 'good' | 'bad' = 'info'): void {
  patch(store, () => ({ notice: { text, tone } }));
}

/** One line is a notice; more of them are a page. */
export function sayRefusal(store: ScreenStore, { lines }: Refusal, title = 'This cannot be done'): void {
  const [only = ''] = lines;
  if (lines.length <= 1) say(store, only, 'bad');
  else patch(store, () => ({ page: { title, lines, top: 0 } }));
}

/** Shows what is waited for while it lasts. Errors become a notice: a broken look must not end a run. */
export async function withBusy(
  context: CommandContext,
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  const { store } = context;
  patch(store, () => ({ busy: what }));
  try {
    await work();
  } catch (error) {
    say(store, `${what} failed: ${error instanceof Error ? error.message : String(error)}`, 'bad');
  } finally {
    patch(store, () => ({ busy: undefined }));
  }
}
