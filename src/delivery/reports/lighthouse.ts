import { median } from '../median.ts';
import { isObject } from '../../core/json.ts';
import { parseJson } from './unknown-json.ts';

/** Scores of one run, 0 to 1, by category; null where Lighthouse could not tell. */
export interface LighthouseRun {
  readonly scores: Readonly<Record<string, number | null>>;
  /** Why it measured nothing. */
  readonly error?: string;
}

/** One JSON report of Lighthouse; undefined when it is none. */
export function readLighthouse(text: string): LighthouseRun | undefined {
  const report = parseJson(text);
  if (!isObject(report) || !isObject(report['categories'])) return undefined;
  const scores = Object.fromEntries(
    Object.entries(report['categories']).map(([name, category]) => {
      const score = isObject(category) ? category['score'] : null;
      return [name, typeof score === 'number' ? score : null];
    }),
  );
  const { runtimeError } = report;
  const message = isObject(runtimeError) ? runtimeError['message'] : undefined;
  return { scores, ...(typeof message === 'string' && { error: message }) };
}

/** The median of each category over the runs that have a score for it, and how many those are. */
export function medianScores(
  runs: readonly LighthouseRun[],
  categories: readonly string[],
): Readonly<Record<string, { readonly score: number | undefined; readonly runs: number }>> {
  return Object.fromEntries(
    categories.map((name) => {
      const scores = runs.flatMap(({ scores: of }) => {
        const score = of[name];
        return typeof score === 'number' ? [score] : [];
      });
      return [name, { score: median(scores), runs: scores.length }];
    }),
  );
}
