import { expect, test } from 'vitest';
import { chooseInputs } from '../../../src/testgen/characterize/inputs.ts';
import { readArguments, readLiteral } from '../../../src/testgen/characterize/read-literal.ts';
import { parametersIn } from '../../../src/testgen/characterize/signature.ts';
import { isValue, literal, quoted, readOutcome } from '../../../src/testgen/characterize/value.ts';

test.each([
  ["'it''s'", undefined],
  [String.raw`'it\'s\n'`, "it's\n"],
  ['-1_000.5', -1000.5],
  ['[1, "a", [true, None],]', ['list', [1, 'a', ['list', [true, null]]]]],
  [
    "{ a: 1, 'b c': undefined }",
    [
      'object',
      [
        ['a', 1],
        ['b c', ['undefined']],
      ],
    ],
  ],
  ['`plain`', 'plain'],
  // oxlint-disable-next-line no-template-curly-in-string
  ['`${run()}`', undefined],
  ['process.exit()', undefined],
  ['[1, run()]', undefined],
  ['1 + 1', undefined],
])('the literal %s is read without being run', (text, value) => {
  expect(readLiteral(text)).toEqual(value);
});

test('arguments of a call are read only where all of them are literals', () => {
  expect(readArguments("slug('A', 2)", 4)).toEqual(['A', 2]);
  expect(readArguments('slug(text)', 4)).toBeUndefined();
});

test('parameters come with the types of TypeScript, those of JSDoc and their defaults', () => {
  const typed =
    "export function pad<T>(text: string, width: number = 10, fill?: 'a' | 'b', ...rest: T[]): string {";
  expect(parametersIn(typed, 'pad')).toEqual([
    { name: 'text', type: 'string', isOptional: false },
    { name: 'width', type: 'number', default: 10, isOptional: true },
    { name: 'fill', type: "'a' | 'b'", isOptional: true },
  ]);
  const documented =
    '/**\n * @param {string[]} names\n */\nexport const join = async (names, { sep } = {}) => names;';
  expect(parametersIn(documented, 'join')).toMatchObject([
    { name: 'names', type: 'string[]', isOptional: false },
    { name: 'options', isOptional: true },
  ]);
  expect(parametersIn('export const add = (a, b) => a + b;', 'subtract')).toBeUndefined();
});

const sources = { name: 'fee', bodies: [], callers: [], limit: 50 };

test('inputs are what the project passes itself, then edges of the type and of the constants that it compares with', () => {
  const parameters = [{ name: 'total', type: 'number', isOptional: false }];
  const inputs = chooseInputs({
    ...sources,
    parameters,
    bodies: ['if (total >= 50) return 0; // 777'],
    callers: ['fee(12.5); fee(total); other.fee(1, 2, 3);'],
  });
  expect(inputs[0]).toEqual([12.5]);
  for (const edge of [0, -1, 49, 50, 51]) expect(inputs).toContainEqual([edge]);
  expect(inputs).not.toContainEqual([777]);
  expect(chooseInputs({ ...sources, parameters })).toEqual(chooseInputs({ ...sources, parameters }));
});

test('a union of literals is tried whole, an optional parameter is also left away, and there is a limit', () => {
  const parameters = [
    { name: 'text', type: 'str', isOptional: false },
    { name: 'mode', type: "Literal['short', 'long']", isOptional: true },
  ];
  const inputs = chooseInputs({ ...sources, parameters });
  expect(inputs[0]).toEqual(['Hello, World!']);
  expect(inputs).toContainEqual(['Hello, World!', 'long']);
  expect(new Set(inputs.map(([, mode]) => mode))).toEqual(new Set([undefined, 'short', 'long']));
  expect(chooseInputs({ ...sources, parameters, limit: 3 })).toHaveLength(3);
});

test('a parameter that may be left away, and of which nothing is known, is left away', () => {
  const parameters = [
    { name: 'text', type: 'string', isOptional: false },
    { name: 'mode', type: 'Mode', isOptional: true },
    { name: 'count', type: 'number', isOptional: true },
  ];
  const inputs = chooseInputs({ ...sources, parameters });
  expect(inputs.length).toBeGreaterThan(3);
  expect(inputs.every(({ length }) => length === 1)).toBe(true);
});

test('values are written as either language writes them, and nothing in a text can end its quotes or act on a terminal', () => {
  expect(
    literal(
      [
        'object',
        [
          ['a', ['undefined']],
          ['__proto__', ['number', '-0']],
        ],
      ],
      'javascript',
    ),
  ).toBe("{ a: undefined, ['__proto__']: -0 }");
  expect(literal(['map', [['k', ['bigint', '1']]]], 'typescript')).toBe("new Map([['k', 1n]])");
  expect(literal(['tuple', [null, true, ['number', 'NaN']]], 'python')).toBe("(None, True, float('nan'))");
  expect(literal(['set', []], 'python')).toBe('set()');
  expect(quoted('\'); run("\\\n\u001b[2J\u2028')).toBe(String.raw`'\'); run("\\\n\u001b[2J\u2028'`);
});

test('what a probed process says is taken only in the form that probes write', () => {
  expect(isValue(['list', [1, ['date', '2024-02-29T00:00:00.000Z']]])).toBe(true);
  expect(isValue(['list', 'no list'])).toBe(false);
  expect(isValue({ a: 1 })).toBe(false);
  expect(readOutcome({ kind: 'returned', value: { a: 1 } })).toBeUndefined();
  expect(readOutcome({ kind: 'threw', name: 'Error', message: 1 })).toBeUndefined();
});
