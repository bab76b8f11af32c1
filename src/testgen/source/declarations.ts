import type { ChangedSymbol } from '../../core/testgen.ts';
import { blank } from './blank.ts';
import { depthsOf, endByDepth, inBraces } from './brace-declarations.ts';
import type { Language } from './language.ts';
import { endByIndent, inPython } from './python-declarations.ts';

/** A function, class, method, constant or type of a file, as far as can be told without a compiler. */
export type Declaration = Omit<ChangedSymbol, 'change'>;

const LONGEST_SIGNATURE = 200;
/** A file with longer lines is made by a machine. */
const LONGEST_LINE = 2000;

/** Declarations of a source text, in their order; methods as `Class.method`. Nothing inside functions is one. */
export function declarationsOf(text: string, language: Language): readonly Declaration[] {
  const bare = blank(text, language, 'comments and strings');
  const rows = bare.split('\n');
  if (rows.some((row) => row.length > LONGEST_LINE)) return [];
  const lines = text.split('\n');
  const depths = language === 'python' ? [] : depthsOf(rows);
  const found = language === 'python' ? inPython(rows) : inBraces(rows, depths, { language, bare });
  return found.map(({ row, ...rest }) => ({
    ...rest,
    line: row + 1,
    end_line: (language === 'python' ? endByIndent(rows, row) : endByDepth(rows, depths, row)) + 1,
    signature: (lines[row] ?? '')
      .trim()
      .replace(/\s*\{$/, '')
      .slice(0, LONGEST_SIGNATURE),
  }));
}
