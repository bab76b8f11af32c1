import type { TestCounts } from '../../core/stream-report.ts';

/** One test as a report tells of it. */
export interface TestCase {
  /** The same for a later try of the same test: the last one counts. */
  readonly id: string;
  /** With the names of the groups around it. */
  readonly name: string;
  readonly file?: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly duration_ms?: number;
  /** Of a failed one: what went wrong. */
  readonly message?: string;
}

/** Tests by id, in the order in which they first ended. */
export class TestResults {
  readonly #cases = new Map<string, TestCase>();
  readonly #counts = { passed: 0, failed: 0, skipped: 0 };

  add(test: TestCase): void {
    const before = this.#cases.get(test.id);
    if (before) this.#counts[before.status] -= 1;
    this.#cases.set(test.id, test);
    this.#counts[test.status] += 1;
  }

  get counts(): TestCounts {
    return { ...this.#counts };
  }

  get cases(): readonly TestCase[] {
    return [...this.#cases.values()];
  }

  get isEmpty(): boolean {
    return this.#cases.size === 0;
  }
}

/** Something that takes the lines of a report while it is written. */
export interface ReportReader {
  readonly line: (line: string) => readonly TestCase[];
  /** What the last lines still held back. */
  readonly end: () => readonly TestCase[];
}
