import { ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ServiceSettings } from '../../core/settings/deploy.ts';
import { bindValue } from '../../core/template/bind.ts';

/** Variables of a service, their `{{.name}}` places filled in. */
export function serviceEnv({ env }: ServiceSettings, variables: JsonObject): Result<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, template] of Object.entries(env)) {
    const value = bindValue(template, variables);
    if (!value.ok) return value;
    values[name] = value.value;
  }
  return ok(values);
}
