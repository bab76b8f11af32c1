import type { ChangedFile } from '../../core/testgen.ts';

/** One reason why a file is more likely to be broken, and how much it counts. */
interface Factor {
  readonly points: number;
  readonly reason: string;
}

/** 0 to 100: how much a mistake in this file's change would matter, and how likely it goes unseen. Untested code counts most. */
export function riskOf(file: ChangedFile): { readonly risk: number; readonly reasons: readonly string[] } {
  if (file.category !== 'source' && file.category !== 'database') return { risk: 0, reasons: [] };
  const factors = factorsOf(file).filter(({ points }) => points > 0);
  const risk = Math.min(
    100,
    factors.reduce((sum, { points }) => sum + points, 0),
  );
  return { risk, reasons: factors.toSorted((a, b) => b.points - a.points).map(({ reason }) => reason) };
}

function factorsOf(file: ChangedFile): readonly Factor[] {
  const { added, deleted, symbols, history, tests } = file;
  const lines = added + deleted;
  const dependents = file.dependents_count;
  const exported = symbols.filter((symbol) => symbol.is_exported).length;
  return [
    { points: tests.length === 0 ? 30 : 0, reason: 'no test imports it or is named after it' },
    { points: grown(lines, 25, 200), reason: counted(lines, 'line changed', 'lines changed') },
    {
      points: grown(dependents, 20, 20),
      reason: counted(dependents, 'file depends on it', 'files depend on it'),
    },
    {
      points: grown(exported, 10, 10),
      reason: counted(exported, 'exported declaration changed', 'exported declarations changed'),
    },
    {
      points: grown(history.fixes, 15, 5),
      reason: `${history.fixes} of its last ${history.commits} commits were fixes`,
    },
  ];
}

/** Up to `most` points, reached at `full`; the first ones count most. */
function grown(amount: number, most: number, full: number): number {
  return Math.round(most * Math.min(1, Math.sqrt(amount / full)));
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

export function priorityOf(risk: number): 'high' | 'medium' | 'low' {
  if (risk >= 60) return 'high';
  return risk >= 30 ? 'medium' : 'low';
}
