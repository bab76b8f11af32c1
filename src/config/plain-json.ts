import type { JsonObject, JsonValue } from '../core/json.ts';

/** The value as JSON, without keys whose value is undefined; undefined where JSON cannot hold it. */
function toJson(value: unknown): JsonValue | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : undefined;
    case 'object':
      if (value === null) return null;
      return Array.isArray(value) ? listToJson(value) : toJsonObject(value);
    default:
      return undefined;
  }
}

/** As `toJson`, for a mapping; class instances are none. */
export function toJsonObject(value: unknown): JsonObject | undefined {
  if (typeof value !== 'object' || value === null || !isPlain(value)) return undefined;
  const made: Record<string, JsonValue> = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const item = toJson(inner);
    if (item === undefined) return undefined;
    made[key] = item;
  }
  return made;
}

function listToJson(list: readonly unknown[]): JsonValue | undefined {
  const items = list.map(toJson);
  return items.every((item) => item !== undefined) ? items : undefined;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
