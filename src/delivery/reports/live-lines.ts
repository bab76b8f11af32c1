import type { ReportReader, TestCase } from './test-results.ts';

/** Reads what live-reporter.ts writes: one test a line. A line that is none, or not whole, says nothing. */
export function liveLines(): ReportReader {
  return {
    line: (line) => {
      const test = parse(line);
      return test ? [test] : [];
    },
    end: () => [],
  };
}

function parse(line: string): TestCase | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isTest(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isTest(value: unknown): value is TestCase {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'name' in value &&
    typeof value.name === 'string' &&
    'status' in value &&
    (value.status === 'passed' || value.status === 'failed' || value.status === 'skipped')
  );
}
