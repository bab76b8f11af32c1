import { Box, type SuspendTerminal, useApp, useInput, usePaste } from 'ink';
import { type ReactElement, useEffect } from 'react';
import { useStore } from 'zustand';
import { Boundary } from './components/Boundary.tsx';
import { Loading } from './components/Loading.tsx';
import { ThemePicker } from './components/ThemePicker.tsx';
import { Lines } from './components/Lines.tsx';
import type { Drawing } from './drawing.ts';
import { paletteBindings } from './keymap.ts';
import { labelOf, toKeys } from './keys.ts';
import { bodyOf, type Rectangle } from './layout.ts';
import { commitsTitle } from './model/commits.ts';
import {
  commitsBody,
  pickerBody,
  formBody,
  historyBody,
  homeBody,
  pageBody,
  paletteBody,
  releasesBody,
  runBody,
} from './model/body.ts';
import { historyFilters } from './model/history.ts';
import { pagePosition } from './model/page.ts';
import { footerRow, promptRows } from './model/prompt.ts';
import { runTitle } from './model/run.ts';
import type { Keyboard } from './press.ts';
import type { ScreenState } from './state.ts';
import type { ScreenStore } from './store.ts';
import { oneLine, spread } from './text.ts';
import { spinnerAt } from './spinner.ts';
import type { ThemeName } from './theme.ts';

interface AppProps {
  readonly store: ScreenStore;
  readonly keyboard: Keyboard;
  readonly drawing: Drawing;
  /** Told which theme the list of them is on. */
  readonly onTheme: (name: ThemeName) => void;
  /** Told how the terminal is given away, once it can be. */
  readonly onTerminal: (suspend: SuspendTerminal) => void;
}

/** The whole screen: a title, the body of the current screen, what is asked or said, the keys. */
export function App({ store, keyboard, drawing, onTerminal, onTheme }: AppProps): ReactElement {
  useInput((input, key) => {
    for (const name of toKeys(input, key)) keyboard.press(name);
  });
  usePaste(keyboard.paste);
  const { suspendTerminal } = useApp();
  useEffect(() => onTerminal(suspendTerminal), [onTerminal, suspendTerminal]);
  const columns = useStore(store, ({ size }) => size.columns);
  const rows = useStore(store, ({ size }) => size.rows);
  return (
    <Box flexDirection="column" width={columns} height={rows} overflow="hidden">
      <Boundary width={columns} retryKey={`${columns}x${rows}`}>
        <Screen store={store} drawing={drawing} onTheme={onTheme} />
      </Boundary>
    </Box>
  );
}

function Screen({ store, drawing, onTheme }: Pick<AppProps, 'store' | 'drawing' | 'onTheme'>): ReactElement {
  const state = useStore(store);
  const { columns } = state.size;
  const prompt = promptRows(state, drawing);
  const body = bodyOf(state, prompt.length);
  return (
    <>
      <Lines rows={[titleOf(state, drawing)]} width={columns} height={1} />
      <Box width={columns} height={body.height} flexShrink={0} overflow="hidden">
        <Boundary width={columns} retryKey={placeOf(state)}>
          <Body state={state} drawing={drawing} body={body} onTheme={onTheme} />
        </Boundary>
      </Box>
      <Lines rows={prompt} width={columns} height={prompt.length} />
      <Lines rows={[footerRow(state, drawing.theme)]} width={columns} height={1} />
    </>
  );
}

interface BodyProps {
  readonly state: ScreenState;
  readonly drawing: Drawing;
  readonly body: Rectangle;
  /** Told which theme the list of them is on. */
  readonly onTheme: (name: ThemeName) => void;
}

function Body({ state, drawing, body, onTheme }: BodyProps): ReactElement {
  const { width, height } = body;
  if (state.isChoosingTheme) {
    const size = { width, height };
    return <ThemePicker current={state.theme} {...size} onHighlight={onTheme} />;
  }
  if (state.screen === 'home' && !state.home.isLoaded && !state.page && !state.palette) {
    return <Loading text="reading pipelines and runs ..." width={width} height={height} />;
  }
  return <Lines rows={bodyRows(state, drawing, body)} width={body.width} height={body.height} />;
}

function bodyRows(state: ScreenState, drawing: Drawing, body: Rectangle): readonly string[] {
  if (state.palette) {
    const entries = paletteBindings(state).map(({ keys, description }) => ({
      key: labelOf(keys[0] ?? ''),
      description,
    }));
    return paletteBody(state, drawing, { body, entries });
  }
  if (state.page) return pageBody(state, drawing, body);
  if (state.picker) return pickerBody(state.picker, drawing, body);
  switch (state.screen) {
    case 'home':
      return homeBody(state, drawing, body);
    case 'commits':
      return commitsBody(state, drawing, body);
    case 'form':
      return formBody(state, drawing, body);
    case 'run':
      return runBody(state, drawing, body);
    case 'history':
      return historyBody(state, drawing, body);
    case 'releases':
      return releasesBody(state, drawing, body);
    default:
      return state.screen satisfies never;
  }
}

/** Changes when something else is drawn. */
function placeOf({ screen, page, palette, picker, run, size }: ScreenState): string {
  return [
    screen,
    picker?.title,
    page?.title,
    palette ? 'palette' : '',
    run?.runId,
    run?.chosen,
    size.columns,
    size.rows,
  ].join('|');
}

function titleOf(state: ScreenState, { theme, spinner, clock }: Drawing): string {
  const { page, size, screen, form, history, home } = state;
  const bar = (left: string, right = ''): string =>
    theme.inverse(theme.strong(spread(` ${left}`, `${right} `, size.columns)));
  if (page) return bar(oneLine(page.title), pagePosition(state));
  switch (screen) {
    case 'home':
      return bar(
        `Pipewright  ${oneLine(state.project)}`,
        home.filter === '' ? '' : `filter: ${oneLine(home.filter)}`,
      );
    case 'commits':
      return state.commits ? bar(commitsTitle(state.commits, size.columns - 2).slice(1)) : bar('Commits');
    case 'form':
      return bar(`Run ${oneLine(form?.target ?? '')}`);
    case 'run':
      return theme.inverse(theme.strong(runTitle(state, spinner ?? spinnerAt(state.frame), clock)));
    case 'history':
      return bar('History', historyFilters(history).join('  ') || runCount(history.runs.length));
    case 'releases':
      return bar('Releases');
    default:
      return screen satisfies never;
  }
}

function runCount(count: number): string {
  return count === 1 ? '1 run' : `${count} runs`;
}
