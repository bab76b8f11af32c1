import type { Binding } from '../binding.ts';
import { historyFilters, historyRuns } from '../model/history.ts';
import type { ScreenState } from '../state.ts';

/** A page of a list, rows. */
const PAGE = 10;

const noRuns = (state: ScreenState): string | undefined =>
  historyRuns(state.history, state.nowMs).length > 0 ? undefined : 'there is no run';

export const HISTORY_KEYS: readonly Binding[] = [
  {
    keys: ['up', 'k'],
    label: 'up',
    description: 'Choose the run above.',
    isQuiet: true,
    act: ({ history }) => history.move(-1),
  },
  {
    keys: ['down', 'j'],
    label: 'down',
    description: 'Choose the run below.',
    isQuiet: true,
    act: ({ history }) => history.move(1),
  },
  {
    keys: ['pageup'],
    label: 'page up',
    description: 'Ten runs up.',
    isQuiet: true,
    act: ({ history }) => history.move(-PAGE),
  },
  {
    keys: ['pagedown'],
    label: 'page down',
    description: 'Ten runs down.',
    isQuiet: true,
    act: ({ history }) => history.move(PAGE),
  },
  {
    keys: ['home', 'g'],
    label: 'newest',
    description: 'Choose the newest run.',
    isQuiet: true,
    act: ({ history }) => history.move(-Infinity),
  },
  {
    keys: ['end', 'G'],
    label: 'oldest',
    description: 'Choose the oldest run.',
    isQuiet: true,
    act: ({ history }) => history.move(Infinity),
  },
  {
    keys: ['enter'],
    label: 'open',
    description: 'Show the run as it was, with its logs.',
    disabled: noRuns,
    act: ({ history }) => history.open(),
  },
  {
    keys: ['/'],
    label: 'filter',
    description: 'Only runs with these words: pipeline, id, status, environment, date.',
    act: ({ history }) => history.filter(),
  },
  {
    keys: ['s'],
    label: 'status',
    description: 'Only runs with one status; again for the next one.',
    act: ({ history }) => history.nextStatus(),
  },
  {
    keys: ['p'],
    label: 'pipeline',
    description: 'Only runs of one pipeline.',
    disabled: noRuns,
    act: ({ history }) => history.pickPipeline(),
  },
  {
    keys: ['d'],
    label: 'days',
    description: 'Only runs of today; again for 7 days, 30 days, all.',
    act: ({ history }) => history.nextDays(),
  },
  {
    keys: ['b'],
    label: 'rollbacks',
    description: 'Only runs that were rolled back, and those that still can be.',
    act: ({ history }) => history.rollbacks(),
  },
  {
    keys: ['v'],
    label: 'releases',
    description: 'What was deployed where: releases of each service; from there back to one of them.',
    act: ({ releases }) => releases.show(),
  },
  {
    keys: ['w'],
    label: 'why',
    description: 'Explain each decision of the run.',
    disabled: noRuns,
    act: ({ history }) => history.why(),
  },
  {
    keys: ['i'],
    label: 'facts',
    description: 'Stages with work, wait, tries, CPU and memory.',
    disabled: noRuns,
    act: ({ history }) => history.facts(),
  },
  {
    keys: [' '],
    label: 'mark',
    description: 'Mark a run for comparison.',
    disabled: noRuns,
    act: ({ history }) => history.mark(),
  },
  {
    keys: ['c'],
    label: 'compare',
    description: 'Compare the two marked runs.',
    disabled: ({ history }) => (history.marked.length === 2 ? undefined : 'mark two runs with space first'),
    act: ({ history }) => history.compare(),
  },
  {
    keys: ['esc'],
    label: 'all runs',
    description: 'Drop the filters.',
    isQuiet: true,
    disabled: ({ history }) => (historyFilters(history).length === 0 ? 'no filter is set' : undefined),
    act: ({ history }) => history.clearFilter(),
  },
  { keys: ['esc', 'q'], label: 'back', description: 'Back to Home.', act: ({ history }) => history.back() },
];
