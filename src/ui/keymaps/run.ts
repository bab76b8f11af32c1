import type { Binding } from '../binding.ts';
import { undoOf } from '../../core/engine/undo.ts';
import { MAX_PANES } from '../commands/panes.ts';
import type { ScreenState } from '../state.ts';
import { TREE_KEYS } from './tree.ts';

/** It has come to rest with something left to do. */
function notOpen(state: ScreenState): string | undefined {
  if (state.driven) return 'a run is active';
  const status = state.run?.state?.status;
  if (status === 'failed' || status === 'interrupted' || status === 'waiting' || status === 'rolled_back')
    return undefined;
  return 'nothing failed, waits or was interrupted';
}

function notFailed(state: ScreenState): string | undefined {
  if (state.driven) return 'a run is active';
  return state.run?.state?.status === 'failed' ? undefined : 'nothing failed';
}

function notUndoable(state: ScreenState): string | undefined {
  if (state.driven) return 'a run is active';
  const undo = state.run?.state && undoOf(state.run.state);
  if (!undo || undo.ok) return undo ? undefined : 'there is no run';
  const { failure } = undo;
  return failure.reason === 'invalid' ? (failure.hint ?? failure.message) : 'it cannot be undone';
}

function notEnded(state: ScreenState): string | undefined {
  if (state.driven) return 'a run is active';
  return state.run?.state && !state.run.isWatched ? undefined : 'another process runs it';
}

function notActive(state: ScreenState): string | undefined {
  const status = state.run?.state?.status;
  const isOver = status !== undefined && !['running', 'waiting', 'interrupted', 'failed'].includes(status);
  return isOver ? 'it has ended' : undefined;
}

export const RUN_KEYS: readonly Binding[] = [
  {
    keys: ['r'],
    label: 'retry',
    isQuiet: true,
    description: 'Run what failed, waits or was interrupted, and what comes after it.',
    disabled: notOpen,
    act: ({ run }) => run.retry(),
  },
  {
    keys: ['s'],
    label: 'skip it',
    isQuiet: true,
    description: 'Go on without the stages that failed; what needs them runs all the same.',
    disabled: notFailed,
    act: ({ run }) => run.skipFailed(),
  },
  {
    keys: ['b'],
    label: 'roll back',
    isQuiet: true,
    description: 'Undo what the run did, by the rollback steps of its stages; shows first what that is.',
    disabled: notUndoable,
    act: ({ run }) => run.rollBack(),
  },
  ...TREE_KEYS,
  {
    keys: ['f'],
    label: 'follow',
    description: 'Let the choice move with what runs.',
    disabled: ({ run }) => (run?.isFollowing ? 'it follows already' : undefined),
    act: ({ run }) => run.follow(),
  },
  {
    keys: ['/'],
    label: 'search',
    description: 'Search the log; n and N go to the next and the last match.',
    act: ({ panes }) => panes.search(),
  },
  {
    keys: ['|'],
    label: 'split',
    description: 'One more log beside it, kept on the chosen node.',
    isQuiet: true,
    disabled: ({ run }) =>
      (run?.panes.length ?? 0) < MAX_PANES ? undefined : `${MAX_PANES} logs are the most`,
    act: ({ panes }) => panes.split(),
  },
  {
    keys: ['p'],
    label: 'pin',
    description: 'Keep the log on its node, or let it show the chosen node again.',
    isQuiet: true,
    act: ({ panes }) => panes.pin(),
  },
  {
    keys: ['z'],
    label: 'zoom',
    description: 'Give the log the whole screen, or take it back.',
    act: ({ panes }) => panes.zoom(),
  },
  {
    keys: ['w'],
    label: 'why',
    description: 'Explain the decision about the stage.',
    act: ({ run }) => run.why(),
  },
  {
    keys: ['R'],
    label: 'rerun from here',
    description: 'Run the chosen stage and what needs it again; shows the plan first.',
    isQuiet: true,
    disabled: notEnded,
    act: ({ run }) => run.rerunFromHere(),
  },
  {
    keys: ['!'],
    label: 'shell',
    description: "Open a shell in the stage's folder; exit comes back.",
    act: ({ run }) => run.shell(),
  },
  {
    keys: ['o'],
    label: 'open log',
    description: 'Open the log in $PAGER or $EDITOR.',
    isQuiet: true,
    act: ({ run }) => run.openLog(),
  },
  {
    keys: ['x'],
    label: 'cancel',
    description: 'Cancel the run for good; asks first.',
    disabled: notActive,
    act: ({ run }) => run.cancel(),
  },
  {
    keys: ['esc'],
    label: 'home',
    description: 'Back to Home; an active run goes on.',
    act: ({ run }) => run.back(),
  },
  {
    keys: ['q'],
    label: 'quit',
    description: 'Leave; asks first while the run is active.',
    act: ({ app }) => app.quit(),
  },
];
