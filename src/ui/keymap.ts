import type { Binding } from './binding.ts';
import { COMMITS_KEYS, DIFF_KEYS } from './keymaps/commits.ts';
import { FORM_KEYS } from './keymaps/form.ts';
import { HISTORY_KEYS } from './keymaps/history.ts';
import { HOME_KEYS } from './keymaps/home.ts';
import { PAGE_KEYS } from './keymaps/page.ts';
import { PANE_KEYS } from './keymaps/pane.ts';
import { LEAVING_KEYS, QUESTION_KEYS } from './keymaps/question.ts';
import { RELEASES_KEYS } from './keymaps/releases.ts';
import { RUN_KEYS } from './keymaps/run.ts';
import { questionOf, type ScreenState } from './state.ts';

/** Where keys mean different things. */
export type Mode =
  | 'home'
  | 'commits'
  | 'diff'
  | 'form'
  | 'run'
  | 'pane'
  | 'question'
  | 'history'
  | 'releases'
  | 'page'
  | 'leaving';

const GLOBAL_KEYS: readonly Binding[] = [
  {
    keys: ['ctrl+z'],
    label: 'suspend',
    description: 'Back to the shell until fg; commands of a run go on.',
    isQuiet: true,
    act: ({ app }) => app.suspend(),
  },
  {
    keys: ['?'],
    label: 'help',
    description: 'Show the keys of this screen.',
    act: ({ app }) => app.showHelp(),
  },
  {
    keys: [':'],
    label: 'commands',
    description: 'Find a command by its name.',
    act: ({ app }) => app.openPalette(),
  },
  {
    keys: ['T'],
    label: 'theme',
    description: 'Choose the colours of the screen.',
    isQuiet: true,
    act: ({ app }) => app.chooseTheme(),
  },
  {
    keys: ['M'],
    label: 'mouse',
    description: "Click and scroll with the mouse here, or leave it to the terminal's own selection.",
    isQuiet: true,
    act: ({ app }) => app.toggleMouse(),
  },
  {
    keys: ['ctrl+c'],
    label: 'quit',
    description: 'Leave; asks first while a run is active.',
    isQuiet: true,
    act: ({ app }) => app.quit(),
  },
];

export const KEYMAP: Readonly<Record<Mode, readonly Binding[]>> = {
  home: [...HOME_KEYS, ...GLOBAL_KEYS],
  commits: [...COMMITS_KEYS, ...GLOBAL_KEYS],
  diff: [...DIFF_KEYS, ...GLOBAL_KEYS],
  form: [...FORM_KEYS, ...GLOBAL_KEYS],
  run: [...RUN_KEYS, ...GLOBAL_KEYS],
  pane: [...PANE_KEYS, ...RUN_KEYS.filter(isShared), ...GLOBAL_KEYS],
  question: [...QUESTION_KEYS, ...RUN_KEYS, ...GLOBAL_KEYS],
  history: [...HISTORY_KEYS, ...GLOBAL_KEYS],
  releases: [...RELEASES_KEYS, ...GLOBAL_KEYS],
  page: [...PAGE_KEYS, ...GLOBAL_KEYS.filter(({ label }) => label !== 'help')],
  leaving: LEAVING_KEYS,
};

/** Keys of the run screen that a pane with the focus leaves as they are. */
function isShared({ keys }: Binding): boolean {
  const own = new Set(PANE_KEYS.flatMap((binding) => binding.keys));
  return !keys.some((key) => own.has(key));
}

export const MODE_TITLES: Readonly<Record<Mode, string>> = {
  home: 'Home',
  commits: 'Commits',
  diff: 'Commits: the diff',
  form: 'Form',
  run: 'Run: the tree',
  pane: 'Run: a log',
  question: 'Run: a question',
  history: 'History',
  releases: 'Releases',
  page: 'Text',
  leaving: 'Leaving',
};

/** What keys mean now, as far as they are not typed into a field. */
export function modeOf(state: ScreenState): Mode {
  if (state.isLeaving) return 'leaving';
  if (state.page) return 'page';
  if (state.screen === 'commits') return state.commits?.focus === 'diff' ? 'diff' : 'commits';
  if (state.screen !== 'run') return state.screen;
  if ((state.run?.focus ?? 0) > 0) return 'pane';
  return questionOf(state) ? 'question' : 'run';
}

/** The first binding of a key that can act now; otherwise the first, with its reason. */
export function findBinding(
  state: ScreenState,
  key: string,
): { readonly binding: Binding; readonly reason?: string } | undefined {
  const candidates = KEYMAP[modeOf(state)].filter(({ keys }) => keys.includes(key));
  const able = candidates.find((binding) => binding.disabled?.(state) === undefined);
  if (able) return { binding: able };
  const [first] = candidates;
  const reason = first?.disabled?.(state);
  return first && { binding: first, ...(reason !== undefined && { reason }) };
}

/** The commands that the palette offers: those that can act now and match what is typed. */
export function paletteBindings(state: ScreenState): readonly Binding[] {
  const words = (state.palette?.text ?? '').toLowerCase().split(/\s+/);
  return KEYMAP[modeOf(state)].filter(
    (binding) =>
      binding.disabled?.(state) === undefined &&
      !binding.keys.includes(':') &&
      words.every((word) => `${binding.label} ${binding.description}`.toLowerCase().includes(word)),
  );
}
