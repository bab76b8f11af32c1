import { failed, ok, type Result } from './failure.ts';
import type { JsonObject } from './json.ts';

const OF_PARAMETER = /^\{\{\s*\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}$/;

/** The parameter that a `context:` names, where it is `{{.name}}` as a whole. */
export function contextParameter(context: string): string | undefined {
  return OF_PARAMETER.exec(context)?.[1];
}

/** The context, or group, that is meant: parameters may say on which one a run is. */
export function namedContext(context: string, params: JsonObject): Result<string> {
  const name = contextParameter(context);
  if (name === undefined) return ok(context);
  const value = params[name];
  if (typeof value === 'string' && value !== '') return ok(value);
  return failed({
    reason: 'invalid',
    message: `${context} names no context: the parameter ${name} is empty`,
  });
}
