import type { RunState } from '../run-state.ts';

/** Nothing is open in it; a cancel and a rollback are final unless stages are chosen by name. */
export function isOver({ status }: Pick<RunState, 'status'>): boolean {
  return status === 'success' || status === 'warning' || status === 'cancelled' || status === 'rolled_back';
}
