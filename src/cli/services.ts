import type { CaseClaims, CaseFolder } from '../core/cases/case.ts';
import type { PipelineDefinition } from '../core/definition.ts';
import type { Drive, Engine, Plan } from '../core/engine/api.ts';
import type { RunEvent } from '../core/events.ts';
import type { Failure, Result } from '../core/failure.ts';
import type { Hosts } from '../core/hosts.ts';
import type { JsonObject } from '../core/json.ts';
import type { Clock, Identity, Prompter, RunStore } from '../core/ports.ts';
import type { JobBroker, QueueName } from '../core/queue/broker.ts';
import type { RunningWorker } from '../core/queue/worker.ts';
import type { ServiceHistory, ServiceRelease } from '../core/releases.ts';
import type { ResultsDesk } from '../core/results.ts';
import type { RunStats, RunSummary, StateIndex } from '../core/run-index.ts';
import type { CaseSettings } from '../core/settings/cases.ts';
import type { DockerSettings } from '../core/settings/contexts.ts';
import type { StageSettings } from '../core/settings/index.ts';
import type { ServeSettings } from '../core/settings/serve.ts';
import type { TriggerSettings } from '../core/settings/trigger.ts';
import type { GitHooks } from '../core/staged.ts';
import type { StagePorts } from '../core/stage-ports.ts';
import type { Notifier } from '../core/notify.ts';
import type { RunState } from '../core/run-state.ts';
import type { StageState } from '../core/stage-state.ts';
import type { Common, RawParameter, ReportForm } from './command.ts';
import type { EnvironmentSettings } from './environment.ts';
import type { OpenServer } from './open-server.ts';
import type { Terminal } from './terminal.ts';

/** What commands ask of the rest of the program; `main.ts` fills it and loads each part when it is first used. */
export interface Services {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly identity: Identity;
  /** ISO 8601 with zone. */
  readonly now: () => string;
  readonly project: ProjectPlaces;
  readonly store: () => Promise<CommandStore>;
  /** With the project's settings and kinds; fails with the problems of `pipewright.yaml`. */
  readonly settings: () => Promise<Result<ProjectSettings, Problems>>;
  readonly engine: (prompter: Prompter) => Promise<Result<Engine, Problems>>;
  /** For what runs no stage. Works in a project whose files are broken. */
  readonly caretaker: () => Promise<Pick<Engine, 'answer' | 'cancel'>>;
  /** Folded state of a run; `interrupted` when its process is gone. */
  readonly state: Engine['state'];
  readonly pipelines: () => Promise<PipelineSource>;
  readonly views: () => Promise<Views>;
  /** The repository around a folder. */
  readonly vcs: StagePorts['vcs'];
  /** Git hooks of the repository around the project. */
  readonly hooks: () => Promise<Result<ProjectHooks>>;
  /** Shows the screen until it is left; resolves with the exit code. Only where `wantsScreen` says so. */
  readonly screen: (common: Common, prepared?: PreparedRun) => Promise<number>;
  readonly schema: (of: 'pipeline' | 'project') => Promise<object>;
  /** What `init` would write, from what is in the project's folder. */
  readonly firstFiles: () => Promise<FirstFiles>;
  readonly notifier: Notifier;
  /** The same for the project in another folder. */
  readonly at: (folder: string) => Promise<Services>;
  /** The file of a pipeline that comes with Pipewright, whatever the project calls so too. */
  readonly shippedPipeline: (name: string) => string;
  /** The machines of these contexts. */
  readonly hosts: (contexts: StageSettings['contexts']) => Promise<Hosts>;
  /** Whether containers of this context can be made; makes none. */
  readonly lookAtContainer: (
    name: string,
    settings: DockerSettings,
  ) => Promise<Result<{ readonly server: string }>>;
  /** What commands do at the places where services run. */
  readonly delivery: () => Promise<DeliveryDesk>;
  /** The folder where the cases of a pipeline arrive; `folder` is absolute. */
  readonly cases: (pipeline: string, settings: CaseSettings) => Promise<CasePlace>;
  /** The HTTP server of the project. */
  readonly server: OpenServer;
  /** The queue that workers take steps from. */
  readonly queue: () => Promise<QueueDesk>;
  /** The database of results; undefined where the project names none. */
  readonly results: () => Promise<ResultsDesk | undefined>;
  /** Processes of runs on this machine. */
  readonly runProcesses: () => Promise<RunProcesses>;
}

export interface CasePlace {
  readonly folder: CaseFolder;
  readonly claims: CaseClaims;
  readonly clock: Clock;
  readonly newRunId: () => string;
  /** Who claims are made for: `host:state folder`. */
  readonly holder: string;
  /** Makes this process the one watcher with this state folder, or tells which one is. */
  readonly lock: () => Result<
    { readonly release: () => void } | { readonly pid: number; readonly host: string }
  >;
}

export interface FirstFiles {
  /** Paths relative to the project. */
  readonly files: readonly { readonly file: string; readonly text: string }[];
  /** Name of the pipeline among them. */
  readonly pipeline: string;
}

export interface DeliveryDesk {
  /** What the registry knows of each service of an environment. */
  readonly histories: (environment: string) => Promise<Result<Readonly<Record<string, ServiceHistory>>>>;
  /** Where a rollback would go; `invalid` when there is nothing to go back to. */
  readonly waysBack: (
    environment: string,
    wanted: { readonly services: readonly string[]; readonly to?: string },
  ) => Promise<Result<readonly WayBackFacts[]>>;
  /** Frees the environment on every host, whoever holds it; says what was held. */
  readonly unlockHosts: (environment: string) => Promise<Result<readonly string[], Problems | Failure>>;
  /** Ends every service of the runtime `process` that the project has in this environment. */
  readonly stopServices: (environment: string) => Promise<Result<void, Problems | Failure>>;
}

export interface QueueDesk {
  /** Redis is named as its place. */
  readonly hasRedis: () => Promise<boolean>;
  /** The queue on Redis; `invalid` where there is none. */
  readonly broker: () => Promise<Result<JobBroker, Problems | Failure>>;
  /** A worker in this process. */
  readonly work: (request: WorkerRequest) => Promise<Result<RunningWorker, Problems | Failure>>;
}

export interface WorkerRequest {
  readonly queues: readonly QueueName[];
  /** Default: that of the settings. */
  readonly concurrency?: number;
  /** Default: the same. */
  readonly maxConcurrency?: number;
  /** Also jobs that want the project as it is. */
  readonly isHere: boolean;
  readonly say: (line: string) => void;
}

/** One service on its way back. */
export interface WayBackFacts {
  readonly service: string;
  readonly from: ServiceRelease;
  readonly to: ServiceRelease;
  readonly crosses_migration: boolean;
}

/** Begins a run, takes one up, or runs parts of it again. */
export type StartRun = (engine: Engine, drive: Drive) => Promise<Result<RunState>>;

/** Git hooks, and what they ask. */
export interface ProjectHooks extends GitHooks {
  /** Branches of a push that `trigger` names; `input` is what git tells its pre-push hook. */
  readonly pushed: (
    input: string,
    trigger: TriggerSettings,
  ) => Promise<readonly { readonly branch: string; readonly commits: string }[]>;
  /** Starts `pipewright` with these arguments in the background; its output goes to the file, which is returned. */
  readonly startInBackground: (args: readonly string[]) => Promise<string>;
}

/** A run that the screen shows first: what the command line asked for. */
export interface PreparedRun {
  readonly assumeYes: boolean;
  readonly start: StartRun;
}

/** Where things are; found without reading a file. */
export interface ProjectPlaces {
  /** Absolute. */
  readonly root: string;
  /** `pipewright.yaml`, if the project has one. */
  readonly file?: string;
  readonly stateDir: string;
}

export interface ProjectSettings {
  /** Used when `--env` is not given. */
  readonly environment: string;
  readonly context: string;
  /** 0 never locks. */
  readonly maxConsecutiveFailures: number;
  readonly confirmationExpiresMs: number;
  readonly environments: Readonly<Record<string, EnvironmentSettings>>;
  /** Sections of pipewright.yaml for stage kinds. */
  readonly stage: StageSettings;
  readonly serve: ServeSettings;
}

/** Problems in files, for people and for programs. */
export interface Problems {
  /** `file:line:column: error: …`, ready to print. */
  readonly text: readonly string[];
  readonly diagnostics: readonly object[];
}

export interface PipelineSource {
  /** Every pipeline that can be named. */
  readonly list: () => Promise<readonly ListedPipeline[]>;
  readonly load: (target: string) => Promise<Result<LoadedPipeline, Problems | Failure>>;
  /** `file`, or all pipelines and `pipewright.yaml`. */
  readonly validate: (files: readonly string[]) => Promise<readonly CheckedFile[]>;
  readonly parameters: (
    definition: PipelineDefinition,
    given: readonly RawParameter[],
    /** Of the environment; what is given goes over it. */
    preset: EnvironmentSettings['params'],
  ) => Promise<Result<JsonObject>>;
}

export interface ListedPipeline {
  readonly name: string;
  readonly file: string;
  readonly description?: string;
  /** It came with Pipewright. */
  readonly isShipped: boolean;
  /** It has problems; `validate` names them. */
  readonly isBroken: boolean;
}

export interface LoadedPipeline {
  readonly definition: PipelineDefinition;
  /** Warnings, ready to print. */
  readonly warnings: readonly string[];
}

export interface CheckedFile extends Problems {
  readonly file: string;
  readonly isValid: boolean;
}

/** The run store, and what only looking at the state needs. */
export interface CommandStore extends RunStore {
  readonly history: (filter?: {
    readonly pipeline?: string;
    readonly limit?: number;
  }) => AsyncIterable<RunSummary>;
  readonly audit: (runId: string) => Promise<Result<AuditReport>>;
}

/** What was found when a journal was read and its hashes were computed again. */
export interface AuditReport {
  readonly ok: boolean;
  readonly records: number;
  readonly bytes: number;
  readonly head?: string;
  readonly torn_bytes: number;
  readonly segments: readonly {
    readonly file: string;
    readonly ok: boolean;
    readonly records: number;
    readonly bytes: number;
    readonly bad_byte?: number;
    readonly detail?: string;
  }[];
}

export interface RunProcesses {
  readonly find: () => readonly { readonly pid: number; readonly runId: string; readonly command: string }[];
  /** SIGKILL to all of a run. */
  readonly kill: (runId: string) => number;
}

/** Text and documents; filled by src/reporters. */
export interface Views {
  readonly createReporter: (
    output: 'plain' | 'json',
    options: { readonly runFolder: (runId: string) => string },
  ) => ShownRun;
  readonly createLogFollower: (options: {
    readonly runFolder: (runId: string) => string;
    readonly stage?: string;
  }) => ShownRun;
  readonly copyLog: (file: string, lines: number | undefined) => AsyncIterable<string>;
  readonly runs: (runs: readonly RunSummary[], index: StateIndex) => View;
  readonly stats: (stats: RunStats) => View;
  readonly show: (state: RunState, extra: { readonly folder: string; readonly analysis?: string }) => View;
  /** The run as a document for others. */
  readonly report: (state: RunState, form: ReportForm) => string;
  readonly why: (state: RunState, stages: readonly StageState[]) => View;
  readonly plan: (plan: Plan) => View;
  readonly table: (rows: readonly (readonly string[])[], indent?: string) => string[];
  /** The last lines of a run: what went wrong, its stages, where its logs are, how to go on. */
  readonly summary: (state: RunState, folder: string) => readonly string[];
  readonly next: (state: RunState) => readonly string[];
  readonly describeFailure: (failure: Failure) => string;
  readonly hintFor: (failure: Failure) => string | undefined;
}

/** Follows the events of a run. */
export interface ShownRun {
  readonly observe: (event: RunEvent, state: RunState) => void;
  readonly flush: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The same facts for people and for programs; each is made when it is asked for. */
export interface View {
  readonly lines: () => readonly string[];
  readonly document: () => object;
}
