import type { Binding } from '../binding.ts';

export const FORM_KEYS: readonly Binding[] = [
  {
    keys: ['enter'],
    label: 'next / start',
    description: 'The next field; on the button, start the run.',
    act: ({ form }) => form.next(),
  },
  {
    keys: ['up', 'shift+tab'],
    label: 'up',
    description: 'The field above.',
    isQuiet: true,
    act: ({ form }) => form.move(-1),
  },
  {
    keys: ['down'],
    label: 'down',
    description: 'The field below.',
    isQuiet: true,
    act: ({ form }) => form.move(1),
  },
  {
    keys: ['tab'],
    label: 'complete',
    description: 'Complete a path; otherwise the next field.',
    act: ({ form }) => form.complete(),
  },
  {
    keys: ['ctrl+s'],
    label: 'start',
    description: 'Start the run from any field.',
    act: ({ form }) => form.start(),
  },
  {
    keys: ['esc'],
    label: 'back',
    description: 'Back to Home; nothing is started.',
    act: ({ form }) => form.back(),
  },
  {
    keys: ['ctrl+p'],
    label: 'plan',
    description: 'Show what would happen; nothing is touched.',
    act: ({ form }) => form.plan(),
  },
  {
    keys: ['ctrl+l'],
    label: 'last values',
    description: 'Fill in the values of the last run.',
    disabled: ({ form }) => (form?.lastValues ? undefined : 'this pipeline has not run yet'),
    act: ({ form }) => form.useLastValues(),
  },
  {
    keys: ['ctrl+r'],
    label: 'defaults',
    description: 'Set every field back to its default.',
    isQuiet: true,
    act: ({ form }) => form.reset(),
  },
  {
    keys: ['ctrl+y'],
    label: 'copy command',
    description: 'Copy the command that does the same.',
    act: ({ form }) => form.copyCommand(),
  },
];
