import type { StageDefinition } from '../definition.ts';
import type { EventLog } from '../event-log.ts';
import type { RunCreated } from '../events.ts';
import type { Executors, RunHandle } from '../ports.ts';
import type { Result } from '../failure.ts';
import type { JsonObject } from '../json.ts';
import type { Model } from '../model.ts';
import type { StageSettings } from '../settings/index.ts';
import type { StageKind } from '../stage-kind.ts';
import type { Drive, EngineDeps } from './api.ts';
import { type RunFacts, type Scope, variablesOf } from './scope.ts';
import type { Slots } from './slots.ts';

/** Everything that the parts of one driven run share. */
export interface RunContext {
  readonly deps: EngineDeps;
  readonly drive: Drive;
  readonly log: EventLog;
  readonly handle: RunHandle;
  readonly created: RunCreated;
  readonly facts: RunFacts;
  readonly executors: Executors;
  readonly model: Model;
  readonly settings: StageSettings;
  /** The limit of commands at a time for the whole run. */
  readonly slots: Slots;
  /** One question at a time. */
  readonly questions: Slots;
  /** Stops everything: the driver's signal, a cancel request, a broken journal. */
  readonly signal: AbortSignal;
  /** Called after an answer of another process has been recorded; returns the function that stops listening. */
  readonly onRequest: (listen: () => void) => () => void;
  /**
   * Runs a pipeline as part of stage `parent`, on the same log. Its outputs are those of its stages, by name.
   * Throws `Suspended` when one of its stages waits for an answer.
   */
  readonly nested: (run: RunContext, scope: Scope, parent: string) => Promise<Result<JsonObject>>;
}

/** A stage that its pipeline has come to. */
export interface StageRun {
  readonly run: RunContext;
  readonly scope: Scope;
  readonly id: string;
  readonly stage: StageDefinition;
  readonly kind: StageKind;
}

/** What templates and conditions of a stage see at this moment. */
export function variablesFor({ run, scope }: Pick<StageRun, 'run' | 'scope'>): JsonObject {
  return variablesOf(scope, run.facts, run.log.state);
}

/**
 * Thrown through a stage that cannot go on before somebody answers; the run then ends as `waiting`.
 * Not a failure: the stage is taken up where it stands.
 */
export class Suspended extends Error {
  readonly stage: string;
  constructor(stage: string) {
    super(`${stage} waits for an answer`);
    this.name = 'Suspended';
    this.stage = stage;
  }
}
