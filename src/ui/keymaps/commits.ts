import type { Binding } from '../binding.ts';
import { chosenIds } from '../commits-state.ts';
import type { ScreenState } from '../state.ts';

/** A page of a list, rows. */
const PAGE = 10;

const nothingChosen = ({ commits }: ScreenState): string | undefined =>
  commits && chosenIds(commits).length > 0 ? undefined : 'choose a commit first';

const noBranches = ({ commits }: ScreenState): string | undefined =>
  (commits?.branches.length ?? 0) > 1 ? undefined : 'there is one branch only';

const nothingToDrop = ({ commits }: ScreenState): string | undefined => {
  const isFiltered = Object.values(commits?.query ?? {}).some((text) => text !== '');
  return commits?.anchor !== undefined || isFiltered ? undefined : 'no range and no filter is set';
};

const USE: Binding = {
  keys: ['enter'],
  label: 'use',
  description: 'Go on with the marked commits, or else with the chosen one.',
  disabled: nothingChosen,
  act: ({ commits }) => commits.use(),
};

const ZOOM: Binding = {
  keys: ['z'],
  label: 'zoom',
  description: 'Give the diff the whole screen, or take it back.',
  act: ({ commits }) => commits.zoom(),
};

const COPY: Binding = {
  keys: ['y'],
  label: 'copy id',
  description: 'Copy the id of the commit.',
  isQuiet: true,
  act: ({ commits }) => commits.copyId(),
};

export const COMMITS_KEYS: readonly Binding[] = [
  USE,
  {
    keys: [' '],
    label: 'mark',
    description: 'Mark the commit, or drop its mark; in a range, mark all of it.',
    act: ({ commits }) => commits.mark(),
  },
  {
    keys: ['v'],
    label: 'range',
    description: 'Begin a range at the chosen commit; again marks all up to the choice.',
    act: ({ commits }) => commits.range(),
  },
  {
    keys: ['a'],
    label: 'since deploy',
    description: 'Mark everything that came after the last deploy.',
    disabled: ({ commits }) => (commits?.deployed === undefined ? 'no deploy is known yet' : undefined),
    act: ({ commits }) => commits.sinceDeploy(),
  },
  {
    keys: ['up', 'k'],
    label: 'up',
    description: 'Choose the commit above.',
    isQuiet: true,
    act: ({ commits }) => commits.move(-1),
  },
  {
    keys: ['down', 'j'],
    label: 'down',
    description: 'Choose the commit below.',
    isQuiet: true,
    act: ({ commits }) => commits.move(1),
  },
  {
    keys: ['pageup'],
    label: 'page up',
    description: 'Ten commits up.',
    isQuiet: true,
    act: ({ commits }) => commits.move(-PAGE),
  },
  {
    keys: ['pagedown'],
    label: 'page down',
    description: 'Ten commits down.',
    isQuiet: true,
    act: ({ commits }) => commits.move(PAGE),
  },
  {
    keys: ['home', 'g'],
    label: 'newest',
    description: 'Choose the newest commit.',
    isQuiet: true,
    act: ({ commits }) => commits.move(-Infinity),
  },
  {
    keys: ['end', 'G'],
    label: 'oldest',
    description: 'Choose the oldest commit; all of them are read.',
    isQuiet: true,
    act: ({ commits }) => commits.last(),
  },
  {
    keys: ['/'],
    label: 'text',
    description: 'Only commits with this text in their message.',
    act: ({ commits }) => commits.filter('text'),
  },
  {
    keys: ['@'],
    label: 'author',
    description: 'Only commits by this author.',
    act: ({ commits }) => commits.filter('author'),
  },
  {
    keys: ['p'],
    label: 'path',
    description: 'Only commits that changed something below this path.',
    act: ({ commits }) => commits.filter('path'),
  },
  {
    keys: ['b'],
    label: 'branch',
    description: 'Show the commits of another branch.',
    disabled: noBranches,
    act: ({ commits }) => commits.switchBranch(),
  },
  {
    keys: ['tab', 'right', 'l'],
    label: 'diff',
    description: 'Go to the diff, to read it.',
    act: ({ commits }) => commits.focus('diff'),
  },
  ZOOM,
  {
    keys: ['x'],
    label: 'no marks',
    description: 'Drop all marks.',
    isQuiet: true,
    disabled: ({ commits }) => ((commits?.marked.size ?? 0) > 0 ? undefined : 'nothing is marked'),
    act: ({ commits }) => commits.unmark(),
  },
  COPY,
  {
    keys: ['r', 'ctrl+r'],
    label: 'refresh',
    description: 'Read the repository again.',
    isQuiet: true,
    act: ({ commits }) => commits.refresh(),
  },
  {
    keys: ['esc'],
    label: 'drop',
    description: 'Drop a range that was begun, then the filters.',
    isQuiet: true,
    disabled: nothingToDrop,
    act: ({ commits }) => commits.drop(),
  },
  {
    keys: ['esc', 'q'],
    label: 'back',
    description: 'Back to Home; nothing is started.',
    act: ({ commits }) => commits.back(),
  },
];

/** While the diff has the focus. */
export const DIFF_KEYS: readonly Binding[] = [
  {
    keys: ['up', 'k'],
    label: 'up',
    description: 'One line up.',
    isQuiet: true,
    act: ({ commits }) => commits.scroll(-1),
  },
  {
    keys: ['down', 'j'],
    label: 'down',
    description: 'One line down.',
    act: ({ commits }) => commits.scroll(1),
  },
  {
    keys: ['pageup', 'ctrl+b'],
    label: 'page up',
    description: 'One page up.',
    isQuiet: true,
    act: ({ commits }) => commits.scroll('page-up'),
  },
  {
    keys: ['pagedown', ' ', 'ctrl+f'],
    label: 'page',
    description: 'One page down.',
    act: ({ commits }) => commits.scroll('page-down'),
  },
  {
    keys: ['home', 'g'],
    label: 'top',
    description: 'To the message.',
    isQuiet: true,
    act: ({ commits }) => commits.scroll('top'),
  },
  {
    keys: ['end', 'G'],
    label: 'end',
    description: 'To the last line.',
    isQuiet: true,
    act: ({ commits }) => commits.scroll('end'),
  },
  {
    keys: ['n'],
    label: 'next file',
    description: 'To the next file of the diff.',
    act: ({ commits }) => commits.file(1),
  },
  {
    keys: ['N'],
    label: 'last file',
    description: 'To the file before.',
    isQuiet: true,
    act: ({ commits }) => commits.file(-1),
  },
  ZOOM,
  COPY,
  USE,
  {
    keys: ['tab', 'esc', 'left', 'q'],
    label: 'list',
    description: 'Back to the list.',
    act: ({ commits }) => commits.focus('list'),
  },
];
