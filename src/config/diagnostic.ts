import { displayColumn, visible } from './display.ts';

/** A problem in a file, where its author can see it. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** Stable word for the kind of problem: `unknown-key`, `cycle`, … */
  readonly code: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units, as editors count. */
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
  /** The line itself; absent for problems of the whole file and where showing it would show a secret. */
  readonly source_line?: string;
}

/** The part of a problem that is about the file as a whole. */
export function fileDiagnostic(file: string, code: string, message: string, hint?: string): Diagnostic {
  return {
    severity: 'error',
    code,
    file,
    line: 1,
    column: 1,
    message,
    ...(hint !== undefined && { hint }),
  };
}

/** By file in order of appearance, then by position; errors before warnings in one place. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const files = [...new Set(diagnostics.map(({ file }) => file))];
  const unique = new Map(
    diagnostics.map((d) => [JSON.stringify([d.file, d.line, d.column, d.severity, d.message]), d]),
  );
  return [...unique.values()].toSorted(
    (a, b) =>
      files.indexOf(a.file) - files.indexOf(b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      a.severity.localeCompare(b.severity),
  );
}

const COLORS = { error: '\u001B[31m', warning: '\u001B[33m', dim: '\u001B[2m', reset: '\u001B[0m' };

/**
 * `file:line:col: error: message`, the source line with a caret under the column, and the hint.
 * Control characters in file texts are made visible. No colour unless `color`.
 */
export function renderDiagnostic(diagnostic: Diagnostic, options: { readonly color?: boolean } = {}): string {
  const { severity, file, line, column, message, hint, source_line: source } = diagnostic;
  const paint = (color: keyof typeof COLORS, text: string) =>
    options.color ? `${COLORS[color]}${text}${COLORS.reset}` : text;
  const lines = [
    `${visible(file)}:${line}:${column}: ${paint(severity, `${severity}:`)} ${visible(message)}`,
  ];
  if (source !== undefined && source.trim() !== '') {
    const { text, pad } = displayColumn(source, column);
    const gutter = ' '.repeat(String(line).length);
    lines.push(`  ${paint('dim', `${line} |`)} ${text}`);
    lines.push(`  ${gutter} ${paint('dim', '|')} ${pad}${paint(severity, '^')}`);
  }
  if (hint !== undefined) lines.push(`  hint: ${visible(hint)}`);
  return lines.join('\n');
}
