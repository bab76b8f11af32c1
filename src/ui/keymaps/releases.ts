import type { Binding } from '../binding.ts';
import { chosenRelease, whyNotBackTo } from '../model/releases.ts';
import type { ScreenState } from '../state.ts';

/** A page of a list, rows. */
const PAGE = 10;

const whyNot = (state: ScreenState): string | undefined => {
  const item = chosenRelease(state);
  return item ? whyNotBackTo(item) : nothing(state);
};

const nothing = (state: ScreenState): string | undefined =>
  chosenRelease(state) ? undefined : 'nothing was deployed';

export const RELEASES_KEYS: readonly Binding[] = [
  {
    keys: ['up', 'k'],
    label: 'up',
    description: 'Choose the release above.',
    isQuiet: true,
    act: ({ releases }) => releases.move(-1),
  },
  {
    keys: ['down', 'j'],
    label: 'down',
    description: 'Choose the release below.',
    isQuiet: true,
    act: ({ releases }) => releases.move(1),
  },
  {
    keys: ['pageup'],
    label: 'page up',
    description: 'Ten releases up.',
    isQuiet: true,
    act: ({ releases }) => releases.move(-PAGE),
  },
  {
    keys: ['pagedown'],
    label: 'page down',
    description: 'Ten releases down.',
    isQuiet: true,
    act: ({ releases }) => releases.move(PAGE),
  },
  {
    keys: ['home', 'g'],
    label: 'first',
    description: 'Choose the first release.',
    isQuiet: true,
    act: ({ releases }) => releases.move(-Infinity),
  },
  {
    keys: ['end', 'G'],
    label: 'last',
    description: 'Choose the last release.',
    isQuiet: true,
    act: ({ releases }) => releases.move(Infinity),
  },
  {
    keys: ['b', 'enter'],
    label: 'roll back to it',
    description: 'Bring the service back to this release: shows what would happen on which hosts, then asks.',
    disabled: whyNot,
    act: ({ releases }) => releases.rollBack(),
  },
  {
    keys: ['B'],
    label: 'roll back all',
    description: 'In the environment of the chosen release: all services that were deployed together last.',
    disabled: nothing,
    act: ({ releases }) => releases.rollBackAll(),
  },
  {
    keys: ['o'],
    label: 'open the run',
    description: 'Show the run that deployed it, with its logs.',
    disabled: nothing,
    act: ({ releases }) => releases.open(),
  },
  {
    keys: ['esc', 'q'],
    label: 'back',
    description: 'Back to History.',
    act: ({ releases }) => releases.back(),
  },
];
