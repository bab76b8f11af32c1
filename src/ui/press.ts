import type { Commands } from './commands/index.ts';
import { patch, say } from './commands/context.ts';
import { edit, editedText, insert, textOf } from './edit.ts';
import { findBinding, modeOf, paletteBindings } from './keymap.ts';
import type { Picker } from './state.ts';
import { THEME_NAMES, type ThemeName } from './theme.ts';
import type { ScreenStore } from './store.ts';

/** Takes keys, one at a time, each on the state that the one before it left: none is lost, however fast they come. */
export interface Keyboard {
  readonly press: (key: string) => void;
  readonly paste: (text: string) => void;
}

/** Keys and pastes, led to what they mean at this moment. */
export function createKeyboard(store: ScreenStore, commands: Commands): Keyboard {
  const press = (key: string): void => {
    const state = store.getState();
    if (state.notice) patch(store, () => ({ notice: undefined }));
    if (pressInOverlay(store, commands, key)) return;
    if (modeOf(state) === 'form' && commands.form.type(key)) return;
    const found = findBinding(state, key);
    if (!found) return;
    if (found.reason === undefined) found.binding.act(commands);
    else say(store, `${found.binding.label}: ${found.reason}`);
  };
  return {
    // A command that throws must not take the run with it.
    press: (key) => guarded(store, () => press(key)),
    paste: (text) => guarded(store, () => paste(store, commands, text)),
  };
}

/** Whether something over the screen has the keys now. */
function pressInOverlay(store: ScreenStore, commands: Commands, key: string): boolean {
  const { line, palette, picker, isChoosingTheme, theme } = store.getState();
  if (line) pressInLine(commands, key);
  else if (isChoosingTheme) pressInThemes(commands, theme, key);
  else if (palette) pressInPalette(store, commands, key);
  else if (picker) pressInPicker(commands, picker, key);
  else return false;
  return true;
}

/**
 * The list itself moves, and shows what it is on. What is shown is what enter keeps: the list would tell of the item
 * before when two keys come in one read.
 */
function pressInThemes({ app }: Commands, shown: ThemeName, key: string): void {
  const numbered = THEME_NAMES[Number(key) - 1];
  if (key === 'esc' || key === 'q' || key === 'ctrl+c') app.tryTheme();
  else if (key === 'enter') app.setTheme(shown);
  else if (numbered) app.setTheme(numbered);
}

function guarded(store: ScreenStore, work: () => void): void {
  try {
    work();
  } catch (error) {
    say(
      store,
      `that failed: ${error instanceof Error ? error.message : String(error)}; the run is not touched`,
      'bad',
    );
  }
}

function pressInLine({ app }: Commands, key: string): void {
  if (key === 'enter') return app.endLine(true);
  if (key === 'esc' || key === 'ctrl+c') return app.endLine(false);
  app.typeLine((line) => {
    const text = edit(line.text, key);
    return text ? { ...line, text } : line;
  });
}

function paste(store: ScreenStore, { app, form }: Commands, text: string): void {
  const state = store.getState();
  if (state.line) app.typeLine((line) => ({ ...line, text: insert(line.text, text) }));
  else if (modeOf(state) === 'form') form.paste(text);
}

function pressInPalette(store: ScreenStore, commands: Commands, key: string): void {
  const state = store.getState();
  const { text, chosen } = state.palette ?? { text: '', chosen: 0 };
  const found = paletteBindings(state);
  const choose = (at: number): void =>
    patch(store, () => ({ palette: { text, chosen: Math.min(found.length - 1, Math.max(0, at)) } }));
  const close = (): void => patch(store, () => ({ palette: undefined }));
  switch (key) {
    case 'up':
      return choose(chosen - 1);
    case 'down':
      return choose(chosen + 1);
    case 'esc':
    case 'ctrl+c':
      return close();
    case 'enter':
      close();
      return found[chosen]?.act(commands);
    default: {
      const edited = edit(editedText(text), key);
      if (edited) patch(store, () => ({ palette: { text: edited.before + edited.after, chosen: 0 } }));
    }
  }
}

function pressInPicker({ app }: Commands, { text }: Picker, key: string): void {
  const by = PICKER_MOVES[key];
  if (by !== undefined) return app.movePicker(by);
  if (key === 'enter') return app.endPicker(true);
  if (key === 'esc' || key === 'ctrl+c') return app.endPicker(false);
  const edited = edit(editedText(text), key);
  if (edited) app.typePicker(textOf(edited));
}

const PICKER_MOVES: Readonly<Record<string, number>> = { up: -1, down: 1, pageup: -10, pagedown: 10 };
