import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type MouseEvent, tapMouse } from '../../src/ui/mouse.ts';
import { pipelineOf, ScriptedBackend, stageOf, started, stepStarted } from './support/scripted-backend.ts';
import { startScreen } from './support/start.ts';
import { FakeTerminal } from './support/terminal.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Columns and rows from 1, as terminals count. */
const press = (x: number, y: number): string => `\u001b[<0;${x};${y}M\u001b[<0;${x};${y}m`;
const wheelUp = (x: number, y: number): string => `\u001b[<64;${x};${y}M`;
const wheelDown = (x: number, y: number): string => `\u001b[<65;${x};${y}M`;

const PIPELINES = ['alpha', 'beta', 'gamma'].map((name) => ({
  name,
  file: `pipelines/${name}.yaml`,
  isShipped: false,
  isBroken: false,
}));

test('reports of the mouse are taken out of what is read, also when a read ends inside one', () => {
  const terminal = new FakeTerminal(80, 24);
  const events: MouseEvent[] = [];
  const stdin = tapMouse(terminal.stdin, (event) => void events.push(event));
  terminal.type('a\u001b[<0;5;');
  expect(stdin.read()).toBe('a');
  terminal.type('7Mb\u001b[<0;5;7m\u001b[<80;1;1Mc');
  expect(stdin.read()).toBe('bc');
  expect(events).toEqual([
    { type: 'press', x: 4, y: 6, by: 0 },
    { type: 'wheel', x: 0, y: 0, by: -1 },
  ]);
  terminal.type('\u001b[<35;5;7M');
  expect(stdin.read()).toBe(null);
});

test('a click chooses a row, a click on the chosen one opens it, the wheel moves the choice', async () => {
  const backend = new ScriptedBackend({ pipelines: PIPELINES });
  await using app = startScreen(backend);
  const screen = await app.terminal.shows('❯ alpha');
  const row = screen.split('\n').findIndex((line) => line.includes('gamma')) + 1;
  app.terminal.type(press(5, row));
  await app.terminal.shows('❯ gamma');
  app.terminal.type(wheelUp(5, 5));
  await app.terminal.shows('❯ alpha');
  app.terminal.type(press(5, row));
  await app.terminal.shows('❯ gamma');
  app.terminal.type(press(5, row));
  expect(await app.terminal.shows('Run gamma')).toContain('[ Start ]');
});

test('the wheel scrolls the log under the pointer, wherever the focus is; a click takes the focus there', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-mouse-'));
  folders.push(folder);
  mkdirSync(path.join(folder, 'logs'));
  const lines = Array.from({ length: 200 }, (_, at) => `line ${at}`);
  writeFileSync(path.join(folder, 'logs/unit.test.log'), `${lines.join('\n')}\n`);
  const backend = new ScriptedBackend({
    definition: pipelineOf('release', [stageOf('prepare', ['tools']), stageOf('unit', ['test'])]),
    folder,
  });
  const first = { work: { type: 'prepared' }, title: 'release' } as const;
  await using app = startScreen(backend, { first });
  backend.begin();
  backend.emit(started('unit'), stepStarted('unit', 'test'));
  await app.terminal.shows('line 199', 'following');
  app.terminal.type(wheelUp(60, 10));
  await app.terminal.shows('line 196', 'paused');
  await app.terminal.hides('line 199');
  app.terminal.type(wheelDown(60, 10) + wheelDown(60, 10));
  await app.terminal.shows('line 199', 'following');
  app.terminal.type(press(60, 10));
  await app.terminal.shows('& only');
  const screen = app.terminal.screen;
  app.terminal.type(press(3, screen.split('\n').findIndex((line) => line.includes('prepare')) + 1));
  expect(await app.terminal.shows('❯▸ · prepare', 'z zoom')).not.toContain('& only');
  backend.finish();
});

test('the mouse is ours while the screen is up, the choice is kept, and M gives it back', async () => {
  const backend = new ScriptedBackend({ pipelines: PIPELINES });
  await using app = startScreen(backend);
  await app.terminal.shows('alpha');
  expect(app.terminal.mouseMode).toBe('vt200');
  app.terminal.type('M');
  await app.terminal.shows("the terminal's own again");
  await expect.poll(() => app.terminal.mouseMode).toBe('none');
  app.terminal.type('M');
  await expect.poll(() => app.terminal.mouseMode).toBe('vt200');
  expect(backend.preferences).toEqual([
    { theme: 'default', hasMouse: false },
    { theme: 'default', hasMouse: true },
  ]);
  app.terminal.type('q');
  await app.screen.left;
  await expect.poll(() => app.terminal.mouseMode).toBe('none');
});

test('a theme is shown as it is passed, kept with enter and dropped with esc', async () => {
  const backend = new ScriptedBackend({ pipelines: PIPELINES });
  await using app = startScreen(backend, { preferences: { theme: 'high-contrast', hasMouse: false } });
  await app.terminal.shows('alpha');
  expect(app.terminal.mouseMode).toBe('none');
  app.terminal.type('T');
  await app.terminal.shows('Theme', 'high-contrast', 'enter keeps it');
  app.terminal.type('\u001b[B');
  await app.terminal.shows('❯ mono');
  expect(app.terminal.hasColor).toBe(false);
  app.terminal.type('\u001b');
  await app.terminal.shows('alpha');
  await expect.poll(() => app.terminal.hasColor).toBe(true);
  expect(backend.preferences).toEqual([]);
  app.terminal.type('T');
  await app.terminal.shows('enter keeps it');
  app.terminal.type('\u001b[B');
  app.terminal.type('\r');
  await app.terminal.shows('alpha');
  expect(backend.preferences).toEqual([{ theme: 'mono', hasMouse: false }]);
  await expect.poll(() => app.terminal.hasColor).toBe(false);
});
