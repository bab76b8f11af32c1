import type { EventLog } from '../event-log.ts';
import { failed, ok, type Result } from '../failure.ts';
import { findLock, lockFailure } from '../pipeline-lock.ts';
import type { RunHandle, StoredRun } from '../ports.ts';
import type { PipelineLock } from '../run-index.ts';
import { storedSettings } from '../settings/index.ts';
import { foldRun, idleRun, reduce, type RunState } from '../run-state.ts';
import { answerRun, cancelRun } from './answer.ts';
import type { Drive, Engine, EngineDeps, Plan, RerunChoice, StartRequest } from './api.ts';
import { lookUp } from './cache.ts';
import { driveRun } from './drive-run.ts';
import { isOver } from './over.ts';
import { type PlanInputs, planPipeline } from './plan.ts';
import { endingAgain, openAgain, resetsFor } from './rerun.ts';
import type { Scope } from './scope.ts';
import { checkSelection } from './selection.ts';
import { undoOf } from './undo.ts';

/** The operations behind every command; all state enters and leaves through `deps`. */
export function createEngine(deps: EngineDeps): Engine {
  return {
    plan: (request) => plan(deps, request),
    start: (request, drive) => start(deps, request, drive),
    continue: (runId, drive) => takeUp(deps, runId, drive),
    planAgain: (runId, choice) => planAgain(deps, runId, choice),
    rerun: (runId, choice, drive) => takeUp(deps, runId, drive, choice),
    undo: (runId, drive) => undoRun(deps, runId, drive),
    answer: (runId, stage, answer) => answerRun(deps, runId, stage, answer),
    cancel: (runId) => cancelRun(deps, runId),
    state: async (runId) => {
      const stored = await deps.store.read(runId);
      return stored.ok ? ok(stateOf(stored.value, deps.clock.nowMs())) : stored;
    },
  };
}

/** The folded state of a stored run as it is now: without a live owner nothing is running. */
export function stateOf(stored: StoredRun, nowMs: number): RunState {
  const state = foldRun(stored.runId, stored.events);
  if (state.status === 'waiting') return withExpiry(state, nowMs);
  return state.status === 'running' && !stored.owner
    ? { ...state, status: 'interrupted', interrupted_by: whyGone(stored) }
    : state;
}

function whyGone({ events, damage }: StoredRun): string {
  if (damage.length > 0) return 'its journal is damaged, and what follows there is not known';
  return events.length === 0 ? 'its journal is gone' : 'its process died';
}

/** An unanswered confirmation that has expired counts as rejected, also before a process writes that down. */
function withExpiry(state: RunState, nowMs: number): RunState {
  const expired = Object.values(state.stages).find(
    ({ status, confirmation }) =>
      status === 'waiting' &&
      confirmation &&
      !confirmation.answered &&
      Date.parse(confirmation.requested.expires_at) <= nowMs,
  );
  if (!expired?.confirmation) return state;
  const failure = {
    reason: 'confirmation-expired',
    expired_at: expired.confirmation.requested.expires_at,
  } as const;
  return {
    ...state,
    status: 'failed',
    failure: { reason: 'stage-failed', stage: expired.name, cause: failure },
    stages: { ...state.stages, [expired.name]: { ...expired, status: 'failed', failure } },
  };
}

/** SHA-256 over all that decides what a run does: what a confirmation is bound to. */
function planHash(
  deps: EngineDeps,
  { definition, params, environment, commits, selection, settings }: StartRequest,
): string {
  return deps.ids.sha256(JSON.stringify({ definition, params, environment, commits, selection, settings }));
}

async function plan(deps: EngineDeps, request: StartRequest): Promise<Result<Plan>> {
  const checked = checkSelection(request);
  if (!checked.ok) return checked;
  const inputs = planInputs(deps, request, idleRun(''));
  const stages = await planPipeline(inputs, {
    definition: request.definition,
    prefix: '',
    params: request.params,
  });
  if (!stages.ok) return stages;
  const locked = await readLock(deps, request.definition.name, request.environment);
  return ok({
    pipeline: request.definition.name,
    file: request.definition.source.file,
    environment: request.environment,
    params: request.params,
    plan_hash: planHash(deps, request),
    stages: stages.value,
    ...(locked && { locked }),
  });
}

async function planAgain(deps: EngineDeps, runId: string, choice?: RerunChoice): Promise<Result<Plan>> {
  const stored = await deps.store.read(runId);
  if (!stored.ok) return stored;
  const before = foldRun(runId, stored.value.events);
  const { created } = before;
  if (!created) return failed({ reason: 'invalid', message: `run ${runId} never began` });
  const resets = resetsFor(before, choice);
  if (!resets.ok) return resets;
  const state = resets.value.reduce<RunState>(
    (current, draft) => reduce(current, { ...draft, seq: current.last_seq + 1, at: '', run_id: runId }),
    before,
  );
  const settings = storedSettings(created.settings);
  const request = { ...created, settings, assumeYes: false, maxConsecutiveFailures: 0 };
  const scope = { definition: created.definition, prefix: '', params: created.params };
  const stages = await planPipeline(planInputs(deps, request, state), scope);
  if (!stages.ok) return stages;
  const { pipeline, environment, params, plan_hash } = created;
  return ok({
    pipeline,
    file: created.definition.source.file,
    environment,
    params,
    plan_hash,
    stages: stages.value,
  });
}

function planInputs(deps: EngineDeps, request: StartRequest, state: RunState): PlanInputs {
  const facts = {
    run_id: state.run_id,
    environment: request.environment,
    trigger: request.trigger,
    project: request.project,
    commits: request.commits,
    artifacts: '',
  };
  return {
    deps,
    facts,
    settings: request.settings,
    selection: request.selection,
    state,
    cached: async (scope: Scope, stage) => {
      const found = await lookUp({ deps, facts, state, scope, stage });
      if (!found.hit) return undefined;
      return {
        action: 'reuse',
        rule: 'cache-hit',
        reason: found.reason,
        evidence: [{ name: 'cache.key', value: found.key.slice(0, 12) }],
      };
    },
  };
}

async function readLock(
  deps: EngineDeps,
  pipeline: string,
  environment: string,
): Promise<PipelineLock | undefined> {
  const index = await deps.store.index();
  return index.ok ? findLock(index.value, pipeline, environment) : undefined;
}

async function start(deps: EngineDeps, request: StartRequest, drive: Drive): Promise<Result<RunState>> {
  const checked = checkSelection(request);
  if (!checked.ok) return checked;
  const lock = await readLock(deps, request.definition.name, request.environment);
  if (lock) return failed(lockFailure(lock));

  const runId = request.runId ?? deps.ids.runId(deps.clock.nowMs(), request.commits.at(-1));
  const handle = await deps.store.create(runId);
  if (!handle.ok) return handle;
  const began = await recordStart(deps, handle.value, request);
  if (!began.ok) {
    await handle.value.release();
    return began;
  }
  const { user, host } = deps.identity;
  const open = (log: EventLog): Promise<void> =>
    log.append({
      type: 'run.created',
      format: 1,
      pipeline: request.definition.name,
      definition: request.definition,
      params: request.params,
      environment: request.environment,
      trigger: request.trigger,
      by: `${user}@${host}`,
      commits: request.commits,
      selection: request.selection,
      plan_hash: planHash(deps, request),
      project: request.project,
      context: request.context,
      assume_yes: request.assumeYes,
      settings: request.settings,
    });
  return driveRun(deps, handle.value, { state: idleRun(runId), open }, drive);
}

function recordStart(deps: EngineDeps, handle: RunHandle, request: StartRequest): Promise<Result<void>> {
  return deps.store.record({
    type: 'run.started',
    run_id: handle.runId,
    pipeline: request.definition.name,
    environment: request.environment,
    trigger: request.trigger,
    at: deps.clock.now(),
    stages: request.definition.stages.map(({ name }) => name),
  });
}

/** `continue` and `rerun`: the same run, driven by this process from where it stands. */
async function takeUp(
  deps: EngineDeps,
  runId: string,
  drive: Drive,
  choice?: RerunChoice,
): Promise<Result<RunState>> {
  const handle = await deps.store.open(runId);
  if (!handle.ok) return handle;
  const before = foldRun(runId, handle.value.events);
  const resets = before.created
    ? resetsFor(before, choice)
    : failed({
        reason: 'invalid',
        message: `run ${runId} never began`,
        hint: 'start a new one with pipewright run',
      });
  if (!resets.ok || (!choice && isOver(before))) {
    await handle.value.release();
    return resets.ok ? ok(before) : resets;
  }
  const { user, host, pid } = deps.identity;
  const open = openAgain({ by: `${user}@${host}`, pid, assumeYes: drive.assumeYes }, resets.value);
  return driveRun(deps, handle.value, { state: before, open }, drive);
}

/** Undoes what a failed or cancelled run has done, in the run itself: it ends as `rolled_back`. */
async function undoRun(deps: EngineDeps, runId: string, drive: Drive): Promise<Result<RunState>> {
  const handle = await deps.store.open(runId);
  if (!handle.ok) return handle;
  const before = foldRun(runId, handle.value.events);
  const undo = undoOf(before);
  if (!undo.ok) {
    await handle.value.release();
    return undo;
  }
  const { user, host, pid } = deps.identity;
  const by = `${user}@${host}`;
  const open = openAgain({ by, pid, assumeYes: drive.assumeYes }, endingAgain(before));
  return driveRun(deps, handle.value, { state: before, open, undo: { cause: undo.value.cause, by } }, drive);
}
