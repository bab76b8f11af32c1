import { isOver } from '../engine/over.ts';
import type { RunState } from '../run-state.ts';
import type { CaseClaim, SeenCase } from './case.ts';

/** A claim's run as it is now. */
export type ClaimedRun =
  /** There is none, or nothing of it was recorded: it never began. */
  | { readonly state: 'unborn' }
  /** A live process drives it. */
  | { readonly state: 'live' }
  | { readonly state: 'stored'; readonly run: RunState };

/** What becomes of a case now. */
export type CaseStep =
  /** Nobody has it: taken when it is whole. */
  | { readonly step: 'take'; readonly again: boolean }
  | { readonly step: 'start' }
  | { readonly step: 'continue' }
  /** Its run has ended while nobody wrote that down here. */
  | { readonly step: 'settle'; readonly run: RunState; readonly stamp: string | null }
  /** It is gone, and so is what a claim would keep from happening. */
  | { readonly step: 'forget' }
  | { readonly step: 'leave'; readonly reason?: string };

/**
 * What a watcher does about one name: the one rule book for first sight, restart and retry.
 * `run` is asked for a claim of ours only.
 */
export function decideCase(
  seen: SeenCase | undefined,
  claim: CaseClaim | undefined,
  run: ClaimedRun,
  holder: string,
): CaseStep {
  if (!claim) return seen ? { step: 'take', again: false } : { step: 'leave' };
  if (claim.holder !== holder) return { step: 'leave', reason: `taken by ${claim.holder}` };
  if (run.state === 'live') return { step: 'leave' };
  if (claim.ended) return decideEnded(seen, claim.ended);
  if (run.state === 'unborn') return { step: 'start' };
  const { status } = run.run;
  if (status === 'interrupted' || status === 'running') return { step: 'continue' };
  if (status === 'waiting') return isAnswered(run.run) ? { step: 'continue' } : { step: 'leave' };
  return { step: 'settle', run: run.run, stamp: stampAtEnd(seen, claim) };
}

function decideEnded(seen: SeenCase | undefined, ended: NonNullable<CaseClaim['ended']>): CaseStep {
  if (!seen) return { step: 'forget' };
  return seen.stamp === ended.stamp ? { step: 'leave' } : { step: 'take', again: true };
}

/** Another one that came under the same name while the run was under way is a case of its own. */
export function stampAtEnd(seen: SeenCase | undefined, claim: CaseClaim): string | null {
  if (!seen) return null;
  return seen.identity === claim.identity ? seen.stamp : claim.stamp;
}

/** Every question of it has its answer, so that it can go on. */
function isAnswered({ stages }: RunState): boolean {
  return !Object.values(stages).some(
    ({ status, confirmation }) => status === 'waiting' && confirmation && !confirmation.answered,
  );
}

/** Whether this watcher is done with a run that came back so. */
export function hasEnded(run: RunState): boolean {
  return isOver(run) || run.status === 'failed';
}
