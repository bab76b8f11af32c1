import { describe, expect, test } from 'vitest';
import { bindCommand, bindValue } from '../../../../src/core/template/bind.ts';
import { compileCommand, compileValue } from '../../../../src/core/template/compile.ts';
import type { JsonObject } from '../../../../src/core/json.ts';

function command(text: string, variables: JsonObject) {
  const compiled = compileCommand(text);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.failure));
  return bindCommand(compiled.value, variables);
}

function value(text: string, variables: JsonObject) {
  const compiled = compileValue(text);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.failure));
  return bindValue(compiled.value, variables);
}

const VARIABLES: JsonObject = {
  name: 'a b',
  count: 3,
  share: 0.5,
  on: true,
  files: ['a', 'b c', 1],
  none: null,
  stages: { 'build-image': { outputs: { digest: 'sha256:1' } } },
  own: JSON.parse('{"__proto__": "mine"}'),
};

test.each([
  ['name', 'a b'],
  ['count', '3'],
  ['share', '0.5'],
  ['on', 'true'],
  ['files', 'a\nb c\n1'],
  ['stages.build-image.outputs.digest', 'sha256:1'],
  ['own.__proto__', 'mine'],
])('{{.%s}} becomes text in the environment', (path, text) => {
  expect(command(`echo -- {{.${path}}}`, VARIABLES)).toEqual({
    ok: true,
    value: { script: 'echo -- "${PW_VALUE_1}"', env: { PW_VALUE_1: text } },
  });
});

describe('a value that must not reach a shell is refused with its name', () => {
  test.each([
    ['nam', 'did you mean {{.name}}?'],
    ['stages.build-imag.outputs', 'did you mean {{.stages.build-image}}?'],
    ['zzzzzzzzzzzz', 'there are name'],
    ['name.first', 'name is a string'],
    ['none', 'empty (null)'],
    ['stages', 'a group of values'],
    ['toString', 'is not there'],
    ['__proto__', 'is not there'],
    ['constructor.name', 'is not there'],
    ['stages.constructor', 'is not there'],
    ['files.length', 'a list'],
  ])('{{.%s}}', (path, detail) => {
    const expected = {
      ok: false,
      failure: { reason: 'template-refused', detail: expect.stringContaining(detail) },
    };
    expect(command(`echo -- {{.${path}}}`, VARIABLES)).toMatchObject(expected);
    expect(value(`{{.${path}}}`, VARIABLES)).toMatchObject(expected);
  });

  test.each([
    ['rm {{.x}}', '-rf', 'put -- before it'],
    ['rm -- {{.x}}', 'a\0b', 'NUL'],
    ['rm -- {{.x}}', 'a\uD800b', 'half of a character'],
    ['rm -- {{.x}}', 'x'.repeat(131_072), '131072'],
    ['rm -- {{.x}}', 'é'.repeat(65_536), '131072'],
    ['{{raw .x}}', 'a\0b', 'NUL'],
  ])('%s', (text, x, detail) => {
    expect(command(text, { x })).toMatchObject({
      ok: false,
      failure: { detail: expect.stringContaining(detail) },
    });
  });
});

test('raw values are pasted into the script, once each, and nowhere else', () => {
  const bound = command('{{raw .a}} PW_RAW_1 {{.b}} {{raw .a}}', { a: 'echo $HOME PW_RAW_1 $&', b: 'x' });
  expect(bound).toEqual({
    ok: true,
    value: {
      script: 'echo $HOME PW_RAW_1 $& PW_RAW_1 "${PW_VALUE_2}" echo $HOME PW_RAW_1 $&',
      env: { PW_VALUE_2: 'x' },
    },
  });
});

test('an environment value is its text with the values in it, read once', () => {
  expect(value('[{{.a}}] {{ .b }} {{"{{"}}.a}} {{.a}}', { a: '{{.b}}-$&', b: '-n' })).toEqual({
    ok: true,
    value: '[{{.b}}-$&] -n {{.a}} {{.b}}-$&',
  });
  expect(value('{{.a}}', { a: '\0' })).toMatchObject({ ok: false, failure: { reason: 'template-refused' } });
});

test('a value that only a comment names is not asked for', () => {
  expect(command('ls # {{.missing}}', {})).toEqual({ ok: true, value: { script: 'ls # ', env: {} } });
});
