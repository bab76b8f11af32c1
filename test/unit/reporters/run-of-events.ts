import { plainPipeline, plainShell, runCreated } from '../../support/definitions.ts';
import type { Draft, RunEvent } from '../../../src/core/events.ts';
import type { StageDefinition } from '../../../src/core/definition.ts';
import { idleRun, reduce, type RunState } from '../../../src/core/run-state.ts';

export const RUN_ID = '20260206-160000-a1b2c3d';

function stage(name: string): StageDefinition {
  const { retry } = plainShell(name);
  return plainShell(name, {
    retry: { ...retry, max_attempts: 3, delay_ms: 2_000, backoff: 'fixed', jitter: 0, on: ['exit'] },
  });
}

/** The first event of a run of these stages. */
export function created(names: readonly string[]): Draft {
  const params = { source: '/srv/data' };
  return runCreated(plainPipeline('release', names.map(stage)), { params, environment: 'staging' });
}

/** Stamps drafts as the engine would, with the state after each. */
export function stamped(
  drafts: readonly Draft[],
): readonly { readonly event: RunEvent; readonly state: RunState }[] {
  let state = idleRun(RUN_ID);
  return drafts.map((draft, seq) => {
    const event: RunEvent = { ...draft, seq, at: '2026-02-06T16:00:00.000+09:00', run_id: RUN_ID };
    state = reduce(state, event);
    return { event, state };
  });
}

export function stateAfter(drafts: readonly Draft[]): RunState {
  return stamped(drafts).at(-1)?.state ?? idleRun(RUN_ID);
}

/** A stage that waits to be confirmed. */
export function waiting(name: string): Draft[] {
  return [
    {
      type: 'confirmation.requested',
      stage: name,
      message: 'Deploy to staging?',
      plan_hash: 'abcdef0123456789'.repeat(4),
      expires_at: '2026-02-07T16:00:00.000+09:00',
    },
    { type: 'run.waiting', status: 'waiting', stages: [name], duration_ms: 5 },
  ];
}

/** A stage with one step that exits with 1 and is not tried again. */
export function failing(name: string, tail: readonly string[]): Draft[] {
  const failure = { reason: 'exit-non-zero', exit_code: 1, step: 'test', tail } as const;
  return [
    {
      type: 'stage.decided',
      stage: name,
      decision: {
        action: 'run',
        rule: 'condition-true',
        reason: 'the condition holds',
        evidence: [{ name: 'params.source', value: '/srv/data' }],
        would_flip: 'params.source were empty',
      },
    },
    { type: 'stage.started', stage: name, kind: 'shell', attempt: 1, max_attempts: 3 },
    {
      type: 'stage.retried',
      stage: name,
      attempt: 1,
      max_attempts: 3,
      failure,
      delay_ms: 2_000,
      duration_ms: 400,
    },
    { type: 'stage.started', stage: name, kind: 'shell', attempt: 2, max_attempts: 3 },
    stepStarted(name, 'test'),
    {
      type: 'step.finished',
      stage: name,
      step: 'test',
      attempt: 2,
      duration_ms: 300,
      exit_code: 1,
      failure,
      usage: { cpu_user_ms: 120, cpu_system_ms: 30, peak_memory_bytes: 8 * 1024 * 1024 },
      log_bytes: 0,
      adopted: false,
    },
    {
      type: 'stage.finished',
      stage: name,
      status: 'failed',
      attempt: 2,
      duration_ms: 700,
      wait_ms: 2_000,
      failure,
      warnings: [],
      outputs: {},
      cached: false,
    },
  ];
}

export function stepStarted(name: string, step: string): Draft {
  return {
    type: 'step.started',
    stage: name,
    step,
    attempt: 2,
    index: 1,
    total: 1,
    command: 'npm test',
    context: 'local',
    log: `logs/${name}.${step}.log`,
    token: `${name}.2.${step}`,
  };
}

export function stepFinished(name: string, step: string, logBytes: number): Draft {
  return {
    type: 'step.finished',
    stage: name,
    step,
    attempt: 2,
    duration_ms: 300,
    exit_code: 0,
    log_bytes: logBytes,
    adopted: false,
  };
}
