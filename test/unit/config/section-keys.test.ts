import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { inputSchemaOf } from '../../../src/config/schema-keys.ts';
import { SECTIONS } from '../../../src/core/settings/index.ts';

/** Who only checks or writes settings does not read them. */
const NO_READERS = /^src\/(?:core\/settings|config)\//;

const readers = globSync('src/**/*.{ts,tsx}')
  .filter((file) => !NO_READERS.test(file))
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n');

/** Names of keys with the path that leads there; those of users (services, environments) are left out. */
function* keysOf(schema: unknown, path: string): Generator<{ readonly path: string; readonly key: string }> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [word, value] of Object.entries(schema)) {
    if (word === 'properties') {
      for (const [key, inner] of Object.entries(value)) {
        yield { path: `${path}.${key}`, key };
        yield* keysOf(inner, `${path}.${key}`);
      }
    } else if (word === 'additionalProperties' || word === 'items') yield* keysOf(value, path);
    else if (word === 'anyOf' || word === 'oneOf') for (const part of value) yield* keysOf(part, path);
  }
}

const keys = Object.entries(SECTIONS).flatMap(([name, section]) => [...keysOf(inputSchemaOf(section), name)]);

test('the sections of pipewright.yaml have many keys', () => {
  expect(keys.length).toBeGreaterThan(80);
});

/** As a member, or taken out of one: `{ key }`, `{ key: renamed }`, `{ key = … }`, `['key']`. */
function isRead(key: string): boolean {
  return new RegExp(`\\.${key}\\b|[{,(]\\s*${key}\\s*[,:}=]|\\['${key}'\\]`).test(readers);
}

test('a key that nobody reads is not in a schema', () => {
  expect(keys.filter(({ key }) => !isRead(key)).map(({ path }) => path)).toEqual([]);
});
