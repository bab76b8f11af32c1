import type { Binding } from '../binding.ts';

export const PAGE_KEYS: readonly Binding[] = [
  {
    keys: ['y'],
    label: 'accept',
    description: 'Do what is offered here.',
    disabled: ({ page }) => (page?.offer ? undefined : 'nothing is offered here'),
    act: ({ app }) => app.acceptPage(),
  },
  {
    keys: ['esc', 'q', 'enter', 'n'],
    label: 'back',
    description: 'Back to the screen below.',
    act: ({ app }) => app.closePage(),
  },
  { keys: ['up', 'k'], label: 'up', description: 'One line up.', act: ({ app }) => app.scrollPage(-1) },
  { keys: ['down', 'j'], label: 'down', description: 'One line down.', act: ({ app }) => app.scrollPage(1) },
  {
    keys: ['pageup'],
    label: 'page up',
    description: 'One page up.',
    isQuiet: true,
    act: ({ app }) => app.scrollPage('page-up'),
  },
  {
    keys: ['pagedown', ' '],
    label: 'page down',
    description: 'One page down.',
    act: ({ app }) => app.scrollPage('page-down'),
  },
  {
    keys: ['home', 'g'],
    label: 'top',
    description: 'To the first line.',
    isQuiet: true,
    act: ({ app }) => app.scrollPage('top'),
  },
  {
    keys: ['end', 'G'],
    label: 'end',
    description: 'To the last line.',
    isQuiet: true,
    act: ({ app }) => app.scrollPage('end'),
  },
];
