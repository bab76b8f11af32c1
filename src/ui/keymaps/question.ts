import { isUnitOpen } from '../../core/engine/unit.ts';
import type { Binding } from '../binding.ts';
import { questionOf, type ScreenState } from '../state.ts';

const asksConfirmation = (state: ScreenState): string | undefined =>
  questionOf(state)?.type === 'confirm' ? undefined : 'there are no details';

/** Printed with the question itself, so not in the footer. */
export const QUESTION_KEYS: readonly Binding[] = [
  {
    keys: ['y'],
    label: 'yes',
    isQuiet: true,
    description: 'Run the stage; after an interruption, run the step again.',
    act: ({ run }) => run.approve(),
  },
  {
    keys: ['n'],
    label: 'no',
    isQuiet: true,
    description: 'Refuse it, with a reason; the stage fails.',
    act: ({ run }) => run.reject(),
  },
  {
    keys: ['s'],
    label: 'skip',
    isQuiet: true,
    description: 'Leave the stage out and go on.',
    act: ({ run }) => run.skipQuestion(),
  },
  {
    keys: ['d'],
    label: 'details',
    isQuiet: true,
    description: 'Show what would run: plan, parameters, commands.',
    disabled: asksConfirmation,
    act: ({ run }) => run.details(),
  },
  {
    keys: ['q'],
    label: 'leave it open',
    isQuiet: true,
    description: 'Leave the run waiting; it can be answered and continued later.',
    act: ({ run }) => run.leaveOpen(),
  },
];

/** Deploy, verify and rollback are one unit: it is not cut in the middle. */
const inUnit = ({ driven }: ScreenState): string | undefined =>
  isUnitOpen(driven?.state) ? 'a deploy is in the middle: roll back, or leave it to be continued' : undefined;

const outsideUnit = ({ driven }: ScreenState): string | undefined =>
  isUnitOpen(driven?.state) ? undefined : 'nothing was deployed';

export const LEAVING_KEYS: readonly Binding[] = [
  {
    keys: ['p'],
    label: 'go on as plain lines',
    description: 'Leave the screen; the run goes on in this terminal as plain lines.',
    act: ({ drive }) => drive.leavePlain(),
  },
  {
    keys: ['c'],
    label: 'cancel it',
    description: 'Cancel the run for good, then leave.',
    disabled: inUnit,
    act: ({ drive }) => drive.cancelAndLeave(),
  },
  {
    keys: ['r'],
    label: 'roll back',
    description: 'In the middle of a deploy: undo what this run has deployed, then leave.',
    disabled: outsideUnit,
    act: ({ drive }) => drive.rollBackAndLeave(),
  },
  {
    keys: ['l'],
    label: 'leave it',
    description: 'Stop here; pipewright continue goes on later.',
    act: ({ drive }) => drive.interruptAndLeave('the screen was left'),
  },
  { keys: ['esc', 'n'], label: 'stay', description: 'Stay on the screen.', act: ({ drive }) => drive.stay() },
  {
    keys: ['ctrl+c'],
    label: 'cancel it',
    description: 'The second Ctrl-C cancels the run and leaves.',
    isQuiet: true,
    disabled: (state) => (state.driven ? inUnit(state) : 'no run is active'),
    act: ({ drive }) => drive.cancelAndLeave(),
  },
];
