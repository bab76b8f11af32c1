import type { ChangedSymbol } from '../../core/testgen.ts';

/** The beginning of a declaration: where its line is, and what it is. */
export interface Found extends Pick<ChangedSymbol, 'name' | 'kind' | 'is_exported'> {
  /** From 0. */
  readonly row: number;
}

/** How deep the braces, brackets and parentheses of a line go in the end; strings and comments must be blank. */
export function balanceOf(line: string): number {
  return (line.match(/[([{]/g)?.length ?? 0) - (line.match(/[)\]}]/g)?.length ?? 0);
}
