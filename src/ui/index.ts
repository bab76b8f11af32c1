import { render, type SuspendTerminal } from 'ink';
import { createElement } from 'react';
import type { Prompter } from '../core/ports.ts';
import { App } from './App.tsx';
import type { Backend, Preferences, RunWork } from './backend.ts';
import type { CommandContext, TerminalHost } from './commands/context.ts';
import { createCommands } from './commands/index.ts';
import { createMouse } from './commands/mouse.ts';
import { createPaneSync } from './commands/panes.ts';
import type { Drawing } from './drawing.ts';
import { modeOf } from './keymap.ts';
import { helpLines } from './model/help.ts';
import { MOUSE_OFF, MOUSE_ON, tapMouse } from './mouse.ts';
import { createKeyboard } from './press.ts';
import { paneAreas } from './model/body.ts';
import { isDrivenShown, type ScreenState } from './state.ts';
import { createScreenStore, createTicker, type ScreenStore } from './store.ts';
import { followStreams } from './stream-watch.ts';
import { createTheme, type Theme, type ThemeName } from './theme.ts';
import { type Compositor, type PaneSet, SPINNER_CELL } from './panes/index.ts';

export interface ScreenOptions {
  readonly backend: Backend;
  readonly panes: PaneSet;
  /** Without one, panes are drawn as part of Ink's own frame. */
  readonly painter?: Pick<Compositor, 'stdout' | 'clock' | 'setPanes' | 'setModes' | 'redraw' | 'close'>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** False: the theme is `mono`, whatever was chosen. */
  readonly hasColor: boolean;
  readonly preferences: Preferences;
  readonly nowMs: () => number;
  /** What is written to the console goes through the screen; default true. A test's console is the test's. */
  readonly ownsConsole?: boolean;
  /** To the clipboard of the terminal. */
  readonly copy: (text: string) => void;
  /** What the command line asked for: it begins at once, otherwise Home is shown. */
  readonly first?: { readonly work: RunWork; readonly title: string };
}

/** A screen that is up. */
export interface Screen {
  /** How it was left; rejects when it broke. The terminal is as it was before. */
  readonly left: Promise<'done' | 'plain'>;
  /** A signal arrived: stops the run so that it can be continued, or cancels it, and leaves. */
  readonly stop: (kind: 'cancel' | 'interrupt', cause: string) => void;
  /** Ends the screen as it is; a run that is driven goes on. */
  readonly leave: () => void;
  /** The questions of the run go to another prompter. */
  readonly handOver: (next: Prompter) => void;
}

/** Draws nothing by itself while nothing happens. One screen per process at a time. */
export function showScreen(options: ScreenOptions): Screen {
  const { backend, panes, stdout, nowMs } = options;
  const store = createScreenStore(backend.project, nowMs(), options.preferences);
  const ticker = createTicker(store, { nowMs, isMoving, ...(options.painter && { motionMs: PAINTED_MS }) });
  const { promise: ended, resolve: end } = Promise.withResolvers<'done' | 'plain'>();
  let suspend: SuspendTerminal | undefined;
  const host: TerminalHost = {
    leave: (as) => end(as),
    lend: async (work) =>
      suspend?.(async () => {
        await letGoOf(options.stdin);
        await work();
      }),
    copy: options.copy,
  };
  const { hasColor } = options;
  const context: CommandContext = { store, ticker, backend, panes, host, nowMs, hasColor };
  const drawing: Drawing = {
    get theme() {
      return THEMES[hasColor ? store.getState().theme : 'mono'];
    },
    text: backend.text,
    panes,
    paneRows: options.painter ? () => [] : panes.rows,
    ...(options.painter && { spinner: SPINNER_CELL, clock: options.painter.clock }),
  };
  const commands = createCommands(context, () => helpLines(modeOf(store.getState()), drawing.theme));
  const keyboard = createKeyboard(store, commands);
  const stopMouse = followMouse(store, options.painter);
  const stopPanes = followPanes(context, drawing, options.painter);
  const stopStreams = followStreams(store, ticker, backend);
  const resize = (): void =>
    store.setState({ size: { columns: stdout.columns || 80, rows: stdout.rows || 24 }, nowMs: nowMs() });
  resize();
  stdout.on('resize', resize);
  const onTerminal = (how: SuspendTerminal): void => {
    suspend = how;
  };
  const app = createElement(App, { store, keyboard, drawing, onTerminal, onTheme: commands.app.tryTheme });
  const stdin = tapMouse(options.stdin, createMouse(context, commands, drawing));
  const terminal = mount(app, { ...options, stdin });
  void commands.home.refresh();
  if (options.first) commands.drive.start(options.first.work, options.first.title);
  return {
    left: leaving(terminal, ended, () => {
      stdout.off('resize', resize);
      stopPanes();
      stopStreams();
      stopMouse();
      ticker.stop();
      options.painter?.close();
    }),
    stop: (kind, cause) => {
      if (!store.getState().driven) end('done');
      else if (kind === 'cancel') commands.drive.cancelAndLeave(cause);
      else commands.drive.interruptAndLeave(cause);
    },
    leave: () => end('done'),
    handOver: commands.drive.handOver,
  };
}

const THEMES: Readonly<Record<ThemeName, Theme>> = {
  default: createTheme('default'),
  'high-contrast': createTheme('high-contrast'),
  mono: createTheme('mono'),
};

/** The terminal tells of the mouse while a person wants it, and only while the screen is up. */
function followMouse(store: ScreenStore, painter: ScreenOptions['painter']): () => void {
  const arrange = ({ hasMouse }: Pick<ScreenState, 'hasMouse'>): void =>
    painter?.setModes(hasMouse ? { on: MOUSE_ON, off: MOUSE_OFF } : { on: MOUSE_OFF, off: '' });
  arrange(store.getState());
  return store.subscribe(arrange);
}

/**
 * Ink only stops listening: Node would go on reading, and take keys from the program that has the terminal now; one
 * with job control would even leave us with EIO. Paused once nobody listens, Node stops reading.
 */
async function letGoOf(stdin: NodeJS.ReadStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  await promise;
  stdin.pause();
}

/** A compositor moves clocks and spinners by itself; this often a clock gets room for a longer text. */
const PAINTED_MS = 10_000;

/** A clock or a spinner is on the screen. */
function isMoving(state: ScreenState): boolean {
  if (state.screen !== 'run' || state.page || state.palette) return false;
  return state.run?.state?.status === 'running' && (isDrivenShown(state) || state.run.isWatched);
}

interface Mounted {
  /** Settles when Ink is gone. */
  readonly gone: Promise<unknown>;
  readonly unmount: () => void;
}

function mount(
  app: Parameters<typeof render>[0],
  { stdin, stdout, painter, ownsConsole = true }: ScreenOptions,
): Mounted {
  const instance = render(app, {
    stdin,
    stdout: painter?.stdout ?? stdout,
    alternateScreen: true,
    exitOnCtrlC: false,
    // Frames are held back by the store's tick; Ink's own limit would make each one a period late.
    maxFps: 1000,
    incrementalRendering: false,
    patchConsole: ownsConsole,
    // The default is off whenever CI is set, also to nothing, and then the screen stays blank.
    interactive: true,
  });
  return {
    gone: instance.waitUntilExit(),
    unmount: () => instance.unmount(),
  };
}

async function leaving(
  terminal: Mounted,
  ended: Promise<'done' | 'plain'>,
  cleanUp: () => void,
): Promise<'done' | 'plain'> {
  try {
    const as = await Promise.race([ended, terminal.gone.then(() => 'done' as const)]);
    terminal.unmount();
    await terminal.gone;
    return as;
  } finally {
    cleanUp();
  }
}

/** Keeps files of panes and places of panes as the state says. Returns the way out. */
function followPanes(
  context: CommandContext,
  drawing: Drawing,
  painter: ScreenOptions['painter'],
): () => void {
  const { store, panes, ticker } = context;
  const sync = createPaneSync(context);
  const arrange = (state: ScreenState): void => {
    sync(state);
    painter?.setPanes(paneAreas(state, drawing));
  };
  const unsubscribe = store.subscribe(arrange);
  // Titles show counts of lines and matches; without a painter also the rows themselves change.
  const unlisten = panes.onChange(({ cause }) => {
    if (cause === 'input') store.setState((state) => ({ ...state }), true);
    else ticker.later((state) => state);
  });
  return () => {
    unsubscribe();
    unlisten();
    painter?.setPanes([]);
    panes.closeAll();
  };
}
