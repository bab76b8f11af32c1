import type { PipelineDefinition } from '../core/definition.ts';
import type { Plan, RerunChoice } from '../core/engine/api.ts';
import type { StopReason } from '../core/engine/stop.ts';
import type { RunEvent } from '../core/events.ts';
import type { Observer } from '../core/event-log.ts';
import type { Failure, Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import type { GivenParameter, ParameterProblem } from '../core/parameters.ts';
import type { Prompter } from '../core/ports.ts';
import type { RunSummary, StateIndex } from '../core/run-index.ts';
import type { RunState } from '../core/run-state.ts';
import type { Vcs } from '../core/vcs.ts';
import type { StepProgress } from '../core/stream-report.ts';
import type { LastDeploy } from './commits-state.ts';
import type { ServiceReleases } from './model/releases.ts';
import type { ThemeName } from './theme.ts';

/**
 * Everything the screen asks of the rest of the program: the same services that the commands use.
 * Filled by src/ui-backend.ts. Nothing here rejects for an expected outcome.
 */
export interface Backend {
  /** The project's folder as it is shown. */
  readonly project: string;
  readonly pipelines: () => Promise<readonly PipelineEntry[]>;
  readonly index: () => Promise<Result<StateIndex, Refusal>>;
  /** Runs, newest first, at most `limit`. */
  readonly history: (limit: number) => Promise<readonly RunSummary[]>;
  /** What was deployed: every service of every environment. */
  readonly releases: () => Promise<readonly ServiceReleases[]>;
  /** What a rollback would do, in lines: from which release to which, on which hosts. */
  readonly waysBack: (order: RollbackOrder) => Promise<Result<readonly string[], Refusal>>;
  /** The repository that the project lies in. */
  readonly repository: () => Promise<Result<Vcs, Refusal>>;
  /** The commit that a pipeline deployed last, or ran well for; undefined when there was none. */
  readonly deployedCommit: (pipeline: string) => Promise<LastDeploy | undefined>;
  readonly load: (target: string) => Promise<Result<OpenedPipeline, Refusal>>;
  /** The check that `run` makes, with what the environment gives; fails with all problems. */
  readonly check: (
    opened: Pick<OpenedPipeline, 'definition' | 'presets'>,
    given: Readonly<Record<string, GivenParameter>>,
    environment: string,
  ) => Result<JsonObject, readonly ParameterProblem[]>;
  /** Paths that begin with `prefix`, folders with a `/` at their end; relative ones below the project. */
  readonly completePath: (prefix: string) => Promise<readonly string[]>;
  readonly plan: (order: RunOrder) => Promise<Result<Plan, Refusal>>;
  readonly planAgain: (runId: string, choice: RerunChoice) => Promise<Result<Plan, Refusal>>;
  /** Begins at once; at most one run at a time is driven here. */
  readonly drive: (work: RunWork, part: RunPart) => DrivenRun;
  /** A run as its journal has it now. */
  readonly read: (runId: string) => Promise<Result<RunState, Refusal>>;
  /** New events of a run of another process, until it ends or `signal` aborts. */
  readonly watch: (
    runId: string,
    from: { readonly seq: number; readonly observe: (event: RunEvent) => void },
    signal: AbortSignal,
  ) => Promise<void>;
  /** Cancels a run that another process may own. */
  readonly cancel: (runId: string) => Promise<Result<string, Refusal>>;
  /** SIGKILL to all processes of a run. */
  readonly kill: (runId: string) => void;
  /** The last look at a stream stage: the steps that run, or ran, together; none before the first. */
  readonly streamProgress: (runId: string, stage: string) => Promise<readonly StepProgress[]>;
  /** Absolute folder where a run's logs lie. */
  readonly runFolder: (runId: string) => string;
  /** A shell in the folder of a stage, on this terminal, until it exits. Secrets are not in its environment. */
  readonly shell: (place: ShellPlace) => Promise<void>;
  /** A log file in $PAGER or $EDITOR, on this terminal, until it exits. */
  readonly openFile: (file: string) => Promise<void>;
  /** Stops this process, as Ctrl-Z does; resolves when its shell continues it. */
  readonly suspend: () => Promise<void>;
  readonly savePreferences: (preferences: Preferences) => void;
  /** Text for people; each line safe for a terminal. */
  readonly text: TextSource;
}

/** What a person chose for the screen, for this and later times. */
export interface Preferences {
  readonly theme: ThemeName;
  readonly hasMouse: boolean;
}

/** The words that reporters have for runs, so that screen and commands say the same. */
export interface TextSource {
  readonly why: (state: RunState, stage?: string) => readonly string[];
  readonly show: (state: RunState) => readonly string[];
  readonly plan: (plan: Plan) => readonly string[];
  readonly failure: (failure: Failure) => string;
}

/** Something that cannot be done, in lines for the person who asked for it. */
export interface Refusal {
  readonly lines: readonly string[];
}

export interface PipelineEntry {
  /** What `run` takes. */
  readonly name: string;
  readonly file: string;
  /** It came with Pipewright. */
  readonly isShipped: boolean;
  readonly description?: string;
  readonly isBroken: boolean;
}

export interface OpenedPipeline {
  readonly definition: PipelineDefinition;
  readonly warnings: readonly string[];
  /** Declared in `pipewright.yaml`; empty when none is. */
  readonly environments: readonly string[];
  /** Used when none is chosen. */
  readonly environment: string;
  /** Values that environments give, by environment; what is typed goes over them. */
  readonly presets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Values of the newest run of it. */
  readonly lastValues?: JsonObject;
}

/** What `pipewright run` would be given. */
export interface RunOrder {
  readonly target: string;
  readonly values: readonly { readonly name: string; readonly value?: string }[];
  /** The default one when absent. */
  readonly environment?: string;
  /** `A..B`, `id,id` or `last:N`. */
  readonly commits?: string;
}

/** What `pipewright rollback` would be given. */
export interface RollbackOrder {
  readonly environment: string;
  /** Empty: those that were deployed together last. */
  readonly services: readonly string[];
  /** A run; the last one that served healthy when absent. */
  readonly to?: string;
}

/** What to drive; `prepared` is what the command line asked for. */
export type RunWork =
  | { readonly type: 'prepared' }
  | { readonly type: 'start'; readonly order: RunOrder }
  | { readonly type: 'rollback'; readonly order: RollbackOrder }
  | { readonly type: 'continue'; readonly runId: string }
  | { readonly type: 'rerun'; readonly runId: string; readonly choice: RerunChoice }
  | { readonly type: 'undo'; readonly runId: string };

/** What a screen gives to a run that it drives. */
export interface RunPart {
  readonly observe: Observer;
  readonly prompter: Prompter;
}

export interface DrivenRun {
  /** Resolves when the run has ended, waits or was stopped. Never rejects. */
  readonly done: Promise<Result<RunState, Refusal>>;
  readonly stop: (reason: StopReason) => void;
}

export interface ShellPlace {
  readonly runId: string;
  readonly stage?: string;
  /** Relative to the project. */
  readonly workdir?: string;
}
