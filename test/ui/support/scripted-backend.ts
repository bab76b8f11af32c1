import { plainPipeline, plainShell, runCreated } from '../../support/definitions.ts';
import type {
  ParameterDefinition,
  PipelineDefinition,
  StageDefinition,
} from '../../../src/core/definition.ts';
import type { Draft, RunEvent } from '../../../src/core/events.ts';
import { ok, type Result } from '../../../src/core/failure.ts';
import { parseParameters } from '../../../src/core/parameters.ts';
import type { RunSummary } from '../../../src/core/run-index.ts';
import { idleRun, reduce, type RunState } from '../../../src/core/run-state.ts';
import type { Vcs } from '../../../src/core/vcs.ts';
import type { LastDeploy } from '../../../src/ui/commits-state.ts';
import type { StepProgress } from '../../../src/core/stream-report.ts';
import type { StopReason } from '../../../src/core/engine/stop.ts';
import type {
  Backend,
  PipelineEntry,
  Preferences,
  Refusal,
  RunPart,
  RunWork,
} from '../../../src/ui/backend.ts';

export const RUN_ID = '20260206-160000-a1b2c3d';
export const NOW_MS = Date.parse('2026-02-06T16:00:10.000Z');
const STARTED_AT = '2026-02-06T16:00:00.000Z';

export function stageOf(
  name: string,
  steps: readonly string[],
  more: Partial<StageDefinition> = {},
): StageDefinition {
  const config = { steps: steps.map((step) => ({ name: step, command: { text: `run ${step}` } })) };
  return plainShell(name, { config, ...more });
}

export function pipelineOf(
  name: string,
  stages: readonly StageDefinition[],
  params: Readonly<Record<string, ParameterDefinition>> = {},
): PipelineDefinition {
  return plainPipeline(name, stages, { params });
}

export function summaryOf(run: Partial<RunSummary> & Pick<RunSummary, 'pipeline_id' | 'status'>): RunSummary {
  return {
    pipeline: 'release',
    environment: 'default',
    trigger: 'manual',
    started_at: STARTED_AT,
    stages: [],
    decisions: [],
    ...run,
  };
}

interface Fixture {
  readonly pipelines?: readonly PipelineEntry[];
  readonly runs?: readonly RunSummary[];
  readonly definition?: PipelineDefinition;
  /** States that journals have, by run. */
  readonly journals?: Readonly<Record<string, RunState>>;
  readonly folder?: string;
  readonly releases?: Awaited<ReturnType<Backend['releases']>>;
  readonly waysBack?: Backend['waysBack'];
  readonly vcs?: Vcs;
  /** The commit that was deployed last, or that a run ended well for. */
  readonly deployed?: LastDeploy;
  /** What stream stages tell, by stage. */
  readonly progress?: Readonly<Record<string, readonly StepProgress[]>>;
  readonly lastValues?: Readonly<Record<string, string>>;
}

/** The port of the screen with a run that the test drives by hand: its events are the engine's own, folded by core. */
export class ScriptedBackend {
  readonly works: RunWork[] = [];
  readonly stops: StopReason[] = [];
  readonly shells: string[] = [];
  readonly preferences: Preferences[] = [];
  readonly port: Backend;
  readonly #fixture: Fixture;
  #state = idleRun(RUN_ID);
  #part: RunPart | undefined;
  #finish: ((result: Result<RunState, Refusal>) => void) | undefined;
  readonly #aborted = new AbortController();

  constructor(fixture: Fixture = {}) {
    this.#fixture = fixture;
    this.port = this.#createPort();
  }

  get definition(): PipelineDefinition {
    return this.#fixture.definition ?? pipelineOf('release', [stageOf('unit', ['test'])]);
  }

  /** What the engine would tell its observers. */
  readonly emit = (...drafts: readonly Draft[]): void => {
    for (const draft of drafts) {
      const event: RunEvent = { ...draft, seq: this.#state.last_seq + 1, at: STARTED_AT, run_id: RUN_ID };
      this.#state = reduce(this.#state, event);
      this.#part?.observe(event, this.#state);
    }
  };

  readonly begin = (): void => {
    this.emit(runCreated(this.definition));
  };

  /** Asks as the engine would; resolves with the answer. */
  readonly ask = (stage: string, message: string): Promise<unknown> => {
    if (!this.#part) throw new Error('no run is driven');
    const details = (): readonly string[] => ['plan     abcdef012345', 'commands', '  push: run push'];
    return this.#part.prompter.confirm({ stage, message, details }, this.#aborted.signal);
  };

  /** The run comes to rest. */
  readonly finish = (): void => this.#finish?.(ok(this.#state));

  readonly refuse = (...lines: readonly string[]): void => this.#finish?.({ ok: false, failure: { lines } });

  #createPort(): Backend {
    const fixture = this.#fixture;
    const notThere = { ok: false as const, failure: { lines: ['there is no such run'] } };
    return {
      project: '~/project',
      pipelines: async () => fixture.pipelines ?? [],
      index: async () =>
        ok({
          runs: fixture.runs ?? [],
          stats: {
            total_runs: 0,
            success_count: 0,
            failure_count: 0,
            consecutive_failures: 0,
            per_stage: {},
          },
          consecutive: {},
          locked: [],
        }),
      history: async () => fixture.runs ?? [],
      releases: async () => fixture.releases ?? [],
      waysBack: fixture.waysBack ?? (async () => notThere),
      repository: async () =>
        fixture.vcs
          ? ok(fixture.vcs)
          : { ok: false, failure: { lines: ['the project is in no repository'] } },
      deployedCommit: async () => fixture.deployed,
      load: async () =>
        ok({
          definition: this.definition,
          warnings: [],
          environments: ['staging', 'production'],
          environment: 'staging',
          presets: {},
          ...(fixture.lastValues && { lastValues: fixture.lastValues }),
        }),
      check: ({ definition }, given) => parseParameters(definition.params, given),
      completePath: async (prefix) => ['src/', 'src-old/', 'docs/'].filter((name) => name.startsWith(prefix)),
      plan: async () => ok(this.#plan()),
      planAgain: async () => ok(this.#plan()),
      drive: (work, part) => {
        this.works.push(work);
        this.#part = part;
        const { promise, resolve } = Promise.withResolvers<Result<RunState, Refusal>>();
        this.#finish = resolve;
        return { done: promise, stop: (reason) => void this.stops.push(reason) };
      },
      read: async (runId) => {
        const state = fixture.journals?.[runId];
        return state ? ok(state) : notThere;
      },
      watch: async () => {},
      cancel: async () => ok('cancelled'),
      kill: () => {},
      streamProgress: async (_runId, stage) => fixture.progress?.[stage] ?? [],
      runFolder: () => fixture.folder ?? '/nowhere',
      shell: async ({ stage }) => void this.shells.push(stage ?? ''),
      openFile: async () => {},
      suspend: async () => {},
      savePreferences: (preferences) => void this.preferences.push(preferences),
      text: {
        why: (state, stage) => [`why of ${stage ?? state.run_id}`],
        show: (state) => [`facts of ${state.run_id}`],
        plan: ({ pipeline }) => [`plan of ${pipeline}`],
        failure: (failure) =>
          failure.reason === 'exit-non-zero' ? `exited with code ${failure.exit_code}` : failure.reason,
      },
    };
  }

  #plan(): Parameters<Backend['text']['plan']>[0] {
    const { name, source } = this.definition;
    return {
      pipeline: name,
      file: source.file,
      environment: 'default',
      params: {},
      plan_hash: '',
      stages: [],
    };
  }
}

export const decided = (stage: string, reason: string): Draft => ({
  type: 'stage.decided',
  stage,
  decision: { action: 'skip', rule: 'condition-false', reason, evidence: [] },
});

export const started = (stage: string, attempt = 1, maxAttempts = 1, kind = 'shell'): Draft => ({
  type: 'stage.started',
  stage,
  kind,
  attempt,
  max_attempts: maxAttempts,
});

export const ended = (
  stage: string,
  status: 'passed' | 'failed' | 'skipped',
  more: { readonly attempt?: number; readonly exitCode?: number } = {},
): Draft => ({
  type: 'stage.finished',
  stage,
  status,
  attempt: more.attempt ?? (status === 'skipped' ? 0 : 1),
  duration_ms: 1_500,
  wait_ms: 0,
  warnings: [],
  outputs: {},
  cached: false,
  ...(status === 'failed' && { failure: { reason: 'exit-non-zero', exit_code: more.exitCode ?? 1 } }),
});

export const stepStarted = (stage: string, step: string, log = `logs/${stage}.${step}.log`): Draft => ({
  type: 'step.started',
  stage,
  step,
  attempt: 1,
  index: 1,
  total: 2,
  command: `run ${step}`,
  context: 'local',
  log,
  token: `${stage}.1.${step}`,
});

export const stepEnded = (stage: string, step: string, exitCode = 0): Draft => ({
  type: 'step.finished',
  stage,
  step,
  attempt: 1,
  duration_ms: 700,
  exit_code: exitCode,
  log_bytes: 10,
  adopted: false,
  ...(exitCode !== 0 && { failure: { reason: 'exit-non-zero', exit_code: exitCode } }),
});

export const finished = (status: 'success' | 'failed'): Draft => ({
  type: 'run.finished',
  status,
  duration_ms: 4_200,
  exit_code: status === 'success' ? 0 : 1,
});
