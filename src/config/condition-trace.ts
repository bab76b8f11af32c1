import type { Evidence } from '../core/events.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';

/** What an expression may be given instead of JSON: integers are `bigint`, as CEL wants them. */
export type CelValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly CelValue[]
  | Map<string, CelValue>;

/** Variables that write down what is read of them. */
export interface TracedVariables {
  readonly context: Map<string, CelValue>;
  /** Innermost values that were read, in the order of the first reading; null where there was nothing. */
  readonly read: () => readonly Evidence[];
}

/** Prepares these variables, and no others, for one evaluation. */
export function traceVariables(variables: JsonObject, names: readonly string[]): TracedVariables {
  const seen = new Map<string, JsonValue>();
  const known = Object.fromEntries(
    names.filter((name) => Object.hasOwn(variables, name)).map((name) => [name, variables[name] ?? null]),
  );
  return {
    context: tracedMap(known, '', (name, value) => {
      if (!seen.has(name)) seen.set(name, value);
    }),
    read: () => innermost(seen),
  };
}

type Note = (name: string, value: JsonValue) => void;

/** A real Map, because the library asks for exactly that class; only its `get` is our own. */
function tracedMap(object: JsonObject, path: string, note: Note): Map<string, CelValue> {
  const map = new Map<string, CelValue>();
  for (const [key, value] of Object.entries(object)) map.set(key, convert(value, join(path, key), note));
  const plainGet = map.get.bind(map);
  map.get = (key) => {
    note(join(path, key), Object.hasOwn(object, key) ? (object[key] ?? null) : null);
    return plainGet(key);
  };
  return map;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function convert(value: JsonValue, path: string, note: Note): CelValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map((item, index) => convert(item, `${path}[${index}]`, note));
  return tracedMap(value, path, note);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Without `stages` where `stages.build.status` was read. */
function innermost(seen: ReadonlyMap<string, JsonValue>): readonly Evidence[] {
  const outer = new Set<string>();
  for (const name of seen.keys()) {
    for (let end = name.length - 1; end > 0; end--) {
      if (name[end] === '.' || name[end] === '[') outer.add(name.slice(0, end));
    }
  }
  return [...seen].filter(([name]) => !outer.has(name)).map(([name, value]) => ({ name, value }));
}
