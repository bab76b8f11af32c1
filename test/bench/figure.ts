import { ratios, type Spread, spread, type Times } from './measure.ts';

/** One line of the table. */
export interface Figure {
  readonly name: string;
  readonly unit: 'x' | 'ms' | 'MB' | 'bytes' | '%' | 'requests';
  readonly value: Spread;
  /** The greatest median that is good enough; absent for what is only told. */
  readonly limit?: number;
  /** Medians behind a ratio, milliseconds. */
  readonly detail?: string;
}

/** How a subject compares with another one, round by round. */
export function ratioFigure(
  name: string,
  times: Times,
  pair: { readonly subject: string; readonly against: string },
  limit?: number,
): Figure {
  const { subject, against } = pair;
  const middle = (key: string): string => `${key} ${spread(times[key] ?? []).median.toFixed(0)} ms`;
  return {
    name,
    unit: 'x',
    value: ratios(times, subject, against),
    ...(limit !== undefined && { limit }),
    detail: `${middle(subject)}, ${middle(against)}`,
  };
}

export function isMet({ value, limit }: Figure): boolean {
  return limit === undefined || value.median <= limit;
}

/** Lines of equal columns. */
export function table(figures: readonly Figure[]): string[] {
  const rows = figures.map((figure) => [
    figure.name,
    `${show(figure.value.median)} ${figure.unit}`,
    `${show(figure.value.min)}..${show(figure.value.max)}`,
    figure.limit === undefined ? '' : `<= ${show(figure.limit)}`,
    figure.limit === undefined ? '' : isMet(figure) ? 'met' : 'MISSED',
    figure.detail ?? '',
  ]);
  const all = [['figure', 'median', 'min..max', 'target', '', 'medians'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function show(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
