import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shellQuote } from '../../../src/core/shell-quote.ts';

test('a shell reads the quoted texts as the same words, whatever is in them', () => {
  const words = ['', "it's", "''", '$(touch x)`y`', 'a\nb', '-n', '"\\\\"', '*?[a]~ #!&|;<>', '한\t국'];
  const script = `printf '%s\\0' ${words.map(shellQuote).join(' ')}`;
  expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' })).toBe(
    words.map((word) => `${word}\0`).join(''),
  );
});
