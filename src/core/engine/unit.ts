import type { RunState } from '../run-state.ts';
import type { StageState } from '../stage-state.ts';

/**
 * A stage that can undo itself has begun, and the run has not ended: deploy, verify and rollback are one unit, which is
 * not cut in the middle. Whoever wants to stop it waits, has it rolled back, or leaves it to be continued.
 */
export function isUnitOpen(state: RunState | undefined): boolean {
  if (!state || state.finished_at !== undefined) return false;
  return Object.values(state.stages).some(isOpen);
}

function isOpen({ undoable, kind, status, steps }: StageState): boolean {
  const hasActed = Object.keys(steps).length > 0 && status !== 'rolled_back' && status !== 'skipped';
  return hasActed && (undoable === true || kind === 'rollback');
}
