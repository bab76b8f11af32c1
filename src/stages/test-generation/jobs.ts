import { existsSync } from 'node:fs';
import path from 'node:path';
import type { JsonObject } from '../../core/json.ts';
import type { LeftOutOfTests, TestStrategy, VcsAnalysis } from '../../core/testgen.ts';
import type { Language } from '../../testgen/characterize/value.ts';
import { freeName } from '../../testgen/write/test-place.ts';
import type { Job } from './work.ts';

const KNOWN: ReadonlySet<string> = new Set<Language>(['javascript', 'typescript', 'python', 'go']);

/** The ways by which tests are made in this run. */
export interface Uses {
  readonly calls: boolean;
  readonly model: boolean;
}

/** Names of test files by strategy and way; recorded, because later the copies hold the tests themselves. */
export function namesFor(
  strategies: readonly TestStrategy[],
  uses: Uses,
  root: string,
): Record<string, string> {
  const names: Record<string, string> = {};
  const taken = new Set<string>();
  const named = new Set<string>();
  const name = (wanted: string): string => {
    const free = freeName(wanted, (file) => taken.has(file) || existsSync(path.join(root, file)));
    taken.add(free);
    return free;
  };
  for (const { id, file, test_file: wanted } of strategies) {
    if (uses.calls && !named.has(file)) names[`${id} rules`] = name(wanted);
    if (uses.model) names[`${id} model`] = name(wanted);
    named.add(file);
  }
  return names;
}

/** What is to be done for each strategy, in their order, and the strategies that nothing can be done for. */
export function jobsOf(
  strategies: readonly TestStrategy[],
  { analysis, names }: { readonly analysis: VcsAnalysis; readonly names: JsonObject },
): { readonly jobs: readonly Job[]; readonly leftOut: readonly LeftOutOfTests[] } {
  const characterized = new Set<string>();
  const leftOut: LeftOutOfTests[] = [];
  const jobs = strategies.flatMap((strategy): readonly Job[] => {
    const { id, file, framework, language } = strategy;
    const changed = analysis.files.find((one) => one.path === file);
    const reason = reasonAgainst(strategy, changed);
    if (!changed || framework === undefined || !isKnown(language) || reason !== undefined) {
      leftOut.push({ strategy_id: id, file, function: '', reason: reason ?? 'unknown' });
      return [];
    }
    const isCharacterized = characterized.has(file);
    characterized.add(file);
    const named = (way: string): string => {
      const known = names[`${id} ${way}`];
      return typeof known === 'string' ? known : strategy.test_file;
    };
    const files = { rules: named('rules'), model: named('model') };
    return [{ strategy, language, framework, changed, files, isCharacterized }];
  });
  return { jobs, leftOut };
}

function isKnown(language: string): language is Language {
  return KNOWN.has(language);
}

function reasonAgainst(
  { file, test_file: test, language, framework }: TestStrategy,
  changed: { readonly status: string } | undefined,
): string | undefined {
  if (!changed) return 'the analysis does not hold its file';
  if (changed.status === 'deleted') return 'its file was deleted';
  if (file.startsWith('..') || test.startsWith('..') || path.isAbsolute(test))
    return 'it lies outside the project';
  if (!isKnown(language)) return `tests in ${language === '' ? 'its language' : language} are not written`;
  if (framework === undefined) return 'no test framework is known for it';
  return undefined;
}
