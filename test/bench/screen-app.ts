import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Box, render, Text, useApp, useInput, useWindowSize } from 'ink';
import { createElement, memo, type ReactElement, useEffect } from 'react';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { createCompositor, createPaneSet, SPINNER_CELL } from '../../src/ui/panes/index.ts';

/**
 * The smallest screen of the shape of the real one: a tree of 60 rows, eight of them busy, two logs, a line
 * that answers each key with its own letter. `node screen-app.ts <compositor|ink> <stats file> <log> <log>`;
 * `ink` draws the same rows inside Ink with Ink's defaults.
 */
const [mode = '', statsFile = '', ...logs] = process.argv.slice(2);
const isComposed = mode === 'compositor';
const TREE_CELLS = 58;
const TICK_MS = 1000 / 30;
const PROGRESS_MS = Number(process.env['PROGRESS_MS'] ?? 250);

interface View {
  readonly keys: number;
  readonly selected: number;
  readonly percent: number;
  readonly spinner: string;
  /** Changes when a log did; for the plain mode. */
  readonly version: number;
}

const panes = createPaneSet();
const store = createStore<View>()(() => ({
  keys: 0,
  selected: 0,
  percent: 0,
  spinner: isComposed ? SPINNER_CELL : '⠋',
  version: 0,
}));
const compositor = isComposed ? createCompositor(process.stdout, { panes, fps: 30 }) : undefined;
for (const [index, file] of logs.entries()) panes.open(String(index), { file, live: true });

const TreeRow = memo(({ index }: { readonly index: number }): ReactElement => {
  const isBusy = index % 7 === 3 && index < 56;
  const isSelected = useStore(store, ({ selected }) => selected === index);
  const percent = useStore(store, (view) => (isBusy ? view.percent : 0));
  const spinner = useStore(store, (view) => (isBusy ? view.spinner : '✔'));
  const bar = '█'.repeat(Math.round(percent / 8)).padEnd(12, '░');
  const text = `step-${index} ${isBusy ? `${bar} ${String(percent).padStart(3)}%` : 'passed'}`;
  return createElement(
    Box,
    { height: 1, flexShrink: 0, width: TREE_CELLS },
    createElement(Text, { color: isBusy ? 'cyan' : 'green' }, spinner),
    createElement(Text, { inverse: isSelected, wrap: 'truncate' }, ` ${text}`),
  );
});

interface PaneProps {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

const PlainPane = memo(({ id, width, height }: PaneProps): ReactElement => {
  useStore(store, ({ version }) => version);
  const text = panes.rows(id, width, height).join('\n');
  return createElement(
    Box,
    { width, height, overflow: 'hidden' },
    createElement(Text, { wrap: 'truncate' }, text),
  );
});

function Heading({ text, width }: { readonly text: string; readonly width: number }): ReactElement {
  return createElement(Text, { bold: true, inverse: true, wrap: 'truncate' }, ` ${text}`.padEnd(width));
}

function StatusLine({ width }: { readonly width: number }): ReactElement {
  const keys = useStore(store, (view) => view.keys);
  const token = String.fromCodePoint(65 + (keys % 26)).repeat(6);
  const text = `${token} keys=${keys} [up/down] move [/] search [f] follow [z] zoom [?] help [q] quit`;
  return createElement(Text, { inverse: true, wrap: 'truncate' }, text.padEnd(width));
}

function App(): ReactElement {
  const { columns, rows } = useWindowSize();
  const { exit } = useApp();
  useInput((input) => {
    if (input === 'q') exit();
    else {
      const { length } = input;
      store.setState(({ keys, selected }) => ({ keys: keys + length, selected: (selected + length) % 58 }));
    }
  });
  const width = columns - TREE_CELLS - 1;
  const upper = Math.floor((rows - 1) / 2) - 1;
  const lower = rows - 3 - upper;
  useEffect(() => {
    compositor?.setPanes([
      { paneId: '0', x: TREE_CELLS + 1, y: 1, width, height: upper },
      { paneId: '1', x: TREE_CELLS + 1, y: upper + 2, width, height: lower },
    ]);
  }, [width, upper, lower]);
  const pane = (id: string, height: number): ReactElement =>
    isComposed ? createElement(Box, { width, height }) : createElement(PlainPane, { id, width, height });
  return createElement(
    Box,
    { flexDirection: 'column', width: columns, height: rows, overflow: 'hidden' },
    createElement(
      Box,
      { height: rows - 1 },
      createElement(
        Box,
        { flexDirection: 'column', width: TREE_CELLS, height: rows - 1, overflow: 'hidden' },
        ...Array.from({ length: rows - 1 }, (_, index) => createElement(TreeRow, { key: index, index })),
      ),
      createElement(
        Box,
        { flexDirection: 'column', marginLeft: 1 },
        createElement(Heading, { text: 'build', width }),
        pane('0', upper),
        createElement(Heading, { text: 'test', width }),
        pane('1', lower),
      ),
    ),
    createElement(StatusLine, { width: columns }),
  );
}

const delay = process.env['LOOP_DELAY'] === '1' ? monitorEventLoopDelay({ resolution: 5 }) : undefined;
const instance = render(createElement(App), {
  alternateScreen: true,
  exitOnCtrlC: true,
  interactive: true,
  ...(compositor && { stdout: compositor.stdout, incrementalRendering: false, maxFps: 1000 }),
});
const progress = setInterval(
  () => store.setState(({ percent }) => ({ percent: (percent + 1) % 101 })),
  PROGRESS_MS,
);
const glyphs = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
let turn = 0;
let isDirty = false;
panes.onChange(() => {
  isDirty = true;
});
const tick = isComposed
  ? undefined
  : setInterval(() => {
      turn += 1;
      const spinner = glyphs[Math.floor(turn / 3) % glyphs.length] ?? '⠋';
      store.setState(({ version }) => ({ spinner, version: isDirty ? version + 1 : version }));
      isDirty = false;
    }, TICK_MS);
setTimeout(() => delay?.enable(), 1000).unref();
await instance.waitUntilExit();
clearInterval(progress);
clearInterval(tick);
writeFileSync(
  statsFile,
  JSON.stringify({
    lines: logs.map((_, index) => panes.status(String(index))?.lines ?? 0),
    loop_delay_max_ms: delay ? delay.max / 1e6 : undefined,
    compositor: compositor?.stats(),
  }),
);
panes.closeAll();
process.exit(0);
