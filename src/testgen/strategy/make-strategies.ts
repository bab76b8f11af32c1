import type { ChangedFile, TestStrategies, TestStrategy, VcsAnalysis } from '../../core/testgen.ts';
import { priorityOf, riskOf } from '../analysis/risk.ts';
import type { TestCustoms } from './frameworks.ts';
import { inOrder } from './order.ts';
import { leftOutBecause, type Wanted, wantedFor } from './rules.ts';

export interface Strategies {
  readonly strategies: readonly TestStrategy[];
  /** Changed files without one, and why. */
  readonly left_out: readonly { readonly file: string; readonly reason: string }[];
}

/** What the rules ask for, in the order to work in, at most `limit`. The same analysis always gives the same list. */
export function makeStrategies(analysis: VcsAnalysis, customs: TestCustoms, limit: number): Strategies {
  const found = analysis.files.map((file) => ({ file, wanted: wantedFor(file, analysis) }));
  const strategies = found.flatMap(({ file, wanted }) => wanted.map((one) => strategyOf(file, one, customs)));
  const ordered = inOrder(strategies, analysis.files);
  const kept = ordered.slice(0, limit);
  const names = new Set(kept.map(({ id }) => id));
  const left = found.filter(({ wanted }) => wanted.length === 0);
  return {
    strategies: kept.map((one) => ({ ...one, depends_on: one.depends_on.filter((id) => names.has(id)) })),
    left_out: [
      ...left.map(({ file }) => ({ file: file.path, reason: leftOutBecause(file) })),
      ...ordered
        .slice(limit)
        .map(({ file, type }) => ({ file, reason: `its ${type} test is beyond the first ${limit}` })),
    ],
  };
}

function strategyOf(file: ChangedFile, { type, extra, reason }: Wanted, customs: TestCustoms): TestStrategy {
  const { risk, reasons } = riskOf(file);
  const whole = Math.min(100, risk + extra);
  const symbols = file.symbols.filter(({ change, kind }) => change !== 'deleted' && kind !== 'type');
  return drawUp(file, customs, {
    type,
    risk: whole,
    priority: priorityOf(whole),
    symbols: symbols.map(({ name }) => name),
    reason: [reason, ...reasons.slice(0, 2)].join('; '),
    source: 'rules',
  });
}

/** What a strategy has from its file, whoever asks for it. */
export function drawUp(
  file: ChangedFile,
  customs: TestCustoms,
  own: Pick<TestStrategy, 'type' | 'risk' | 'priority' | 'symbols' | 'reason' | 'source'>,
): TestStrategy {
  const framework = customs.frameworkOf(file.language);
  const place = customs.placeOf(file.path);
  return {
    id: `${own.type}-${slugOf(file.path)}`,
    file: file.path,
    language: file.language,
    depends_on: [],
    ...(framework !== undefined && { framework }),
    test_file: place.file,
    has_test_file: place.exists,
    ...own,
  };
}

/** Short, and different for different files: two that would look alike are told apart by a number made of the name. */
function slugOf(file: string): string {
  const plain = file
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  let sum = 0;
  for (const letter of file) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 0xffffff;
  return `${plain.slice(-48).replace(/^-/, '')}-${sum.toString(16).padStart(6, '0')}`;
}

/** Priority × type: how many. */
export function matrixOf(strategies: readonly TestStrategy[]): TestStrategies['matrix'] {
  const matrix: TestStrategies['matrix'] = {};
  for (const { priority, type } of strategies) {
    const row = (matrix[priority] ??= {});
    row[type] = (row[type] ?? 0) + 1;
  }
  return matrix;
}
