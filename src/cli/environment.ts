import { downstreamOf } from '../core/engine/scope.ts';
import type { CommandTemplate, PipelineDefinition, StageDefinition } from '../core/definition.ts';
import type { StartRequest } from '../core/engine/api.ts';
import type { Selection } from '../core/events.ts';
import type { StageSettings } from '../core/settings/index.ts';
import { failed, ok, type Result } from '../core/failure.ts';
import { plainStage } from '../core/plain-stage.ts';
import { didYouMean } from './did-you-mean.ts';

/** What `pipewright.yaml` says of one environment. */
export interface EnvironmentSettings {
  readonly env: Readonly<Record<string, CommandTemplate>>;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  readonly require_confirmation: boolean;
  /** Sections of pipewright.yaml for stage kinds, as they are meant there. */
  readonly settings: StageSettings;
}

/** The settings of `name`. Where environments are declared, another name is a mistake; `default` never is. */
export function findEnvironment(
  name: string,
  declared: Readonly<Record<string, EnvironmentSettings>>,
): Result<EnvironmentSettings | undefined> {
  const known = Object.keys(declared);
  if (Object.hasOwn(declared, name)) return ok(declared[name]);
  if (known.length === 0 || name === 'default') return ok(undefined);
  const message = `There is no environment "${name}".${didYouMean(name, known)}`;
  return failed({ reason: 'invalid', message, hint: `pipewright.yaml declares ${known.join(', ')}` });
}

/** Name of the stage that asks before a run in an environment with `require_confirmation`. */
const GATE = 'confirm-environment';

/**
 * The request as it is meant in its environment: variables of the environment over those of the pipeline, and
 * where it wants to be confirmed a first stage that asks. Every stage needs that one itself, so that no
 * selection, skip or accepted status leads around it.
 */
export function inEnvironment(
  request: StartRequest,
  settings: EnvironmentSettings | undefined,
  confirmationExpiresMs: number,
): StartRequest {
  if (!settings) return request;
  const env = { ...request.definition.env, ...settings.env };
  const definition = { ...request.definition, env };
  if (!settings.require_confirmation) return { ...request, definition };
  const gate = gateStage(`Run ${definition.name} in ${request.environment}?`, confirmationExpiresMs);
  const stages = definition.stages.map((stage) => ({
    ...stage,
    needs: { ...stage.needs, [GATE]: ['passed' as const] },
  }));
  return {
    ...request,
    definition: { ...definition, stages: [gate, ...stages] },
    selection: withGate(request.selection, definition),
  };
}

function gateStage(message: string, expiresMs: number): StageDefinition {
  return { ...plainStage(GATE, 'approval'), confirmation: { message, expires_ms: expiresMs }, line: 1 };
}

/** A stage that is not selected is not asked about either: the gate always is. */
function withGate(selection: Selection, definition: PipelineDefinition): Selection {
  const { skip, only, from } = selection;
  if (from === undefined) return { skip, only: only.length > 0 ? [GATE, ...only] : [] };
  const later = new Set([from, ...downstreamOf(definition, new Set([from]))]);
  const chosen = only.length > 0 ? only.filter((name) => later.has(name)) : [...later];
  return { skip, only: [GATE, ...chosen] };
}
