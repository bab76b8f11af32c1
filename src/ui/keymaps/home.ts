import type { Binding } from '../binding.ts';
import { chosenItem } from '../commands/home.ts';
import type { ScreenState } from '../state.ts';

/** A page of a list, rows. */
const PAGE = 10;

const noPipeline = (state: ScreenState): string | undefined =>
  chosenItem(state)?.type === 'pipeline' ? undefined : 'choose a pipeline first';
const noRun = (state: ScreenState): string | undefined => {
  const item = chosenItem(state);
  return item && (item.type !== 'pipeline' || item.last)
    ? undefined
    : 'choose a run, or a pipeline that has run';
};

export const HOME_KEYS: readonly Binding[] = [
  {
    keys: ['up', 'k'],
    label: 'up',
    description: 'Choose the row above.',
    isQuiet: true,
    act: ({ home }) => home.move(-1),
  },
  {
    keys: ['down', 'j'],
    label: 'down',
    description: 'Choose the row below.',
    isQuiet: true,
    act: ({ home }) => home.move(1),
  },
  {
    keys: ['pageup'],
    label: 'page up',
    description: 'Ten rows up.',
    isQuiet: true,
    act: ({ home }) => home.move(-PAGE),
  },
  {
    keys: ['pagedown'],
    label: 'page down',
    description: 'Ten rows down.',
    isQuiet: true,
    act: ({ home }) => home.move(PAGE),
  },
  {
    keys: ['home', 'g'],
    label: 'first',
    description: 'Choose the first row.',
    isQuiet: true,
    act: ({ home }) => home.move(-Infinity),
  },
  {
    keys: ['end', 'G'],
    label: 'last',
    description: 'Choose the last row.',
    isQuiet: true,
    act: ({ home }) => home.move(Infinity),
  },
  {
    keys: ['enter'],
    label: 'open',
    description: 'Open the chosen row: the form of a pipeline, or a run; what waits goes on.',
    disabled: (state) => (chosenItem(state) ? undefined : 'there is nothing to open'),
    act: ({ home }) => home.open(),
  },
  {
    keys: ['a'],
    label: 'active run',
    description: 'Go back to the run that is active.',
    disabled: ({ driven }) => (driven ? undefined : 'no run is active here'),
    act: ({ run }) => run.showDriven(),
  },
  {
    keys: ['/'],
    label: 'filter',
    description: 'Show only rows with these words.',
    act: ({ home }) => home.filter(),
  },
  {
    keys: ['c'],
    label: 'commits',
    description: 'Choose the commits that a run of the pipeline is about.',
    disabled: noPipeline,
    act: ({ home }) => home.commits(),
  },
  {
    keys: ['p'],
    label: 'plan',
    description: 'Show what the pipeline would do; nothing is touched.',
    disabled: noPipeline,
    act: ({ home }) => home.plan(),
  },
  {
    keys: ['w'],
    label: 'why',
    description: 'Explain each decision of the run.',
    disabled: noRun,
    act: ({ home }) => home.why(),
  },
  { keys: ['h'], label: 'history', description: 'List all runs.', act: ({ history }) => history.show() },
  {
    keys: ['r', 'ctrl+r'],
    label: 'refresh',
    description: 'Read pipelines and runs again.',
    isQuiet: true,
    act: ({ home }) => void home.refresh(),
  },
  {
    keys: ['esc'],
    label: 'clear filter',
    description: 'Show all rows again.',
    isQuiet: true,
    disabled: ({ home }) => (home.filter === '' ? 'q leaves' : undefined),
    act: ({ home }) => home.clearFilter(),
  },
  {
    keys: ['q'],
    label: 'quit',
    description: 'Leave; asks first while a run is active.',
    act: ({ app }) => app.quit(),
  },
];
