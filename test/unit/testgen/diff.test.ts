import * as fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { textBefore, parseDiff } from '../../../src/testgen/analysis/diff.ts';

/** What git itself says the difference is. */
function gitDiff(folder: string, old: string, text: string): string {
  writeFileSync(path.join(folder, 'a'), old);
  writeFileSync(path.join(folder, 'b'), text);
  try {
    return execFileSync('git', ['diff', '--no-index', '--', 'a', 'b'], { cwd: folder, encoding: 'utf8' });
  } catch (error) {
    // Exit 1: they differ.
    if (error instanceof Error && 'stdout' in error) return String(error.stdout);
    throw error;
  }
}

test('the text before a change comes back from the text after it and the diff', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-diff-'));
  const line = fc.constantFrom('a', 'b', '', '-- c', '++ d', '@@ -1 +1 @@', 'diff --git a/x b/x', '\\ e');
  const text = fc.array(line, { minLength: 1, maxLength: 30 }).map((lines) => `${lines.join('\n')}\n`);
  fc.assert(
    fc.property(text, text, (old, now) => {
      const hunks = parseDiff(gitDiff(folder, old, now), ['b']).get('b') ?? [];
      expect(textBefore(now, hunks)).toBe(old);
    }),
    { numRuns: 60, seed: 7 },
  );
  rmSync(folder, { recursive: true, force: true });
});

test('a diff that does not fit a text gives nothing back', () => {
  const hunks = parseDiff('--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n', ['x']).get('x') ?? [];
  expect(hunks).toEqual([{ oldLine: 1, line: 1, rows: [' one', '-two', '+2'] }]);
  expect(textBefore('one\n3\n', hunks)).toBeUndefined();
  expect(textBefore('one\n2\n', hunks)).toBe('one\ntwo\n');
});

test('names are those of the files that changed: quoted, with a revision behind them, or from further up', () => {
  const diff = [
    '--- "a/a \\"b\\" \\303\\251.ts"',
    '+++ "b/a \\"b\\" \\303\\251.ts"',
    '@@ -1 +1 @@',
    '-1',
    '+2',
    '--- a/trunk/lib/x.ts\t(revision 1)',
    '+++ b/trunk/lib/x.ts\t(revision 2)',
    '@@ -0,0 +1 @@',
    '+1',
    '--- a/gone.ts',
    '+++ /dev/null',
    '@@ -1 +0,0 @@',
    '-1',
    '--- a/unknown.ts',
    '+++ b/unknown.ts',
    '@@ -1 +1 @@',
    '-1',
    '+2',
    '',
  ].join('\n');
  const found = parseDiff(diff, ['a "b" é.ts', 'lib/x.ts', 'gone.ts']);
  expect([...found.keys()]).toEqual(['a "b" é.ts', 'lib/x.ts', 'gone.ts']);
});
