import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BOOTSTRAP, lineProblem, scriptLine } from '../../../src/executors/host/script-line.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        "'",
        '"',
        '\\',
        '\n',
        '$',
        '`',
        '%',
        '\\0',
        '\\c',
        '\\n',
        '!',
        '\r',
        '\t',
        'a',
        ' ',
        '~',
        '#',
        ';',
      ),
    )
    .map((parts) => parts.join('')),
);
const SHELLS = ['/bin/sh', '/bin/bash', '/bin/busybox'].filter((shell) => existsSync(shell));

test.each(SHELLS)('any value and any script text reach a script as they are, through %s', (shell) => {
  fc.assert(
    fc.property(
      hostile.filter((text) => !text.includes('\0') && text.isWellFormed()),
      (value) => {
        const line = scriptLine({
          script: `printf '%s\\n' "$V" '${value.replaceAll("'", "'\\''")}'; cat`,
          env: { V: value },
          isWatched: false,
        });
        expect(line.indexOf('\n')).toBe(line.length - 1);
        const args = shell.endsWith('busybox') ? ['sh', '-c', BOOTSTRAP] : ['-c', BOOTSTRAP];
        const done = spawnSync(shell, args, { input: `${line}rest of the input` });
        expect(done.stdout.toString()).toBe(`${value}\n${value}\nrest of the input`);
        expect(done.status).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

test('a line that was cut runs nothing', () => {
  const line = scriptLine({ script: 'echo ran', isWatched: false });
  for (const length of [0, 1, 10, line.length - 2, line.length - 1]) {
    expect(spawnSync('/bin/sh', ['-c', BOOTSTRAP], { input: line.slice(0, length) }).stdout.toString()).toBe(
      '',
    );
  }
});

test.each([
  [{ script: 'a\0' }, 'NUL'],
  [{ script: '', env: { A: '\0' } }, 'NUL'],
  [{ script: '', workdir: '\0' }, 'NUL'],
  [{ script: '', env: { 'A B': '' } }, 'A B'],
  [{ script: '', env: { '1A': '' } }, '1A'],
  [{ script: '', env: { 'A;reboot;': '' } }, 'reboot'],
])('%j is refused', (request, word) => {
  expect(lineProblem({ ...request, isWatched: false })).toContain(word);
});
