import { isObject } from '../../core/json.ts';
import type { TestCase } from './test-results.ts';
import { listOf, parseJson, textOf } from './unknown-json.ts';

/** The tests of a JSON report as jest and vitest (`testResults`) or mocha (`stats`, `tests`) write it; undefined when it is none. */
export function readJsonReport(text: string): readonly TestCase[] | undefined {
  const report = parseJson(text);
  if (!isObject(report)) return undefined;
  const { testResults, tests, stats } = report;
  if (Array.isArray(testResults)) return testResults.flatMap((file: unknown) => jestFile(file));
  if (Array.isArray(tests) && isObject(stats)) {
    const pending = new Set(listOf(report['pending']).map(titleOf));
    return tests.map((test: unknown, index) => mochaTest(test, { index, pending }));
  }
  return undefined;
}

function jestFile(file: unknown): readonly TestCase[] {
  if (!isObject(file)) return [];
  const name = textOf(file['name']) ?? 'tests';
  const cases = listOf(file['assertionResults']).map((test, index) => jestTest(test, { name, index }));
  // A file that could not even be loaded has no tests in it.
  if (cases.length > 0 || file['status'] !== 'failed') return cases;
  const message = textOf(file['message']) ?? 'the file could not be loaded';
  return [{ id: name, name, file: name, status: 'failed', message }];
}

function jestTest(
  test: unknown,
  { name, index }: { readonly name: string; readonly index: number },
): TestCase {
  const facts = isObject(test) ? test : {};
  const status = statusOf(textOf(facts['status']));
  const message = listOf(facts['failureMessages']).map(String).join('\n');
  const durationMs = facts['duration'];
  return {
    id: `${name}#${index}`,
    name: textOf(facts['fullName']) ?? textOf(facts['title']) ?? `test ${index + 1}`,
    file: name,
    status,
    ...(typeof durationMs === 'number' && { duration_ms: durationMs }),
    ...(status === 'failed' && { message }),
  };
}

function mochaTest(
  test: unknown,
  { index, pending }: { readonly index: number; readonly pending: ReadonlySet<string> },
): TestCase {
  const facts = isObject(test) ? test : {};
  const { err } = facts;
  const hasFailed = isObject(err) && Object.keys(err).length > 0;
  const durationMs = facts['duration'];
  const file = textOf(facts['file']);
  const message = isObject(err) ? textOf(err['message']) : undefined;
  return {
    id: `mocha-${index}`,
    name: titleOf(test),
    status: hasFailed ? 'failed' : pending.has(titleOf(test)) ? 'skipped' : 'passed',
    ...(file !== undefined && { file }),
    ...(typeof durationMs === 'number' && { duration_ms: durationMs }),
    ...(hasFailed && message !== undefined && { message }),
  };
}

function titleOf(test: unknown): string {
  return (isObject(test) && (textOf(test['fullTitle']) ?? textOf(test['title']))) || 'test';
}

function statusOf(word: string | undefined): TestCase['status'] {
  if (word === 'passed' || word === 'failed') return word;
  return 'skipped';
}
