import { balanceOf, type Found } from './found.ts';

const DECLARATION = /^(\s*)(?:async\s+)?(def|class)\s+([A-Za-z_]\w*)/;
const CONSTANT = /^([A-Z][A-Z0-9_]*)\s*(?::[^=]+)?=(?!=)/;

/** A class at the beginning of a line, and how far its methods are indented, once one is known. */
interface Owner {
  readonly name: string;
  readonly indent: number;
}

/** Declarations of Python; `rows` without comments and strings. */
export function inPython(rows: readonly string[]): readonly Found[] {
  const found: Found[] = [];
  let owner: Owner | undefined;
  for (const [row, line] of rows.entries()) {
    const isTop = /^\S/.test(line);
    if (isTop) owner = undefined;
    const declared = isTop ? topOf(line, row) : owner && methodOf(line, row, owner);
    if (!declared) continue;
    found.push(declared);
    if (declared.kind === 'class') owner = { name: declared.name, indent: Number.POSITIVE_INFINITY };
    else if (owner) owner = { ...owner, indent: indentOf(line) };
  }
  return found;
}

function topOf(line: string, row: number): Found | undefined {
  const [, , word, name] = DECLARATION.exec(line) ?? [];
  if (name !== undefined) {
    return { row, name, kind: word === 'class' ? 'class' : 'function', is_exported: !name.startsWith('_') };
  }
  const constant = CONSTANT.exec(line)?.[1];
  return constant === undefined ? undefined : { row, name: constant, kind: 'constant', is_exported: true };
}

/** What is indented deeper than the first method lies in one. */
function methodOf(line: string, row: number, owner: Owner): Found | undefined {
  const [, space = '', word, name] = DECLARATION.exec(line) ?? [];
  if (name === undefined || word !== 'def' || space.length > owner.indent) return undefined;
  return { row, name: `${owner.name}.${name}`, kind: 'method', is_exported: !name.startsWith('_') };
}

function indentOf(line: string): number {
  return /^\s*/.exec(line)?.[0].length ?? 0;
}

/** The last row of what begins in a row: as long as it is indented deeper, or a bracket is open. */
export function endByIndent(rows: readonly string[], start: number): number {
  const own = indentOf(rows[start] ?? '');
  let [last, open] = [start, 0];
  for (const [index, line] of rows.slice(start).entries()) {
    const isEmpty = line.trim() === '';
    if (index > 0 && open === 0 && !isEmpty && indentOf(line) <= own) break;
    open += balanceOf(line);
    if (!isEmpty) last = start + index;
  }
  return last;
}
