import { editedText } from '../edit.ts';
import { scrolledPage } from '../model/page.ts';
import { createTheme, type ThemeName } from '../theme.ts';
import { pickerItems } from '../list.ts';
import { EMPTY_TEXT, isDrivenShown, type LineInput, type Page, type Picker } from '../state.ts';
import { type CommandContext, patch, say } from './context.ts';

/** What is the same on every screen. */
export interface AppCommands {
  readonly showHelp: () => void;
  readonly openPalette: () => void;
  /** Shows text in place of the body. */
  readonly showPage: (page: Omit<Page, 'top'>) => void;
  readonly scrollPage: (by: number | 'page-up' | 'page-down' | 'top' | 'end') => void;
  readonly acceptPage: () => void;
  readonly closePage: () => void;
  /** Asks for a line of text at the bottom; `done` gets it when enter is pressed, `changed` while it is typed. */
  readonly askLine: (line: Omit<LineInput, 'text'>, handlers: LineHandlers, text?: string) => void;
  readonly typeLine: (change: (line: LineInput) => LineInput) => void;
  readonly endLine: (isAccepted: boolean) => void;
  /** Lets one of `items` be chosen. */
  readonly pick: (title: string, items: readonly string[], done: (item: string) => void) => void;
  readonly typePicker: (text: string) => void;
  readonly movePicker: (by: number) => void;
  readonly endPicker: (isAccepted: boolean) => void;
  readonly chooseTheme: () => void;
  /** Shows it; without one the former is back. */
  readonly tryTheme: (name?: ThemeName) => void;
  readonly setTheme: (name: ThemeName) => void;
  /** Clicks and wheel are ours, or the terminal's own again. */
  readonly toggleMouse: () => void;
  /** Leaves the screen; asks first while a run is active. */
  readonly quit: () => void;
  /** Ctrl-Z: back to the shell until `fg`. */
  readonly suspend: () => void;
}

export interface LineHandlers {
  readonly done: (text: string) => void;
  readonly changed?: (text: string) => void;
  readonly cancelled?: () => void;
}

/** `helpLines` prints the keymap: it is passed in, because the keymap names these commands. */
export function createAppCommands(context: CommandContext, helpLines: () => readonly string[]): AppCommands {
  const { store, host } = context;
  let handlers: LineHandlers | undefined;
  const typed = (): string => {
    const text = store.getState().line?.text ?? EMPTY_TEXT;
    return text.before + text.after;
  };
  const showPage: AppCommands['showPage'] = (page) => patch(store, () => ({ page: { ...page, top: 0 } }));
  return {
    showHelp: () => showPage({ title: 'Keys', lines: helpLines() }),
    openPalette: () => patch(store, () => ({ palette: { text: '', chosen: 0 } })),
    showPage,
    scrollPage: (by) =>
      patch(store, (state) => (state.page ? { page: { ...state.page, top: scrolledPage(state, by) } } : {})),
    acceptPage: () => {
      const offer = store.getState().page?.offer;
      if (!offer) return;
      patch(store, () => ({ page: undefined }));
      offer.accept();
    },
    closePage: () => patch(store, () => ({ page: undefined })),
    askLine: (line, given, text = '') => {
      handlers = given;
      patch(store, () => ({ line: { ...line, text: editedText(text) } }));
    },
    typeLine: (change) => {
      patch(store, ({ line }) => (line ? { line: change(line) } : {}));
      handlers?.changed?.(typed());
    },
    endLine: (isAccepted) => {
      const text = typed();
      const ended = handlers;
      handlers = undefined;
      patch(store, () => ({ line: undefined }));
      if (isAccepted) ended?.done(text);
      else ended?.cancelled?.();
    },
    ...createPicker(context),
    ...createLook(context),
    suspend: () => void host.lend(() => context.backend.suspend()),
    quit: () => {
      const state = store.getState();
      if (!state.driven) host.leave('done');
      else if (state.isLeaving) say(store, 'p, c or l; esc stays');
      else patch(store, () => ({ isLeaving: true, ...(isDrivenShown(state) ? {} : { page: undefined }) }));
    },
  };
}

type Look = Pick<AppCommands, 'chooseTheme' | 'tryTheme' | 'setTheme' | 'toggleMouse'>;

function createLook({ store, backend, panes, hasColor }: CommandContext): Look {
  let before: ThemeName = 'default';
  const show = (theme: ThemeName): void => {
    panes.setColor(hasColor && createTheme(theme).hasColor);
    patch(store, () => ({ theme }));
  };
  const save = (): void => {
    const { theme, hasMouse } = store.getState();
    backend.savePreferences({ theme, hasMouse });
  };
  return {
    chooseTheme: () => {
      before = store.getState().theme;
      patch(store, () => ({ isChoosingTheme: true }));
    },
    tryTheme: (name) => {
      if (name === undefined) patch(store, () => ({ isChoosingTheme: false }));
      show(name ?? before);
    },
    setTheme: (name) => {
      patch(store, () => ({ isChoosingTheme: false }));
      show(name);
      save();
    },
    toggleMouse: () => {
      patch(store, ({ hasMouse }) => ({ hasMouse: !hasMouse }));
      const { hasMouse } = store.getState();
      say(store, hasMouse ? 'the mouse clicks and scrolls here' : "the mouse is the terminal's own again");
      save();
    },
  };
}

function createPicker({
  store,
}: CommandContext): Pick<AppCommands, 'pick' | 'typePicker' | 'movePicker' | 'endPicker'> {
  let picked: ((item: string) => void) | undefined;
  const change = (edit: (picker: Picker) => Partial<Picker>): void =>
    patch(store, ({ picker }) => (picker ? { picker: { ...picker, ...edit(picker) } } : {}));
  return {
    pick: (title, items, done) => {
      picked = done;
      patch(store, () => ({ picker: { title, items, text: '', chosen: 0 } }));
    },
    typePicker: (text) => change(() => ({ text, chosen: 0 })),
    movePicker: (by) =>
      change((picker) => ({
        chosen: Math.max(0, Math.min(pickerItems(picker).length - 1, picker.chosen + by)),
      })),
    endPicker: (isAccepted) => {
      const { picker } = store.getState();
      const item = picker && pickerItems(picker)[picker.chosen];
      const done = picked;
      picked = undefined;
      patch(store, () => ({ picker: undefined }));
      if (isAccepted && item !== undefined) done?.(item);
    },
  };
}
