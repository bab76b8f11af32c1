import { EventEmitter } from 'node:events';
import { Box, render, Text, useApp, useCursor, useWindowSize } from 'ink';
import * as fc from 'fast-check';
import { type ReactElement, useEffect } from 'react';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createStore, type StoreApi } from 'zustand/vanilla';
import { useStore } from 'zustand';
import {
  type Compositor,
  createCompositor,
  createPaneSet,
  type PaneSet,
  SPINNER_CELL,
} from '../../../src/ui/panes/index.ts';
import { LogRig, numbered, PANE } from './rig.ts';
import { FakeTerminal } from './terminal.ts';

/** chalk decides about colours when it is loaded. */
vi.hoisted(() => {
  process.env['FORCE_COLOR'] = '3';
});

interface View {
  readonly title: string;
  readonly selected: number;
  readonly pane: readonly string[];
  readonly dialog: string | undefined;
  readonly cursor: { readonly x: number; readonly y: number } | undefined;
  /** A program to run outside of Ink. */
  readonly suspend?: (() => Promise<void>) | undefined;
}

const TREE = 14;

/** A tree at the left, a pane with a title at the right, a line below: the shape of the run screen. */
function Screen({ store }: { readonly store: StoreApi<View> }): ReactElement {
  const { columns, rows } = useWindowSize();
  const { title, selected, pane, dialog, cursor, suspend } = useStore(store);
  const { setCursorPosition } = useCursor();
  setCursorPosition(cursor);
  const { suspendTerminal } = useApp();
  useEffect(() => {
    if (suspend) void suspendTerminal(suspend).then(() => store.setState({ suspend: undefined }));
  }, [suspend, suspendTerminal, store]);
  const body = rows - 2;
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <Box height={1}>
        <Text bold inverse>
          {title.padEnd(columns)}
        </Text>
      </Box>
      <Box height={body}>
        <Box flexDirection="column" width={TREE} overflow="hidden">
          {Array.from({ length: body }, (_, index) => (
            <Text
              key={index}
              wrap="truncate"
              color={index % 2 ? 'green' : 'cyan'}
              inverse={index === selected}
            >
              {`✔ step ${index} █░`}
            </Text>
          ))}
        </Box>
        <Box flexDirection="column" width={columns - TREE}>
          {Array.from({ length: body }, (_, index) => (
            <Text key={index} wrap="truncate">
              {index === 1 && dialog ? dialog : (pane[index] ?? ' ')}
            </Text>
          ))}
        </Box>
      </Box>
      <Text wrap="truncate">q quit</Text>
    </Box>
  );
}

class NoKeys extends EventEmitter {
  readonly isTTY = true;
  setRawMode(): this {
    return this;
  }
  setEncoding(): void {}
  ref(): void {}
  unref(): void {}
  resume(): void {}
  pause(): void {}
  read(): null {
    return null;
  }
}

function start(stdout: NodeJS.WriteStream, store: StoreApi<View>): ReturnType<typeof render> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the part of it that Ink uses
  const stdin = new NoKeys() as unknown as NodeJS.ReadStream;
  const instance = render(<Screen store={store} />, {
    stdout,
    stderr: stdout,
    stdin,
    interactive: true,
    alternateScreen: true,
    patchConsole: false,
    exitOnCtrlC: false,
    maxFps: 1000,
  });
  onTestFinished(() => instance.unmount());
  return instance;
}

interface Stage {
  readonly terminal: FakeTerminal;
  readonly store: StoreApi<View>;
  readonly compositor: Compositor;
  readonly ink: ReturnType<typeof render>;
  readonly settle: () => Promise<void>;
}

function stage(panes: PaneSet, view: Partial<View> = {}, columns = 60, rows = 12): Stage {
  const terminal = new FakeTerminal(columns, rows);
  const compositor = createCompositor(terminal.stream, { panes });
  onTestFinished(() => compositor.close());
  const store = createStore<View>()(() => ({
    title: 'title',
    selected: 0,
    pane: [],
    dialog: undefined,
    cursor: undefined,
    ...view,
  }));
  const ink = start(compositor.stdout, store);
  const settle = async (): Promise<void> => {
    await ink.waitUntilRenderFlush();
    await terminal.idle();
  };
  return { terminal, store, compositor, ink, settle };
}

/** Where the pane is on the screen above. */
function place(terminal: FakeTerminal): Parameters<Compositor['setPanes']>[0] {
  return [{ paneId: PANE, x: TREE, y: 1, width: terminal.columns - TREE, height: terminal.rows - 2 }];
}

/** The same view drawn by Ink alone, with the rows of the pane inside. */
async function alone(
  terminal: FakeTerminal,
  view: View,
  columns: number,
  rows: number,
): Promise<FakeTerminal> {
  const plain = new FakeTerminal(columns, rows);
  const store = createStore<View>()(() => view);
  const ink = start(plain.stream, store);
  await ink.waitUntilRenderFlush();
  await plain.idle();
  ink.unmount();
  void terminal;
  return plain;
}

describe('beside Ink', () => {
  test('every cell is the one that Ink alone would have drawn, after each of many changes', async () => {
    const colours = `\u001b[31mred\u001b[0m plain \u001b[1;44mbold\u001b[0m`;
    const rig = new LogRig(numbered(200).replaceAll('\n', ` ${colours} 構建 テスト\n`));
    const { terminal, store, compositor, settle } = stage(rig.panes);
    compositor.setPanes(place(terminal));
    await settle();
    const steps = fc.sample(
      fc.oneof(
        fc.record({ type: fc.constant('select' as const), to: fc.nat(9) }),
        fc.record({ type: fc.constant('title' as const), to: fc.nat(99) }),
        fc.record({ type: fc.constant('scroll' as const), to: fc.integer({ min: -5, max: 9 }) }),
        fc.record({ type: fc.constant('size' as const), to: fc.nat(6) }),
      ),
      { numRuns: 25, seed: 7 },
    );
    for (const { type, to } of steps) {
      if (type === 'select') store.setState({ selected: to });
      else if (type === 'title') store.setState({ title: `title ${to} ✔` });
      else if (type === 'scroll') rig.panes.key(PANE, { type: 'scroll', rows: to });
      else {
        terminal.resize(50 + to * 4, 9 + to);
        compositor.setPanes(place(terminal));
      }
      await settle();
      const [{ width, height } = { width: 0, height: 0 }] = place(terminal);
      const pane = rig.panes.rows(PANE, width, height);
      const view = { ...store.getState(), pane };
      const expected = await alone(terminal, view, terminal.columns, terminal.rows);
      expect(terminal.cells()).toEqual(expected.cells());
    }
  });

  test('only what changed is written', async () => {
    const rig = new LogRig(numbered(200), { live: true });
    await rig.settled();
    const { terminal, store, compositor, settle } = stage(rig.panes);
    compositor.setPanes(place(terminal));
    await settle();
    terminal.written = '';
    compositor.invalidate();
    await settle();
    expect(terminal.written).toBe('');
    store.setState({ selected: 4 });
    await settle();
    // Rows 0 and 4 of the tree, with the rows of the pane in them.
    expect(terminal.written.split('\u001b[2K')).toHaveLength(3);
    expect(terminal.written.startsWith('\u001b[?2026h')).toBe(true);
    expect(terminal.written.endsWith('\u001b[?2026l')).toBe(true);
    terminal.written = '';
    rig.panes.key(PANE, { type: 'columns', cells: 1 });
    await settle();
    expect(terminal.written).not.toContain('\u001b[2K');
    expect(terminal.screen()[1]?.slice(TREE).trimEnd()).toBe('ine 191');
  });

  test('a dialog that Ink draws over a pane stays in sight, and the pane comes back', async () => {
    const rig = new LogRig(numbered(200));
    const { terminal, store, compositor, settle } = stage(rig.panes);
    compositor.setPanes(place(terminal));
    store.setState({ dialog: '  Really quit? y/n  ' });
    await settle();
    expect(terminal.screen()[2]?.slice(TREE).trimEnd()).toBe('  Really quit? y/n');
    expect(terminal.screen()[3]?.slice(TREE).trimEnd()).toBe('line 3');
    rig.panes.key(PANE, { type: 'scroll', rows: 5 });
    await settle();
    expect(terminal.screen()[2]?.slice(TREE).trimEnd()).toBe('  Really quit? y/n');
    store.setState({ dialog: undefined });
    await settle();
    expect(terminal.screen()[2]?.slice(TREE).trimEnd()).toBe('line 7');
  });

  test('the cursor is where Ink wants it, and hidden again', async () => {
    const { terminal, store, settle } = stage(createPaneSet());
    store.setState({ cursor: { x: 7, y: 11 } });
    await settle();
    expect([terminal.term.buffer.active.cursorX, terminal.term.buffer.active.cursorY]).toEqual([7, 11]);
    store.setState({ cursor: { x: 8, y: 3 }, title: 'other' });
    await settle();
    expect([terminal.term.buffer.active.cursorX, terminal.term.buffer.active.cursorY]).toEqual([8, 3]);
    expect(terminal.written.lastIndexOf('\u001b[?25h')).toBeGreaterThan(
      terminal.written.lastIndexOf('\u001b[?25l'),
    );
    store.setState({ cursor: undefined });
    await settle();
    expect(terminal.written.lastIndexOf('\u001b[?25l')).toBeGreaterThan(
      terminal.written.lastIndexOf('\u001b[?25h'),
    );
  });

  test('text that a terminal takes for wider or narrower leaves nothing behind and reaches no neighbour', async () => {
    const rig = new LogRig('กำลัง กำ กำ กำ กำ กำ กำ กำ กำ กำ\n🚀🚀🚀🚀🚀\nक्ष क्ष क्ष क्ष क्ष क्ष क्ष\n');
    const { terminal, compositor, settle } = stage(rig.panes);
    compositor.setPanes([
      { paneId: PANE, x: TREE, y: 1, width: 20, height: 3 },
      { paneId: 'right', x: TREE + 20, y: 1, width: 10, height: 3 },
    ]);
    rig.panes.open('right', { file: rig.file, live: false });
    rig.panes.key('right', { type: 'columns', cells: 500 });
    await settle();
    for (const row of terminal.cells().slice(1, 4)) {
      expect(row.slice(TREE + 20, TREE + 30).every((cell) => cell.startsWith(' |'))).toBe(true);
    }
  });
});

describe('a terminal that stops reading', () => {
  test('gets no second frame before it took the first, and then the newest one alone', async () => {
    const rig = new LogRig(numbered(100));
    const { terminal, store, compositor, settle } = stage(rig.panes);
    compositor.setPanes(place(terminal));
    await settle();
    terminal.stall();
    terminal.written = '';
    for (let step = 1; step <= 50; step += 1) {
      store.setState({ title: `title ${step}` });
      rig.panes.key(PANE, { type: 'scroll', rows: 1 });
      await settle();
    }
    expect(terminal.written.split('\u001b[?2026h')).toHaveLength(2);
    expect(compositor.stats().dropped).toBeGreaterThan(10);
    expect(compositor.stats().stalledMs).toBeGreaterThan(0);
    terminal.resume();
    await settle();
    expect(terminal.written.split('\u001b[?2026h')).toHaveLength(3);
    expect(terminal.screen()[0]).toBe('title 50');
    expect(terminal.screen()[1]?.slice(TREE).trimEnd()).toBe('line 51');
    expect(compositor.stats().stalledMs).toBe(0);
  });
});

describe('coming and going', () => {
  test('wrapping is off while the screen is ours, and all is put back after', async () => {
    const { terminal, ink, settle, store } = stage(createPaneSet());
    await settle();
    expect(terminal.term.buffer.active.type).toBe('alternate');
    expect(terminal.term.modes.wraparoundMode).toBe(false);
    store.setState({ title: 'last' });
    ink.unmount();
    await terminal.idle();
    expect(terminal.term.buffer.active.type).toBe('normal');
    expect(terminal.term.modes.wraparoundMode).toBe(true);
    expect(terminal.written.endsWith('\u001b[?25h')).toBe(true);
    expect(terminal.screen().join('')).toBe('');
  });

  test('a program may have the terminal in between', async () => {
    const { terminal, store, settle } = stage(createPaneSet());
    await settle();
    const seen = await new Promise<unknown>((resolve) => {
      store.setState({
        suspend: async () => {
          await terminal.idle();
          const { modes, buffer } = terminal.term;
          terminal.write('what the program says');
          resolve([buffer.active.type, modes.wraparoundMode]);
        },
      });
    });
    expect(seen).toEqual(['normal', true]);
    await expect.poll(() => store.getState().suspend).toBeUndefined();
    await settle();
    expect(terminal.term.buffer.active.type).toBe('alternate');
    expect(terminal.screen()[0]).toBe('title');
    expect(terminal.screen().at(-1)).toBe('q quit');
  });

  test('a resize draws everything again', async () => {
    const rig = new LogRig(numbered(100));
    const { terminal, compositor, settle } = stage(rig.panes);
    compositor.setPanes(place(terminal));
    await settle();
    terminal.resize(40, 8);
    compositor.setPanes(place(terminal));
    await settle();
    expect(terminal.screen()[6]?.slice(TREE).trimEnd()).toBe('line 6');
    expect(terminal.screen().at(-1)).toBe('q quit');
    terminal.resize(70, 20);
    compositor.setPanes(place(terminal));
    await settle();
    expect(terminal.screen()[18]?.slice(TREE).trimEnd()).toBe('line 18');
  });

  test('what is for the terminal itself passes, also from Ink', async () => {
    const { terminal, compositor, settle } = stage(createPaneSet());
    await settle();
    terminal.written = '';
    compositor.stdout.write('\u001b[?2004h');
    compositor.stdout.write('\u001b]52;c;aGk=\u0007');
    compositor.send('\u0007');
    await settle();
    expect(terminal.written).toBe('\u001b[?2004h\u001b]52;c;aGk=\u0007\u0007');
    expect(terminal.screen()[0]).toBe('title');
  });
});

test('a spinner turns without a frame of Ink, and nothing turns without one', async () => {
  const { terminal, store, settle } = stage(createPaneSet(), { title: `${SPINNER_CELL} busy` });
  await settle();
  const first = terminal.screen()[0];
  expect(first).toMatch(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] busy$/);
  await expect.poll(() => terminal.screen()[0], { interval: 20 }).not.toBe(first);
  store.setState({ title: 'done' });
  await settle();
  terminal.written = '';
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(terminal.written).toBe('');
});
