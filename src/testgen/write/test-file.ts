/** One case of a test file that is being made: its text stands alone between `head` and `tail`. */
export interface DraftCase {
  readonly id: string;
  /** As the runner will report it. */
  readonly name: string;
  /** What goes in, and what is expected of it: for people. */
  readonly given: string;
  readonly expects: string;
  readonly code: string;
}

/** A test file in parts, so that a case which does not hold can be taken out. */
export interface DraftTest {
  /** Relative to the project. */
  readonly file: string;
  readonly head: string;
  readonly cases: readonly DraftCase[];
  readonly tail: string;
}

/** The file with these cases of it. */
export function renderTest({ head, tail }: DraftTest, cases: readonly DraftCase[]): string {
  const body = cases.map(({ code }) => code.trimEnd()).join('\n\n');
  return `${[head.trimEnd(), body, tail.trim()].filter((part) => part !== '').join('\n\n')}\n`;
}
