import { createCompositor, createPaneSet } from '../../../src/ui/panes/index.ts';
import { showScreen, type Screen, type ScreenOptions } from '../../../src/ui/index.ts';
import { NOW_MS, type ScriptedBackend } from './scripted-backend.ts';
import { FakeTerminal } from './terminal.ts';

interface Started extends AsyncDisposable {
  readonly terminal: FakeTerminal;
  readonly screen: Screen;
  readonly copied: string[];
}

const DEFAULTS: ScreenOptions['preferences'] = { theme: 'default', hasMouse: true };

/** The whole screen, with real panes and compositor, on a terminal in memory. */
export function startScreen(
  backend: ScriptedBackend,
  options: { readonly columns?: number; readonly rows?: number; readonly hasColor?: boolean } & Pick<
    ScreenOptions,
    'first'
  > & { readonly preferences?: ScreenOptions['preferences'] } = {},
): Started {
  const { columns = 80, rows = 24, hasColor = true, first, preferences = DEFAULTS } = options;
  const terminal = new FakeTerminal(columns, rows);
  const panes = createPaneSet({ color: hasColor });
  const copied: string[] = [];
  const screen = showScreen({
    backend: backend.port,
    panes,
    painter: createCompositor(terminal.stdout, { panes, nowMs: () => NOW_MS }),
    stdin: terminal.stdin,
    stdout: terminal.stdout,
    hasColor,
    preferences,
    ownsConsole: false,
    nowMs: () => NOW_MS,
    copy: (text) => void copied.push(text),
    ...(first && { first }),
  });
  return {
    terminal,
    screen,
    copied,
    [Symbol.asyncDispose]: async () => {
      screen.leave();
      await screen.left;
    },
  };
}
