import type { z } from 'zod';
import type { PipelineDefinition, StageDefinition, StepDefinition } from './definition.ts';
import type { Evidence, StepFinished } from './events.ts';
import type { Failure, Result } from './failure.ts';
import type { JsonObject } from './json.ts';
import type { Clock } from './ports.ts';
import type { StageSettings } from './settings/index.ts';
import type { StepProgress } from './stream-report.ts';
import type { StagePorts } from './stage-ports.ts';

/** What a running stage may use. A kind that needs more asks for a port, not for a library. */
export interface StageContext {
  readonly clock: Clock;
  /** Aborted on cancel, timeout and failure elsewhere; `signal.reason` says which. */
  readonly signal: AbortSignal;
  /** Its name in the run: `outer/inner` inside a nested pipeline. */
  readonly id: string;
  /** The stage as written, defaults filled in. */
  readonly stage: StageDefinition;
  /** From 1. */
  readonly attempt: number;
  readonly project: string;
  /** Parameters, earlier outputs and run facts: what templates and conditions see. */
  readonly variables: JsonObject;
  /**
   * Runs one command, once: recorded before it starts and after it ends. After a crash the
   * recorded result is returned instead of running it again.
   */
  readonly step: (
    step: StepDefinition,
    place?: { readonly index: number; readonly total: number },
  ) => Promise<StepResult>;
  /** Runs the steps in order, or side by side where the stage says `parallel`; stops at the first failure. */
  readonly steps: (steps: readonly StepDefinition[]) => Promise<Result<JsonObject>>;
  /** Runs another pipeline's stages under this one, on the same engine and journal. */
  readonly runPipeline: (definition: PipelineDefinition, params: JsonObject) => Promise<Result<JsonObject>>;
  /**
   * Work of the kind itself as a step: recorded before it starts and after it ends, with a log of its own.
   * A recorded end is returned after a crash; one that has only begun is done again, so it must look at the
   * world first and be harmless when repeated. Tasks of one attempt have different names.
   */
  readonly task: (
    task: TaskDefinition,
    place?: { readonly index: number; readonly total: number },
  ) => Promise<Result<JsonObject>>;
  /** Tasks and steps of the current attempt that have ended, by name. */
  readonly recorded: Readonly<Record<string, Pick<StepFinished, 'outputs' | 'failure' | 'variable'>>>;
  /** Names of its tasks and steps that have begun, ended or not. */
  readonly begun: readonly string[];
  readonly ports: StagePorts;
  /** The context itself, or the host of that group which this run was given; `invalid` where none was picked. */
  readonly hostOf: (context: string) => Result<string>;
  /** Sections of pipewright.yaml, as they were when the run was created. */
  readonly settings: StageSettings;
  readonly runId: string;
  /** Who wants it run: user@host. */
  readonly by: string;
  readonly environment: string;
  /** The chosen ones: full ids, oldest first. */
  readonly commits: readonly string[];
  /**
   * Asks a person in the middle of the stage; durable as any confirmation: the run may wait, and the stage is taken up
   * at its beginning, its recorded tasks standing. `rejected` or `confirmation-expired` otherwise. In an undo nobody
   * waits: without a person at this terminal the answer is no.
   */
  readonly confirm: (message: string) => Promise<Result<void>>;
  /** A text file below `artifacts/<stage>/`; returns its absolute path. */
  readonly writeArtifact: (name: string, text: string) => Promise<string>;
  /**
   * What steps or tasks of this stage are doing: counts, bytes, a result; shown live in the tree and in plain lines.
   * Cheap: written at most every 200 ms. Never recorded; `name` is that of the step.
   */
  readonly progress: (steps: readonly StepProgress[]) => void;
  /** A line for the stage's own log, shown to people; sanitised. */
  readonly log: (line: string) => Promise<void>;
  /** Adds a warning: the stage then ends as `warning` instead of `passed`. */
  readonly warn: (message: string) => void;
  /** Adds to what `why` says of this stage. */
  readonly explain: (evidence: Evidence) => void;
}

/** One piece of work of a stage kind, done by Pipewright itself. */
export interface TaskDefinition {
  /** Unique in its stage: letters, digits, `_`, `.`, `-`, `:`, `@`, spaces. */
  readonly name: string;
  /** One line: what it does, for the tree and for `show`. */
  readonly text: string;
  /** Where it acts: a context's name. Default `local`. */
  readonly context?: string;
  readonly timeoutMs?: number;
  readonly work: (io: TaskIo) => Promise<Result<JsonObject>>;
}

export interface TaskIo {
  readonly signal: AbortSignal;
  /** A line for the task's log; anything in it is data. */
  readonly log: (line: string) => Promise<void>;
}

export interface StepResult {
  readonly finished: Omit<StepFinished, 'seq' | 'at' | 'run_id' | 'type'>;
  readonly failure?: Failure;
}

/** What may be looked at to say beforehand what a stage would find out; `variables` has what stages before it foresaw. */
export type StageView = Pick<
  StageContext,
  'project' | 'settings' | 'environment' | 'commits' | 'variables'
> & {
  readonly ports: Pick<StagePorts, 'vcs' | 'releases'>;
};

/** Outputs that a stage would end with, and what a plan says of them. */
export interface Foreseen {
  readonly outputs: JsonObject;
  readonly evidence: readonly Evidence[];
}

/** What may be looked at to say beforehand that a stage has nothing to do. */
export type IdleView = Pick<StageContext, 'settings' | 'variables'> & {
  /** In a plan: outputs that only a run makes are missing from `variables`. */
  readonly isForetold: boolean;
};

/** Why a stage has nothing to do. */
export interface Idle {
  readonly reason: string;
  readonly evidence?: readonly Evidence[];
  readonly would_flip?: string;
}

/** One kind of stage: its YAML shape and what it does. */
export interface StageKind<Kind extends string = string, Schema extends z.ZodType = z.ZodType> {
  readonly kind: Kind;
  /** One line for docs and for the picker. */
  readonly summary: string;
  /** The kind's own keys, beside the common ones. Its output must be JSON. */
  readonly schema: Schema;
  /** `none`: may be cached. `remote`: an interrupted one is asked about by default. Default `local`. */
  readonly effects?: 'none' | 'local' | 'remote';
  /** Its steps need no file but those of the commit: workers on other machines may carry them out. */
  readonly travels?: boolean;
  /** Asks for confirmation even without `require_confirmation`. */
  readonly alwaysConfirms?: boolean;
  /** Resolves with the stage's outputs. A failure it did not plan for may be thrown. */
  readonly run: (config: z.output<Schema>, context: StageContext) => Promise<Result<JsonObject>>;
  /** For kinds that only look: what `run` would find out now. A plan reads it, so it touches nothing. */
  readonly foresee?: (config: z.output<Schema>, view: StageView) => Promise<Foreseen>;
  /** Where it is known before the stage begins that there is nothing to do: it is skipped and says why, instead of passing. */
  readonly idle?: (config: z.output<Schema>, view: IdleView) => Idle | undefined;
  /**
   * Undoes what `run` did, after the stage's `rollback:` steps. Called for a stage that ended or failed when a
   * later one (or itself) asks for a rollback; `context.recorded` says how far it came. Its tasks are recorded.
   */
  readonly undo?: (config: z.output<Schema>, context: StageContext) => Promise<Result<JsonObject>>;
  /**
   * Called once at the end of a run, however it came out, for a stage that has begun: lets go of what outlived its
   * stage for the sake of later ones. Not when the run is only interrupted or waits. Nothing of it is recorded.
   */
  readonly settle?: (config: z.output<Schema>, context: StageContext) => Promise<void>;
}

/** Infers the config type from the schema; returns its argument. */
export function defineStage<Kind extends string, Schema extends z.ZodType>(
  stage: StageKind<Kind, Schema>,
): StageKind<Kind, Schema> {
  return stage;
}
