import { pairKey } from '../fold-index.ts';
import type { Notice, NoticeEvent, NoticeStage } from '../notify.ts';
import type { StateIndex } from '../run-index.ts';
import type { RunState } from '../run-state.ts';
import type { StageState } from '../stage-state.ts';
import type { NotifySettings } from '../settings/notify.ts';
import type { EngineDeps } from './api.ts';

/** The one that says most comes first. */
const BY_WEIGHT: readonly NoticeEvent[] = ['lock', 'rollback', 'failure', 'waiting', 'recovery', 'success'];

/**
 * Tells whoever is named in `notify` how this process's part of a run has ended. Called when all is on disk and the run
 * is nobody's any more, so that a mail server that hangs keeps nobody from going on with it.
 */
export async function tellEnd(
  deps: EngineDeps,
  { before, after }: { readonly before: RunState; readonly after: RunState },
  signal: AbortSignal,
): Promise<void> {
  const settings = after.created?.settings?.notify;
  if (!settings || !hasChannel(settings)) return;
  const index = await deps.store.index();
  const notice = noticeOf(after, { before, index: index.ok ? index.value : undefined });
  const event = notice?.events.find((one) => isWanted(one, settings));
  if (notice && event) await deps.notifier.send({ ...notice, event }, settings, signal);
}

function hasChannel({ command, webhook, email }: NotifySettings): boolean {
  return command !== undefined || webhook !== undefined || email !== undefined;
}

function isWanted(event: Notice['event'], { on }: NotifySettings): boolean {
  return event !== 'test' && on.includes(event);
}

interface Surroundings {
  readonly before: RunState;
  readonly index: StateIndex | undefined;
}

/** What there is to tell of a run that has just ended; nothing of one that somebody stopped. */
function noticeOf(state: RunState, surroundings: Surroundings): Notice | undefined {
  const { created } = state;
  const events = eventsOf(state, surroundings);
  const [event] = events;
  if (!created || event === undefined) return undefined;
  const consecutive = surroundings.index?.consecutive[pairKey(created.pipeline, created.environment)];
  return {
    event,
    events,
    project: created.settings?.project ?? '',
    pipeline: created.pipeline,
    environment: created.environment,
    run_id: state.run_id,
    status: state.status,
    trigger: created.trigger,
    by: created.by,
    commits: created.commits,
    ...(state.started_at !== undefined && { started_at: state.started_at }),
    ...(state.finished_at !== undefined && { finished_at: state.finished_at }),
    ...(state.duration_ms !== undefined && { duration_ms: state.duration_ms }),
    stages: Object.values(state.stages).flatMap(stageOf),
    ...(state.failure && { failure: state.failure }),
    ...(event === 'lock' && consecutive !== undefined && { consecutive_failures: consecutive }),
  };
}

function eventsOf(state: RunState, { before, index }: Surroundings): readonly NoticeEvent[] {
  const events = new Set<NoticeEvent>();
  if (state.status === 'failed' || state.status === 'rolled_back') {
    events.add('failure');
    if (state.rollback) events.add('rollback');
    if (index?.locked.some(({ run_id }) => run_id === state.run_id)) events.add('lock');
  } else if (state.status === 'waiting') events.add('waiting');
  else if (state.status === 'success' || state.status === 'warning') {
    events.add('success');
    if (hasFailed(before.status) || hasFailed(lastOf(state, index)?.status)) events.add('recovery');
  }
  return BY_WEIGHT.filter((event) => events.has(event));
}

function hasFailed(status: string | undefined): boolean {
  return status === 'failed' || status === 'rolled_back';
}

/** The run of the same pipeline and environment before this one that came to an end. */
function lastOf({ created, run_id: runId }: RunState, index: StateIndex | undefined) {
  return index?.runs.find(
    ({ pipeline, environment, pipeline_id, status }) =>
      pipeline === created?.pipeline &&
      environment === created.environment &&
      pipeline_id !== runId &&
      (hasFailed(status) || status === 'success' || status === 'warning'),
  );
}

function stageOf({ name, status, failure, confirmation }: StageState): readonly NoticeStage[] {
  const isOpen = status === 'waiting' && confirmation && !confirmation.answered;
  const isTold = isOpen || status === 'failed' || status === 'rolled_back' || status === 'warning';
  if (!isTold) return [];
  return [
    {
      name,
      status,
      ...(failure && { failure }),
      ...(isOpen && { question: confirmation.requested.message }),
    },
  ];
}
