import type { PipelineDefinition, RunStatus, StageStatus } from '../definition.ts';
import type { Decision, Selection } from '../events.ts';
import type { Observer } from '../event-log.ts';
import type { Result } from '../failure.ts';
import type { JsonObject } from '../json.ts';
import type {
  Clock,
  Conditions,
  Executors,
  Files,
  Identity,
  Ids,
  Prompter,
  RunStore,
  Secrets,
  StageCache,
} from '../ports.ts';
import type { Model } from '../model.ts';
import type { Notifier } from '../notify.ts';
import type { ReleaseStore } from '../releases.ts';
import type { PipelineLock } from '../run-index.ts';
import type { RunState } from '../run-state.ts';
import type { StageSettings } from '../settings/index.ts';
import type { StageKind } from '../stage-kind.ts';
import type { Http, StagePorts } from '../stage-ports.ts';

export interface EngineDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly identity: Identity;
  readonly store: RunStore;
  readonly cache: StageCache;
  readonly files: Files;
  readonly conditions: Conditions;
  readonly secrets: Secrets;
  readonly prompter: Prompter;
  readonly kinds: Readonly<Record<string, StageKind>>;
  /** Executors for one run, whose files lie in `folder`. */
  readonly executors: (run: RunPlace) => Executors;
  readonly http: Http;
  readonly vcs: StagePorts['vcs'];
  /** The language model for one run: its budget is that of the run. */
  readonly models: (run: Pick<RunPlace, 'folder' | 'project' | 'settings' | 'hiddenVariables'>) => Model;
  readonly releases: ReleaseStore;
  readonly notifier: Notifier;
}

/** What executors need to know of a run. */
export interface RunPlace {
  readonly runId: string;
  /** `state/runs/<id>`, absolute. */
  readonly folder: string;
  readonly project: string;
  /** Variables of our own environment that hold secrets: commands do not inherit them. */
  readonly hiddenVariables: readonly string[];
  readonly settings: StageSettings;
}

/** A pipeline, its values and who wants it run. */
export interface StartRequest {
  readonly definition: PipelineDefinition;
  /** Checked and complete: defaults filled in. */
  readonly params: JsonObject;
  readonly environment: string;
  readonly trigger: string;
  /** Full ids, oldest first. */
  readonly commits: readonly string[];
  readonly selection: Selection;
  readonly project: string;
  readonly context: string;
  readonly settings: StageSettings;
  readonly assumeYes: boolean;
  /** `safety.max_consecutive_failures`; 0 never locks. */
  readonly maxConsecutiveFailures: number;
  /** Of the run, where somebody has written it down already. Default: a new one. */
  readonly runId?: string;
}

/** How a run is driven by this process. */
export interface Drive {
  /** Aborted to stop the run; `signal.reason` is a `StopReason`. */
  readonly signal: AbortSignal;
  readonly observers: readonly Observer[];
  readonly assumeYes: boolean;
  readonly maxConsecutiveFailures: number;
}

/** What would happen; nothing is touched to find out. */
export interface Plan {
  readonly pipeline: string;
  readonly file: string;
  readonly environment: string;
  readonly params: JsonObject;
  readonly plan_hash: string;
  readonly stages: readonly PlannedStage[];
  /** The pipeline is locked: `run` would exit with 4. */
  readonly locked?: PipelineLock;
}

export interface PlannedStage {
  /** `outer/inner` for nested pipelines. */
  readonly stage: string;
  readonly kind: string;
  /** `maybe`: it depends on what earlier stages do; `decision` says on what. */
  readonly action: 'run' | 'skip' | 'reuse' | 'maybe';
  readonly decision: Decision;
  readonly needs: Readonly<Record<string, readonly StageStatus[]>>;
  readonly confirms: boolean;
  readonly max_attempts: number;
  readonly timeout_ms?: number;
  /** Commands as written. */
  readonly steps: readonly { readonly name: string; readonly command: string; readonly context: string }[];
  /** It runs at the end, whatever happened. */
  readonly finally: boolean;
}

/** The operations behind every command and every key of the screen. */
export interface Engine {
  readonly plan: (request: StartRequest) => Promise<Result<Plan>>;
  /** Creates a run and drives it until it ends, waits or is stopped. `locked` when safety says so. */
  readonly start: (request: StartRequest, drive: Drive) => Promise<Result<RunState>>;
  /** Takes up a run where it stands: open stages only. */
  readonly continue: (runId: string, drive: Drive) => Promise<Result<RunState>>;
  /** The plan of a continue or rerun, without touching anything. */
  readonly planAgain: (runId: string, choice?: RerunChoice) => Promise<Result<Plan>>;
  /** Opens chosen stages again (same run, new attempt) and drives it. */
  readonly rerun: (runId: string, choice: RerunChoice, drive: Drive) => Promise<Result<RunState>>;
  /** Undoes what a failed or cancelled run has done, by the `rollback:` steps of its stages; it ends as `rolled_back`. */
  readonly undo: (runId: string, drive: Drive) => Promise<Result<RunState>>;
  /** Records an answer, through the owner if one lives. Returns the status afterwards. */
  readonly answer: (
    runId: string,
    stage: string,
    answer: { readonly type: 'approve' | 'reject' | 'skip'; readonly comment?: string },
  ) => Promise<Result<RunStatus>>;
  /** Final. Through the owner if one lives, otherwise written by us. */
  readonly cancel: (runId: string) => Promise<Result<RunStatus>>;
  /** Folded state of any run, `interrupted` when its process is gone. */
  readonly state: (runId: string) => Promise<Result<RunState>>;
}

export interface RerunChoice {
  readonly stages: readonly string[];
  /** Also everything that needs them. */
  readonly downstream: boolean;
  /** All failed, cancelled and interrupted stages, and what was skipped because of them. */
  readonly failed: boolean;
  /** Stages that a person waives: they end as skipped, and what needs them goes on all the same. */
  readonly skip?: readonly string[];
}
