import { describe, expect, test } from 'vitest';
import { closest } from '../../../src/core/closest.ts';
import { parseParameters } from '../../../src/core/parameters.ts';
import type { GivenParameter } from '../../../src/core/parameters.ts';
import type { ParameterDefinition } from '../../../src/core/definition.ts';

const OPTIONAL = { required: false } as const;
const DEFINITIONS: Record<string, ParameterDefinition> = {
  text: { type: 'string', ...OPTIONAL },
  code: { type: 'string', ...OPTIONAL, pattern: '[a-z]+|[0-9]+' },
  face: { type: 'string', ...OPTIONAL, pattern: '.' },
  broken: { type: 'string', ...OPTIONAL, pattern: '(' },
  count: { type: 'int', ...OPTIONAL, min: 1, max: 10 },
  any: { type: 'int', ...OPTIONAL },
  on: { type: 'bool', ...OPTIONAL },
  file: { type: 'path', ...OPTIONAL },
  size: { type: 'choice', ...OPTIONAL, choices: ['small', 'large'] },
  tags: { type: 'list', ...OPTIONAL },
};

function parse(given: Record<string, GivenParameter>, definitions = DEFINITIONS) {
  return parseParameters(definitions, given, { home: '/home/me/' });
}

test.each<[string, GivenParameter, unknown]>([
  ['text', '', ''],
  ['text', '-x $(a)\n', '-x $(a)\n'],
  ['code', 'abc', 'abc'],
  ['code', '12', '12'],
  ['code', 'a'.repeat(4096), 'a'.repeat(4096)],
  ['face', '😀', '😀'],
  ['count', '7', 7],
  ['count', '+1', 1],
  ['count', '10', 10],
  ['count', ' 7 ', 7],
  ['any', '-12', -12],
  ['any', '-0', 0],
  ['any', '007', 7],
  ['on', true, true],
  ['on', false, false],
  ['on', 'Yes', true],
  ['on', ' TRUE\n', true],
  ['on', '1', true],
  ['on', 'no', false],
  ['on', '0', false],
  ['file', 'a b/ä', 'a b/ä'],
  ['file', '-rf', './-rf'],
  ['file', '--', './--'],
  ['file', '~/x', '/home/me/x'],
  ['file', '~', '/home/me'],
  ['file', '~root/x', '~root/x'],
  ['size', 'large', 'large'],
  ['tags', 'a, b,,c', ['a', 'b', 'c']],
  ['tags', ['a', 'b,c'], ['a', 'b', 'c']],
  ['tags', '', []],
])('%s given as %j is %j', (name, given, value) => {
  const parsed = parse({ [name]: given });
  expect(parsed.ok ? parsed.value[name] : parsed.failure).toEqual(value);
});

describe('a value that does not fit is named with what would', () => {
  test.each<[string, GivenParameter, string, string?]>([
    ['code', 'abc1', 'does not match [a-z]+|[0-9]+'],
    ['code', 'ab\n', 'does not match'],
    ['code', 'a'.repeat(4097), 'at most 4096'],
    ['broken', 'a', 'no regular expression'],
    ['count', '0', 'at least 1'],
    ['count', '11', 'at most 10'],
    ['count', '1.5', 'whole number'],
    ['count', '', 'whole number'],
    ['count', '1e3', 'whole number'],
    ['count', '0x10', 'whole number'],
    ['any', '9007199254740993', 'whole number'],
    ['count', true, 'needs a value'],
    ['text', true, 'needs a value'],
    ['text', ['a', 'b'], 'given 2 times'],
    ['on', 'maybe', 'true or false', 'Yes, no'],
    ['file', '', 'empty path'],
    ['size', 'lrage', 'cannot be "lrage"', 'Did you mean large?'],
    ['size', 'enormous', 'cannot be', 'Choose one of small, large.'],
    ['text', 'a\0b', 'NUL'],
    ['text', 'a\uFFFDb', 'UTF-8'],
    ['tags', ['a', '\uD800'], 'UTF-8'],
    ['file', '\uFFFD', 'UTF-8'],
    ['txet', 'a', 'There is no parameter txet.', 'Did you mean text?'],
    ['zzzzzzzzz', 'a', 'There is no parameter', 'Known are text, code, face, '],
    ['__proto__', 'a', 'There is no parameter __proto__.'],
    ['toString', 'a', 'There is no parameter toString.'],
  ])('%s given as %j', (name, given, message, hint = '') => {
    const parsed = parse(Object.fromEntries([[name, given]]));
    const [problem] = parsed.ok ? [] : parsed.failure;
    expect(problem?.name).toBe(name);
    expect(problem?.message).toContain(message);
    expect(problem?.hint ?? '').toContain(hint);
  });

  test.each<[Record<string, ParameterDefinition>, Record<string, GivenParameter>, object]>([
    [{}, { x: 'a' }, { message: 'There is no parameter x.', hint: 'This pipeline takes no parameters.' }],
    [
      { x: { type: 'path', required: true } },
      {},
      { message: 'is required.', hint: 'Give it with --x=… or --set x=….' },
    ],
    [
      { x: { type: 'string', ...OPTIONAL } },
      { x: true },
      { message: 'needs a value.', hint: 'Write --name=value.' },
    ],
    [{ x: { type: 'int', ...OPTIONAL } }, { x: '1.5' }, { message: 'must be a whole number, not "1.5".' }],
  ])('%j given %j', (definitions, given, problem) => {
    // The hint is there or not: an empty one would be printed.
    expect(parse(given, definitions)).toStrictEqual({ ok: false, failure: [{ name: 'x', ...problem }] });
  });
});

test('a long value is cut in the message, one that fits is not', () => {
  const messageOf = (length: number) => {
    const parsed = parse({ size: 'x'.repeat(length) });
    return !parsed.ok && parsed.failure[0]?.message;
  };
  expect(messageOf(60)).toBe(`cannot be "${'x'.repeat(60)}".`);
  expect(messageOf(61)).toBe(`cannot be "${'x'.repeat(60)}…".`);
});

test('without a home folder a path keeps its tilde', () => {
  expect(parseParameters(DEFINITIONS, { file: '~/x' })).toMatchObject({ ok: true, value: { file: '~/x' } });
});

test('a control character in a value does not reach the message', () => {
  const parsed = parse({ size: '\u001B[31m\u0007' });
  expect(!parsed.ok && parsed.failure[0]?.message).toBe(String.raw`cannot be "\u001b[31m\u0007".`);
});

test('all problems come at once', () => {
  const parsed = parse(
    { nmae: 'x', count: 'x' },
    {
      name: { type: 'string', required: true },
      count: { type: 'int', required: true },
      other: { type: 'path', required: true },
    },
  );
  expect(!parsed.ok && parsed.failure.map(({ name }) => name)).toEqual(['nmae', 'name', 'count', 'other']);
});

test('what was not given has its default, or is empty where empty is harmless', () => {
  const parsed = parse({}, { ...DEFINITIONS, level: { type: 'int', required: false, default: 3 } });
  expect(parsed).toStrictEqual({
    ok: true,
    value: { text: '', code: '', face: '', broken: '', on: false, tags: [], level: 3 },
  });
});

test.each([
  ['paralel', 'parallel'],
  ['neds', 'needs'],
  ['PARALLEL', 'parallel'],
  ['confirmation_required', undefined],
  ['xy', undefined],
  ['', undefined],
])('the nearest key to %s is %s', (word, near) => {
  expect(closest(word, ['parallel', 'needs', 'if', 'timeout'])).toBe(near);
});

test('a pattern that takes exponential time is given up, and says so', () => {
  const definitions = { n: { type: 'string' as const, required: true, pattern: '(a|a)*' } };
  expect(parseParameters(definitions, { n: `${'a'.repeat(60)}b` })).toMatchObject({
    ok: false,
    failure: [
      {
        name: 'n',
        message: expect.stringContaining('takes too long on this text'),
        hint: expect.stringContaining('(a+)+'),
      },
    ],
  });
  expect(parseParameters(definitions, { n: 'aaa' })).toEqual({ ok: true, value: { n: 'aaa' } });
});
