import type { ChangedSymbol } from '../../core/testgen.ts';
import { essence } from './blank.ts';
import { type Declaration, declarationsOf } from './declarations.ts';
import type { Language } from './language.ts';

/**
 * Declarations that differ between two texts of a file: the innermost, and a class itself only where something of it
 * outside its methods differs. Comments and spacing do not count. `undefined` is a file that is not there.
 */
export function changedSymbols(
  old: string | undefined,
  text: string | undefined,
  language: Language,
): readonly ChangedSymbol[] {
  const earlier = partsOf(old, language);
  const later = partsOf(text, language);
  const changed = [...later].flatMap(([name, { declaration, code }]): readonly ChangedSymbol[] => {
    const before = earlier.get(name);
    if (!before) return [{ ...declaration, change: 'added' }];
    return before.code === code ? [] : [{ ...declaration, change: 'modified' }];
  });
  const gone = [...earlier].flatMap(([name, { declaration }]): readonly ChangedSymbol[] =>
    later.has(name) ? [] : [{ ...declaration, change: 'deleted' }],
  );
  return [...changed, ...gone];
}

/** Each declaration with what it consists of, methods taken out of their classes. The same name twice is one. */
function partsOf(
  text: string | undefined,
  language: Language,
): ReadonlyMap<string, { readonly declaration: Declaration; readonly code: string }> {
  if (text === undefined) return new Map();
  const lines = text.split('\n');
  const declarations = declarationsOf(text, language);
  const parts = new Map<string, { readonly declaration: Declaration; readonly code: string }>();
  for (const declaration of declarations) {
    const { name, kind, line, end_line: end } = declaration;
    const methods = kind === 'class' ? declarations.filter((other) => other.name.startsWith(`${name}.`)) : [];
    const own = lines
      .slice(line - 1, end)
      .filter((_, index) => !methods.some((method) => isIn(line + index, method)));
    const known = parts.get(name);
    const code = essence(own.join('\n'), language);
    parts.set(name, known ? { ...known, code: `${known.code}\n${code}` } : { declaration, code });
  }
  return parts;
}

function isIn(line: number, { line: first, end_line: last }: Declaration): boolean {
  return line >= first && line <= last;
}
