import { expect, test } from 'vitest';
import { type Diagnostic, renderDiagnostic, sortDiagnostics } from '../../../src/config/diagnostic.ts';

function at(column: number, sourceLine: string, extra: Partial<Diagnostic> = {}): Diagnostic {
  return {
    severity: 'error',
    code: 'x',
    file: 'a.yaml',
    line: 12,
    column,
    message: 'wrong',
    source_line: sourceLine,
    ...extra,
  };
}

function caretLine(diagnostic: Diagnostic): string {
  return renderDiagnostic(diagnostic).split('\n')[2] ?? '';
}

test('a diagnostic shows place, line, caret and hint', () => {
  expect(renderDiagnostic(at(3, 'a: b', { hint: 'Try c.' }))).toBe(
    'a.yaml:12:3: error: wrong\n  12 | a: b\n     |   ^\n  hint: Try c.',
  );
});

test('a caret after a tab keeps the tab', () => {
  expect(caretLine(at(3, '\t\tx'))).toBe('     | \t\t^');
});

test('a caret counts two cells for wide characters and none for marks', () => {
  expect(caretLine(at(4, '파이프x'))).toBe('     |       ^');
  expect(caretLine(at(3, 'e\u0301x'))).toBe('     |  ^');
  expect(caretLine(at(9, '👩‍👩‍👧x'))).toBe('     |   ^');
});

test('a caret behind the end of the line stands behind it', () => {
  expect(caretLine(at(50, 'ab'))).toBe('     |   ^');
});

test('a long line is cut around the caret', () => {
  const [, shown = '', caret = ''] = renderDiagnostic(
    at(5001, `${'a'.repeat(5000)}X${'b'.repeat(5000)}`),
  ).split('\n');
  expect(shown.length).toBeLessThan(180);
  expect(shown.charAt(caret.indexOf('^'))).toBe('X');
});

test('control and direction characters cannot reach the terminal', () => {
  const text = renderDiagnostic(
    at(1, '\u001B]0;x\u0007\u202E\u009B31m', { message: '\u001B[2J', file: 'a\nb', hint: '\r' }),
  );
  expect(text).not.toMatch(/(?!\n)\p{Cc}|\u202E/u);
});

test('colour is only there when asked for', () => {
  expect(renderDiagnostic(at(1, 'x'))).not.toContain('\u001B');
  expect(renderDiagnostic(at(1, 'x'), { color: true })).toContain('\u001B[31merror:\u001B[0m');
});

test('without a source line there is only the message', () => {
  const { source_line: _, ...bare } = at(1, '');
  expect(renderDiagnostic(bare)).toBe('a.yaml:12:1: error: wrong');
});

test('diagnostics are sorted by file and place, and each is told once', () => {
  const sorted = sortDiagnostics([
    at(5, 'x'),
    at(2, 'x', { severity: 'warning' }),
    at(2, 'x'),
    at(5, 'x'),
    at(1, 'x', { file: 'b.yaml' }),
    at(1, 'x', { line: 3 }),
  ]);
  expect(sorted.map(({ file, line, column, severity }) => [file, line, column, severity].join(' '))).toEqual([
    'a.yaml 3 1 error',
    'a.yaml 12 2 error',
    'a.yaml 12 2 warning',
    'a.yaml 12 5 error',
    'b.yaml 12 1 error',
  ]);
});
