import { z } from 'zod';
import { isObject } from '../core/json.ts';
import type { StageKind } from '../core/stage-kind.ts';
import { pipelineSchema } from './pipeline-schema.ts';
import { projectSchema } from './project-schema.ts';
import { inputSchemaOf, type JsonSchema } from './schema-keys.ts';
import { commonStageSchema, pipelineStageSchema } from './stage-schema.ts';

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/** JSON Schema (draft-07) of a pipeline file with these stage kinds, for editors; from the schemas that validate. */
export function pipelineJsonSchema(kinds: Readonly<Record<string, StageKind>>): JsonSchema {
  const definitions: Record<string, JsonSchema> = { stage: stageSchema(kinds) };
  for (const [name, kind] of Object.entries(kinds)) Object.assign(definitions, kindDefinitions(name, kind));
  const body = bodySchema(kinds);
  return {
    $schema: DRAFT,
    title: 'Pipewright pipeline',
    description: 'A pipeline: stages, or steps, at the top or under "pipeline".',
    anyOf: [
      { ...body, patternProperties: { '^x-': {} } },
      {
        type: 'object',
        properties: { pipeline: { ...body, patternProperties: { '^x-': {} } } },
        patternProperties: { '^x-': {} },
        required: ['pipeline'],
        additionalProperties: false,
      },
    ],
    definitions,
  };
}

/** JSON Schema (draft-07) of `pipewright.yaml`. */
export function projectJsonSchema(): JsonSchema {
  const made = bare(inputSchemaOf(projectSchema));
  return {
    $schema: DRAFT,
    title: 'Pipewright project',
    description: 'Settings of a project: pipewright.yaml.',
    ...made,
    patternProperties: { '^x-': {} },
  };
}

function bodySchema(kinds: Readonly<Record<string, StageKind>>): JsonSchema {
  const made = bare(inputSchemaOf(pipelineSchema(z.unknown(), z.unknown())));
  const reference = { $ref: '#/definitions/stage' };
  const steps = ['shell', 'stream']
    .filter((name) => Object.hasOwn(kinds, name))
    .map((name) => stepsOf(name, kinds));
  const properties = record(made['properties']);
  return {
    ...made,
    properties: {
      ...properties,
      stages: { ...record(properties['stages']), items: reference },
      finally: { ...record(properties['finally']), items: reference },
      steps: { ...record(properties['steps']), items: { anyOf: steps } },
    },
    oneOf: [{ required: ['stages'] }, { required: ['steps'] }],
  };
}

function stepsOf(name: string, kinds: Readonly<Record<string, StageKind>>): JsonSchema {
  const definition = record(kindDefinitions(name, kinds[name])[definitionName(name)]);
  const steps = record(record(definition['properties'])['steps']);
  return record(steps['items']);
}

/** The common keys, and beside them those of the kind that the stage is of. */
function stageSchema(kinds: Readonly<Record<string, StageKind>>): JsonSchema {
  const names = Object.keys(kinds).toSorted();
  const common = record(bare(inputSchemaOf(commonStageSchema))['properties']);
  const uses = { ...record(common['uses']), enum: names };
  const properties: Record<string, JsonSchema> = {};
  for (const [key, schema] of Object.entries(common)) properties[key] = record(schema);
  return {
    type: 'object',
    description: 'One stage; its kind decides which keys it has beside the common ones.',
    properties: { ...properties, uses },
    required: ['name'],
    allOf: names.map((name) => ({
      if: isOfKind(name),
      // oxlint-disable-next-line unicorn/no-thenable -- the word of JSON Schema
      then: withKind(name, kinds[name], Object.keys(common)),
    })),
  };
}

/** As src/config/resolve-kind.ts decides it. */
function isOfKind(name: string): JsonSchema {
  const byUses = { required: ['uses'], properties: { uses: { const: name } } };
  const noUses = { not: { required: ['uses'] } };
  const forms: Readonly<Record<string, JsonSchema>> = {
    shell: {
      allOf: [
        noUses,
        { anyOf: [{ required: ['steps'] }, { required: ['command'] }] },
        { not: HAS_STREAM_KEY },
      ],
    },
    stream: { allOf: [noUses, { required: ['steps'] }, HAS_STREAM_KEY] },
    pipeline: { allOf: [noUses, { required: ['pipeline'] }] },
  };
  const pattern = `^${name.replaceAll('-', '[-_]')}$`;
  const noForm = { not: { anyOf: ['steps', 'command', 'pipeline'].map((key) => ({ required: [key] })) } };
  const byName = { allOf: [noUses, noForm, { required: ['name'], properties: { name: { pattern } } }] };
  return { anyOf: [byUses, ...(forms[name] ? [forms[name]] : []), byName] };
}

const HAS_STREAM_KEY: JsonSchema = {
  properties: {
    steps: {
      type: 'array',
      contains: {
        anyOf: [
          ...['input', 'type', 'branches'].map((key) => ({ type: 'object', required: [key] })),
          {
            type: 'object',
            required: ['output'],
            properties: { output: { type: 'string', pattern: '^(stream|stderr|file:.*)$' } },
          },
        ],
      },
    },
  },
};

function withKind(name: string, kind: StageKind | undefined, commonKeys: readonly string[]): JsonSchema {
  const reference = `#/definitions/${definitionName(name)}`;
  const schema = record(kindDefinitions(name, kind)[definitionName(name)]);
  const keys = Object.keys(record(schema['properties']));
  const described = keys.map((key): [string, JsonSchema] => [
    key,
    { $ref: `${reference}/properties/${key}` },
  ]);
  const isShell = name === 'shell';
  const short = isShell
    ? { command: { type: 'string', description: 'Short for steps with this one command.' } }
    : {};
  const required = listOf(schema['required']);
  return {
    description: kind?.summary ?? '',
    properties: {
      ...Object.fromEntries(commonKeys.map((key) => [key, {}])),
      ...Object.fromEntries(described),
      ...short,
    },
    ...(isShell ? { anyOf: [{ required: ['steps'] }, { required: ['command'] }] } : { required }),
    additionalProperties: false,
  };
}

function definitionName(kind: string): string {
  return `kind-${kind}`;
}

/** The kind's own schema, and what it refers to (a recursive one does), under names that cannot clash. */
function kindDefinitions(name: string, kind: StageKind | undefined): Record<string, JsonSchema> {
  if (!kind) return {};
  const own = definitionName(name);
  const made = inputSchemaOf(name === 'pipeline' ? pipelineStageSchema : kind.schema);
  const { definitions } = made;
  const inner = Object.entries(record(definitions)).map(([key, schema]): [string, JsonSchema] => [
    `${own}-${key}`,
    record(rebase(schema, own)),
  ]);
  return { [own]: record(rebase(bare(made), own)), ...Object.fromEntries(inner) };
}

/** References of a schema that now stands under `definitions`. */
function rebase(value: unknown, own: string): unknown {
  if (Array.isArray(value)) return value.map((item) => rebase(item, own));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string' ? rebaseReference(inner, own) : rebase(inner, own),
    ]),
  );
}

function rebaseReference(reference: string, own: string): string {
  return reference === '#'
    ? `#/definitions/${own}`
    : reference.replace(/^#\/definitions\//, `#/definitions/${own}-`);
}

/** Without what belongs to a whole document. */
function bare(schema: JsonSchema): JsonSchema {
  const { $schema: _, definitions: _d, ...rest } = schema;
  return rest;
}

function record(value: unknown): JsonSchema {
  return isObject(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
