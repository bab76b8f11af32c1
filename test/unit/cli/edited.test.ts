import { expect, test } from 'vitest';
import { isSameSetting } from '../../../src/cli/edited.ts';

const DEFAULTS = { test: { unit: { timeout: 5 } }, later: { new: true } };

test.each<[string, unknown, unknown, boolean]>([
  ['the same in another order', { a: 1, b: { c: [1] } }, { b: { c: [1] }, a: 1 }, true],
  ['another value', { test: { unit: { timeout: 5 } } }, { test: { unit: { timeout: 6 } } }, false],
  ['a section of a later version', { a: 1 }, { a: 1, later: { new: true } }, true],
  ['a key of a later version', { test: {} }, { test: { unit: { timeout: 5 } } }, true],
  ['a key of a later version that is set', { test: {} }, { test: { unit: { timeout: 9 } } }, false],
  ['a key that was added', { test: { unit: {} } }, { test: { unit: { command: 'make' } } }, false],
  ['a key that was taken away', { test: { unit: { command: 'make' } } }, { test: { unit: {} } }, false],
  ['another list', { a: ['x'] }, { a: ['x', 'y'] }, false],
])('settings are compared as their author sees them: %s', (_what, then, now, isSame) => {
  expect(isSameSetting(then, now, DEFAULTS)).toBe(isSame);
});
