import { expect, test } from 'vitest';
import { pipelineJsonSchema, projectJsonSchema } from '../../../src/config/json-schema.ts';
import { testKinds } from '../../support/config-kinds.ts';

type Json = Readonly<Record<string, unknown>>;

const pipelines = pipelineJsonSchema(testKinds);

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(schema: unknown, ...path: readonly (string | number)[]): unknown {
  let here: unknown = schema;
  for (const key of path) {
    here = Array.isArray(here) ? here[Number(key)] : isJson(here) ? here[key] : undefined;
  }
  return here;
}

/** Every part of a schema with where it stands. */
function* parts(value: unknown, path = '#'): Generator<readonly [string, unknown]> {
  yield [path, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* parts(inner, `${path}/${key}`);
}

test('both schemas are draft-07', () => {
  for (const schema of [pipelines, projectJsonSchema()]) {
    expect(schema['$schema']).toBe('http://json-schema.org/draft-07/schema#');
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  }
});

test('every reference leads somewhere', () => {
  for (const [path, part] of parts(pipelines)) {
    if (!path.endsWith('/$ref')) continue;
    expect(at(pipelines, ...String(part).split('/').slice(1))).toBeDefined();
  }
});

/** Keys of a mapping whose description does not say what it should. */
function undescribed(mapping: unknown, wanted: RegExp): readonly string[] {
  const keys = Object.entries(isJson(mapping) ? mapping : {});
  if (keys.length === 0) return ['there are no keys at all'];
  return keys.filter(([, schema]) => !wanted.test(String(at(schema, 'description')))).map(([key]) => key);
}

test.each([
  ['pipeline', at(pipelines, 'anyOf', 0, 'properties')],
  ['stage', at(pipelines, 'definitions', 'stage', 'properties')],
  ['pipeline stage', at(pipelines, 'definitions', 'kind-pipeline', 'properties')],
  ['project', at(projectJsonSchema(), 'properties')],
  ['safety section', at(projectJsonSchema(), 'properties', 'safety', 'properties')],
])('every key of a %s has a description', (_, mapping) => {
  expect(undescribed(mapping, /^(?!undefined$).{10}/)).toEqual([]);
});

test('optional keys of a stage tell their default', () => {
  const stage = at(pipelines, 'definitions', 'stage', 'properties');
  expect(undescribed(stage, /Default: /)).toEqual(['name']);
});

test('each kind has its rule, and a stage names one of the kinds', () => {
  const names = Object.keys(testKinds).toSorted();
  expect(at(pipelines, 'definitions', 'stage', 'properties', 'uses', 'enum')).toEqual(names);
  const rules = at(pipelines, 'definitions', 'stage', 'allOf');
  expect(rules).toHaveLength(names.length);
  const vcs = at(rules, names.indexOf('vcs-analysis'));
  expect(at(vcs, 'if', 'anyOf', 0, 'properties', 'uses', 'const')).toBe('vcs-analysis');
  expect(at(vcs, 'then', 'additionalProperties')).toBe(false);
  expect(Object.keys(Object(at(vcs, 'then', 'properties')))).toEqual(
    expect.arrayContaining(['depth', 'timeout']),
  );
  const shell = at(rules, names.indexOf('shell'));
  expect(Object.keys(Object(at(shell, 'then', 'properties')))).toEqual(
    expect.arrayContaining(['steps', 'command']),
  );
});
