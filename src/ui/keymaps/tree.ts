import type { Binding } from '../binding.ts';

const PAGE = 10;

/** Moving in the tree, and from it to the logs. */
export const TREE_KEYS: readonly Binding[] = [
  {
    keys: ['up', 'k'],
    label: 'up',
    description: 'Choose the node above.',
    isQuiet: true,
    act: ({ run }) => run.move(-1),
  },
  {
    keys: ['down', 'j'],
    label: 'down',
    description: 'Choose the node below.',
    isQuiet: true,
    act: ({ run }) => run.move(1),
  },
  {
    keys: ['pageup'],
    label: 'page up',
    description: 'Ten nodes up.',
    isQuiet: true,
    act: ({ run }) => run.move(-PAGE),
  },
  {
    keys: ['pagedown'],
    label: 'page down',
    description: 'Ten nodes down.',
    isQuiet: true,
    act: ({ run }) => run.move(PAGE),
  },
  {
    keys: ['home', 'g'],
    label: 'first',
    description: 'Choose the first stage.',
    isQuiet: true,
    act: ({ run }) => run.move(-Infinity),
  },
  {
    keys: ['end', 'G'],
    label: 'last',
    description: 'Choose the last stage.',
    isQuiet: true,
    act: ({ run }) => run.move(Infinity),
  },
  {
    keys: ['right', 'l'],
    label: 'unfold',
    description: 'Show the steps of the stage.',
    isQuiet: true,
    act: ({ run }) => run.unfold(),
  },
  {
    keys: ['left'],
    label: 'fold',
    description: 'Hide the steps; then go to the stage above.',
    isQuiet: true,
    act: ({ run }) => run.fold(),
  },
  {
    keys: ['tab'],
    label: 'log',
    description: 'Go to the next log; after the last one back to the tree.',
    act: ({ panes }) => panes.focusNext(1),
  },
  {
    keys: ['shift+tab'],
    label: 'log before',
    description: 'Go to the log before.',
    isQuiet: true,
    act: ({ panes }) => panes.focusNext(-1),
  },
  {
    keys: ['enter'],
    label: 'read',
    description: 'Go to the log of the chosen node.',
    isQuiet: true,
    act: ({ panes }) => panes.focus(1),
  },
  {
    keys: ['1'],
    label: 'log 1',
    description: 'Go to the first log.',
    isQuiet: true,
    act: ({ panes }) => panes.focus(1),
  },
  {
    keys: ['2'],
    label: 'log 2',
    description: 'Go to the second log.',
    isQuiet: true,
    act: ({ panes }) => panes.focus(2),
  },
  {
    keys: ['3'],
    label: 'log 3',
    description: 'Go to the third log.',
    isQuiet: true,
    act: ({ panes }) => panes.focus(3),
  },
  {
    keys: ['4'],
    label: 'log 4',
    description: 'Go to the fourth log.',
    isQuiet: true,
    act: ({ panes }) => panes.focus(4),
  },
];
