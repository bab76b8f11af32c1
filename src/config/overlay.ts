import { z } from 'zod';
import { isObject } from '../core/json.ts';
import { SECTIONS } from '../core/settings/index.ts';
import { nodeAt, type Path } from './located.ts';
import type { YamlFile } from './yaml-file.ts';

/** Sections that an environment may say differently. */
export const OVERLAID = [
  'contexts',
  'groups',
  'analyze',
  'test',
  'build',
  'deploy',
  'verify',
  'notify',
] as const;

/** The keys of an environment that lie over the sections of the same name. */
export const overlayShape = {
  contexts: overlayOf('contexts'),
  groups: overlayOf('groups'),
  analyze: overlayOf('analyze'),
  test: overlayOf('test'),
  build: overlayOf('build'),
  deploy: overlayOf('deploy'),
  verify: overlayOf('verify'),
  notify: overlayOf('notify'),
} satisfies Record<(typeof OVERLAID)[number], z.ZodType>;

function overlayOf(section: (typeof OVERLAID)[number]): z.ZodType {
  return partial(SECTIONS[section])
    .optional()
    .describe(`Keys of \`${section}\` that differ there; the rest stays. Default: as \`${section}\` says.`);
}

/** What a schema takes, with every key of its mappings left out at will and no defaults. */
function partial(schema: z.core.$ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return partial(schema.def.innerType);
  }
  if (schema instanceof z.ZodObject) {
    const shape = Object.entries(schema.def.shape).map(([key, value]) => [
      key,
      described(partial(value).optional(), value),
    ]);
    return described(z.strictObject(Object.fromEntries(shape)), schema);
  }
  if (schema instanceof z.ZodRecord) return z.record(schema.def.keyType, partial(schema.def.valueType));
  if (schema instanceof z.ZodUnion) return z.union(schema.def.options.map(partial));
  return schema instanceof z.ZodType ? schema : z.unknown();
}

function described(schema: z.ZodType, like: z.core.$ZodType): z.ZodType {
  const text = like instanceof z.ZodType ? like.description : undefined;
  return text === undefined ? schema : schema.describe(text);
}

/**
 * `over` laid over `base`: mappings are merged key by key, everything else (lists too) is replaced. A mapping
 * whose `type` is another one replaces the whole, since its other keys have nothing in common.
 */
export function layOver(base: unknown, over: unknown): unknown {
  if (!isObject(base) || !isObject(over)) return over;
  if (over['type'] !== undefined && base['type'] !== undefined && over['type'] !== base['type']) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    merged[key] = Object.hasOwn(merged, key) ? layOver(merged[key], value) : value;
  }
  return merged;
}

/** From a path in the settings of an environment to the place in the file that says it. */
export function placeIn(file: YamlFile, environment: string | undefined): (path: Path) => Path {
  return (path) => {
    if (environment === undefined) return path;
    const over = ['environments', environment, ...path];
    if (nodeAt(file.root, over)) return over;
    // What is missing is missed where the environment speaks of its surroundings, if it does.
    const isSaid = nodeAt(file.root, path) !== undefined || !nodeAt(file.root, over.slice(0, -1));
    return isSaid ? path : over;
  };
}
