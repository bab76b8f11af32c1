import { readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { shellQuote } from '../../core/shell-quote.ts';
import { slug } from '../../core/engine/slug.ts';
import { readJsonReport } from '../../delivery/reports/json-report.ts';
import { readJunit, writeJunit } from '../../delivery/reports/junit.ts';
import { LineTail } from '../../delivery/reports/line-tail.ts';
import { liveLines } from '../../delivery/reports/live-lines.ts';
import { tapReader } from '../../delivery/reports/tap.ts';
import { type ReportReader, type TestCase, TestResults } from '../../delivery/reports/test-results.ts';
import type { SuiteLook, SuiteName, SuitePlace } from './suite.ts';

/** A report larger than this, bytes, is not read. */
const LARGEST_REPORT = 256 * 1024 * 1024;

/** Where a suite's tests can be read while they run. */
export interface TestFiles {
  /** One line a test, or TAP. */
  readonly live: string;
  /** What a command of the user's may write: JUnit, JSON of jest, vitest or mocha, or TAP. */
  readonly own: string;
}

/** Of one attempt: what an earlier one left must not be read as its result. */
export function testFiles(name: SuiteName, { reports, attempt }: SuitePlace): TestFiles {
  const again = attempt > 1 ? `@${attempt}` : '';
  return {
    live: path.join(reports, `.${name}${again}.live`),
    own: path.join(reports, `.${name}${again}.report`),
  };
}

/** Collects the tests of a running suite, from its live report or, where it has none, from TAP in its log. */
export class TestWatch {
  readonly #results = new TestResults();
  readonly #sources: readonly (readonly [LineTail, ReportReader])[];
  readonly #files: TestFiles;
  readonly #folder: string;

  constructor(
    files: TestFiles,
    how: { readonly live: 'lines' | 'tap' | 'log'; readonly log: string; readonly folder: string },
  ) {
    this.#files = files;
    this.#folder = how.folder;
    this.#sources =
      how.live === 'log'
        ? [[new LineTail(how.log), tapReader()]]
        : [[new LineTail(files.live), how.live === 'tap' ? tapReader() : liveLines()]];
  }

  look(): SuiteLook {
    for (const [tail, reader] of this.#sources) tail.read((line) => this.#add(reader.line(line)));
    return { counts: this.#results.counts };
  }

  /** Everything that was reported; a report of the command's own counts for more than what its log says. */
  end(): TestResults {
    for (const [tail, reader] of this.#sources) {
      tail.end((line) => this.#add(reader.line(line)));
      this.#add(reader.end());
    }
    const own = readOwn(this.#files.own);
    if (!own) return this.#results;
    const results = new TestResults();
    for (const test of own) results.add(this.#near(test));
    return results;
  }

  #add(tests: readonly TestCase[]): void {
    for (const test of tests) this.#results.add(this.#near(test));
  }

  /** Files as seen from the project; a file that could not be loaded is its own name. */
  #near(test: TestCase): TestCase {
    const { file, name } = test;
    if (file === undefined || !path.isAbsolute(file)) return test;
    const relative = path.relative(this.#folder, file);
    if (relative.startsWith('..')) return test;
    return { ...test, file: relative, name: name === file ? relative : name };
  }
}

function readOwn(file: string): readonly TestCase[] | undefined {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined || size > LARGEST_REPORT) return undefined;
  const text = readFileSync(file, 'utf8').trimStart();
  if (text.startsWith('<')) return readJunit(text);
  if (text.startsWith('{')) return readJsonReport(text);
  const reader = tapReader();
  const cases = text.split('\n').flatMap((line) => reader.line(line));
  return [...cases, ...reader.end()];
}

/** What an interrupted try of the same attempt left is taken away by the script itself, so that an adopted one keeps it. */
export function forget({ live, own }: TestFiles): string {
  return `rm -f -- ${shellQuote(live)} ${shellQuote(own)}\n`;
}

/** The log of a suite's step. */
export function logOf(name: SuiteName, { logs, stage, attempt }: SuitePlace): string {
  const again = attempt > 1 ? `@${attempt}` : '';
  return path.join(logs, `${slug(stage)}.${slug(name)}${again}.log`);
}

/** Keeps JUnit XML and JSON as artifacts, and lets the live report go. */
export async function keepReports(
  name: SuiteName,
  { results, durationMs }: { readonly results: TestResults; readonly durationMs: number },
  place: SuitePlace,
): Promise<void> {
  const { counts, cases } = results;
  await place.keep(`${name}.xml`, writeJunit(name, cases, { counts, durationMs, at: place.now() }));
  const text = JSON.stringify({ suite: name, ...counts, tests: cases }, null, 1);
  await place.keep(`${name}.json`, `${text}\n`);
  rmSync(testFiles(name, place).live, { force: true });
}
