import { expect, test } from 'vitest';
import { baseName, join, parsePlace, placeText } from '../../../src/core/transfer/place.ts';

const CONTEXTS = ['local', 'prod', 'build-box'];

test.each([
  ['prod:/backups/', 'prod', '/backups', true],
  ['prod:a b', 'prod', 'a b', false],
  ['build-box:~/x//', 'build-box', '~/x', true],
  ['local:./a.tgz', 'local', './a.tgz', false],
  ['./a:b', 'local', './a:b', false],
  ['/srv/a:b', 'local', '/srv/a:b', false],
  ['prod:a:b', 'prod', 'a:b', false],
  ['prod:/', 'prod', '/', true],
  ['a.tgz', 'local', 'a.tgz', false],
  ['prod:a\nb', 'prod', 'a\nb', false],
] as const)('%j is %s, %j', (text, context, path, isFolder) => {
  expect(parsePlace(text, CONTEXTS)).toEqual({ ok: true, value: { context, path, isFolder } });
});

test.each(['nope:/x', 'prod:', '', 'a:b', ':x', 'prod:a\0'])('%j is refused', (text) => {
  expect(parsePlace(text, CONTEXTS)).toMatchObject({ ok: false, failure: { reason: 'invalid' } });
});

test('paths are put together and taken apart', () => {
  expect([join('/', 'a'), join('x', 'a'), join('x/', 'a')]).toEqual(['/a', 'x/a', 'x/a']);
  expect(['/a/b', 'b', '.', '/a/..', '/'].map(baseName)).toEqual(['b', 'b', '', '', '']);
  expect(placeText({ context: 'local', path: 'x' })).toBe('x');
  expect(placeText({ context: 'prod', path: 'x' })).toBe('prod:x');
});
