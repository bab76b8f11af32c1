import type { CaseClaim, SeenCase } from '../../core/cases/case.ts';
import { CaseTally } from '../../core/cases/case-event.ts';
import { stateOf } from '../../core/engine/engine.ts';
import type { Failure } from '../../core/failure.ts';
import { formatDuration } from '../../core/quantities.ts';
import type { RunState } from '../../core/run-state.ts';
import { markOf } from '../../core/status-look.ts';
import { oneLine } from '../../core/terminal-text.ts';
import type { WatchCommand } from '../command.ts';
import { orFail, printView } from '../print.ts';
import type { CasePlace, Services } from '../services.ts';

/** One case as `watch --list` tells it. */
interface ListedCase {
  readonly case: string;
  /** A run's status, `new`, `elsewhere`, `refused` or `taken`: claimed, its run has not begun. */
  readonly state: string;
  readonly run_id?: string;
  readonly found_at?: string;
  readonly finished_at?: string;
  readonly processing_ms?: number;
  readonly reason?: string;
  readonly failure?: Failure;
}

interface Listing {
  readonly command: WatchCommand;
  readonly services: Services;
  readonly place: CasePlace;
  readonly pipeline: string;
}

/** `watch --list`: what is in the folder, and what became of it. Changes nothing. */
export async function listCases({ command, services, place, pipeline }: Listing): Promise<number> {
  return orFail(services, command, await place.folder.scan(), async ({ cases, refused }) =>
    orFail(services, command, await place.claims.list(), async (claims) => {
      const names = new Set([...cases.map(({ name }) => name), ...claims.keys()]);
      const seen = new Map(cases.map((each) => [each.name, each]));
      const listed: ListedCase[] = refused.map(({ name, reason }) => ({
        case: name,
        state: 'refused',
        reason,
      }));
      for (const name of names)
        listed.push(await describe(services, place, [seen.get(name), claims.get(name)], name));
      const figures = figuresOf(listed);
      const { describeFailure, table } = await services.views();
      return printView(services, command, {
        document: () => ({ pipeline, cases: listed, ...figures }),
        lines: () =>
          listed.length === 0
            ? ['No cases.']
            : [
                ...table(listed.map((each) => rowOf(each, describeFailure))),
                `${figures.succeeded} succeeded, ${figures.failed} failed, ${figures.open} open${timesOf(figures)}`,
              ],
      });
    }),
  );
}

async function describe(
  services: Services,
  place: CasePlace,
  [seen, claim]: readonly [SeenCase | undefined, CaseClaim | undefined],
  name: string,
): Promise<ListedCase> {
  if (!claim) return { case: name, state: 'new' };
  const known = { case: name, run_id: claim.run_id, found_at: claim.found_at };
  if (claim.holder !== place.holder)
    return { ...known, state: 'elsewhere', reason: `taken by ${claim.holder}` };
  const stored = await (await services.store()).read(claim.run_id);
  const run = stored.ok ? stateOf(stored.value, place.clock.nowMs()) : undefined;
  if (!run?.created) return { ...known, state: claim.ended?.status ?? 'taken' };
  const isChanged = claim.ended && seen && seen.stamp !== claim.ended.stamp;
  return {
    ...known,
    ...outcomeOf(run, claim),
    ...(isChanged && { reason: 'changed since: it will be run again' }),
  };
}

function outcomeOf(run: RunState, claim: CaseClaim): Omit<ListedCase, 'case'> {
  return {
    state: run.status,
    ...(run.finished_at !== undefined && {
      finished_at: run.finished_at,
      processing_ms: Date.parse(run.finished_at) - Date.parse(claim.found_at),
    }),
    ...(run.failure && { failure: run.failure }),
  };
}

function figuresOf(listed: readonly ListedCase[]): ReturnType<CaseTally['figures']> {
  const tally = new CaseTally();
  for (const { state, processing_ms: ms } of listed) {
    const status = STATUSES.find((known) => known === state);
    if (status && ms !== undefined) tally.add({ status, processing_ms: ms });
  }
  return tally.figures();
}

const STATUSES: readonly RunState['status'][] = ['success', 'warning', 'failed', 'rolled_back', 'cancelled'];

function rowOf(
  { case: name, state, run_id: runId, processing_ms: ms, reason, failure }: ListedCase,
  tell: (failure: Failure) => string,
): string[] {
  const status = [...STATUSES, 'running' as const, 'waiting' as const, 'interrupted' as const].find(
    (known) => known === state,
  );
  return [
    oneLine(name),
    status ? `${markOf(status)} ${state}` : `· ${state}`,
    runId ?? '',
    ms === undefined ? '' : formatDuration(ms),
    oneLine(reason ?? (failure ? tell(failure) : '')),
  ];
}

function timesOf({ processing_ms: times }: ReturnType<CaseTally['figures']>): string {
  return times
    ? `; from found to end ${formatDuration(times.median)}, at most ${formatDuration(times.longest)}`
    : '';
}
