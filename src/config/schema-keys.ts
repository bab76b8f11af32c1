import { z } from 'zod';
import { isObject } from '../core/json.ts';
import type { Path } from './located.ts';

/** A JSON Schema as data: every part may be absent. */
export type JsonSchema = { readonly [key: string]: unknown };

const cache = new WeakMap<z.ZodType, JsonSchema>();

/** What a schema accepts, as JSON Schema draft-07; parts that JSON Schema cannot say accept anything. */
export function inputSchemaOf(schema: z.ZodType): JsonSchema {
  const known = cache.get(schema);
  if (known) return known;
  const made: JsonSchema = {
    ...z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' }),
  };
  cache.set(schema, made);
  return made;
}

/** Keys that a mapping at `path` may have, in every form that the schema accepts there. */
export function keysAt(schema: z.ZodType, path: Path): readonly string[] {
  const parts = partsAt(schema, path);
  return [...new Set(parts.flatMap((part) => Object.keys(asSchema(part['properties']) ?? {})))];
}

/** Words that a value at `path` may be, where it is one of a few. */
export function wordsAt(schema: z.ZodType, path: Path): readonly unknown[] {
  const parts = partsAt(schema, path);
  return [...new Set(parts.flatMap((part) => ('const' in part ? [part['const']] : listOf(part['enum']))))];
}

function partsAt(schema: z.ZodType, path: Path): readonly JsonSchema[] {
  const root = inputSchemaOf(schema);
  let here = alternatives(root, root);
  for (const key of path) {
    here = here.flatMap((part) => stepInto(part, key)).flatMap((part) => alternatives(part, root));
  }
  return here;
}

/** Whether a mapping schema lets keys through that it does not name. */
export function isOpenObject(schema: z.ZodType): boolean {
  // The usual case, without making a JSON Schema of it.
  if (schema instanceof z.ZodObject && schema.def.catchall instanceof z.ZodNever) return false;
  const root = inputSchemaOf(schema);
  return asSchema(root['properties']) !== undefined && root['additionalProperties'] === undefined;
}

function stepInto(schema: JsonSchema, key: PropertyKey): readonly JsonSchema[] {
  const named = asSchema(asSchema(schema['properties'])?.[String(key)]);
  if (named) return [named];
  const rest = asSchema(schema['items']) ?? asSchema(schema['additionalProperties']);
  return rest ? [rest] : [];
}

function alternatives(schema: JsonSchema, root: JsonSchema, depth = 0): readonly JsonSchema[] {
  const reference = schema['$ref'];
  const target = typeof reference === 'string' ? resolve(root, reference) : undefined;
  if (depth > 8) return [schema];
  const parts = [target, ...['anyOf', 'oneOf', 'allOf'].flatMap((word) => listOf(schema[word]))];
  return [
    schema,
    ...parts.flatMap((part) => {
      const inner = asSchema(part);
      return inner ? alternatives(inner, root, depth + 1) : [];
    }),
  ];
}

function resolve(root: JsonSchema, reference: string): JsonSchema | undefined {
  let here: JsonSchema | undefined = root;
  for (const part of reference.split('/').slice(1)) here = asSchema(here?.[part]);
  return here;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function asSchema(value: unknown): JsonSchema | undefined {
  return isObject(value) ? { ...value } : undefined;
}
