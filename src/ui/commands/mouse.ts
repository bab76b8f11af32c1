import { type Hit, hitAt } from '../model/hit.ts';
import type { Drawing } from '../drawing.ts';
import type { MouseEvent } from '../mouse.ts';
import type { CommandContext } from './context.ts';
import type { Commands } from './index.ts';

/** Rows that one notch of the wheel moves. */
const NOTCH = 3;

/** The wheel scrolls what is under the pointer; a click chooses, and on what is chosen does what enter does. */
export function createMouse(
  { store, panes }: Pick<CommandContext, 'store' | 'panes'>,
  commands: Commands,
  drawing: Drawing,
): (event: MouseEvent) => void {
  return ({ type, x, y, by }) => {
    const state = store.getState();
    const hit = hitAt(state, drawing, x, y);
    if (!hit || state.line || state.isLeaving) return;
    if (type === 'press') press(hit, state.screen, commands);
    else if (hit.type === 'pane') {
      const pane = state.run?.panes[hit.number - 1];
      if (pane) panes.key(pane.id, { type: 'scroll', rows: by * NOTCH });
    } else turn(hit, by * NOTCH, state.screen, commands);
  };
}

function turn(hit: Hit, rows: number, screen: string, commands: Commands): void {
  switch (hit.type) {
    case 'page':
      return commands.app.scrollPage(rows);
    case 'list':
      return listCommands(screen, commands).move(rows);
    case 'tree':
      return commands.run.move(rows);
    case 'commits':
      return commands.commits.move(rows);
    case 'diff':
      return commands.commits.scroll(rows);
    case 'pane':
      return undefined;
    default:
      return hit satisfies never;
  }
}

function press(hit: Hit, screen: string, commands: Commands): void {
  switch (hit.type) {
    case 'page':
      return undefined;
    case 'list':
      if (hit.id === undefined) return undefined;
      return listCommands(screen, commands).choose(hit.id);
    case 'tree':
      commands.panes.focus(0);
      return hit.id === undefined ? undefined : commands.run.choose(hit.id);
    case 'pane':
      return commands.panes.focus(hit.number);
    case 'commits':
      commands.commits.focus('list');
      return commands.commits.choose(hit.at);
    case 'diff':
      return commands.commits.focus('diff');
    default:
      return hit satisfies never;
  }
}

/** What moves in the list of a screen. */
function listCommands(
  screen: string,
  { home, history, releases }: Commands,
): Pick<Commands['home'], 'move' | 'choose'> {
  if (screen === 'home') return home;
  return screen === 'history' ? history : releases;
}
