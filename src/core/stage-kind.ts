import type { z } from 'zod';
import type { PipelineDefinition, StageDefinition, StepDefinition } from './definition.ts';
import type { Evidence, StepFinished } from './events.ts';
import type { Failure, Result } from './failure.ts';
import type { JsonObject } from './json.ts';
import type { Clock } from './ports.ts';

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
  /** A line for the stage's own log, shown to people; sanitised. */
  readonly log: (line: string) => Promise<void>;
  /** Adds a warning: the stage then ends as `warning` instead of `passed`. */
  readonly warn: (message: string) => void;
  /** Adds to what `why` says of this stage. */
  readonly explain: (evidence: Evidence) => void;
}

export interface StepResult {
  readonly finished: Omit<StepFinished, 'seq' | 'at' | 'run_id' | 'type'>;
  readonly failure?: Failure;
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
  /** Asks for confirmation even without `require_confirmation`. */
  readonly alwaysConfirms?: boolean;
  /** Resolves with the stage's outputs. A failure it did not plan for may be thrown. */
  readonly run: (config: z.output<Schema>, context: StageContext) => Promise<Result<JsonObject>>;
}

/** Infers the config type from the schema; returns its argument. */
export function defineStage<Kind extends string, Schema extends z.ZodType>(
  stage: StageKind<Kind, Schema>,
): StageKind<Kind, Schema> {
  return stage;
}
