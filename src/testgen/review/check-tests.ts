import { keyIn } from '../../core/secret-reference.ts';
import type { GeneratedTest, Review, TestCode, TestStrategies, VcsAnalysis } from '../../core/testgen.ts';

export type Finding = Review['findings'][number];

/** What is reviewed: results of the stages before, and the texts of the tests by their file. */
export interface ReviewInput {
  readonly code: TestCode;
  readonly strategies: TestStrategies['strategies'];
  readonly analysis: VcsAnalysis;
  readonly texts: ReadonlyMap<string, string>;
}

/** Everything that a careful reader would say of the tests, the worst first. */
export function checkTests(input: ReviewInput): readonly Finding[] {
  const found = [
    ...secrets(input),
    ...withoutAssertions(input),
    ...uncovered(input),
    ...verdicts(input),
    ...notDetecting(input),
    ...duplicates(input),
    ...naming(input),
    ...leftOut(input),
  ];
  const rank = { error: 0, warning: 1, info: 2 } as const;
  return found.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
}

function secrets({ texts }: ReviewInput): readonly Finding[] {
  return [...texts].flatMap(([about, text]): readonly Finding[] => {
    const at = text.split('\n').findIndex((line) => keyIn(line) !== undefined);
    if (at < 0) return [];
    return [
      { severity: 'error', about, message: `line ${at + 1} looks like ${keyIn(text.split('\n')[at] ?? '')}` },
    ];
  });
}

/** As the frameworks that we know write them. */
const ASSERTION =
  /\bassert\w*\s*[.(]|\bassert\s+\S|\bexpect\s*\(|\bself\.(?:assert|fail)\w*\(|\bpytest\.raises\b|\bt\.(?:Error|Fatal|Fail|assert)\w*\b|\.should\b/g;

function withoutAssertions({ code, texts }: ReviewInput): readonly Finding[] {
  return code.tests.flatMap(({ file, cases }): readonly Finding[] => {
    const text = texts.get(file);
    if (text === undefined) return [];
    const count = text.match(ASSERTION)?.length ?? 0;
    if (count === 0) return [{ severity: 'error', about: file, message: 'it asserts nothing' }];
    if (count >= cases.length) return [];
    const message = `${count} assertions for ${cases.length} cases: some of them check nothing`;
    return [{ severity: 'warning', about: file, message }];
  });
}

function uncovered({ code, strategies }: ReviewInput): readonly Finding[] {
  const held = new Set(code.tests.filter(isHeld).map((test) => test.strategy_id));
  const files = new Set(code.tests.filter(isHeld).flatMap(({ strategy_id: id }) => fileOf(id, strategies)));
  return strategies.flatMap(({ id, file, priority, type }): readonly Finding[] => {
    if (held.has(id)) return [];
    const why = code.left_out.find((one) => one.strategy_id === id && one.function === '')?.reason;
    const message = `${type} (${priority}): no test that holds${why === undefined ? '' : `, ${why}`}`;
    return [{ severity: priority === 'high' && !files.has(file) ? 'warning' : 'info', about: file, message }];
  });
}

function fileOf(id: string, strategies: TestStrategies['strategies']): readonly string[] {
  return strategies.filter((one) => one.id === id).map(({ file }) => file);
}

export function isHeld({ verdict }: GeneratedTest): boolean {
  return verdict === 'passed';
}

function verdicts({ code }: ReviewInput): readonly Finding[] {
  return code.tests.flatMap(({ file, verdict, reason }): readonly Finding[] => {
    switch (verdict) {
      case 'inconclusive':
        return [{ severity: 'warning', about: file, message: `it cannot be relied on: ${reason}` }];
      case 'unmeasured':
        return [{ severity: 'warning', about: file, message: `it was not run: ${reason}` }];
      case 'failed':
        return [{ severity: 'info', about: file, message: `it did not hold and is dropped: ${reason}` }];
      case 'passed':
        return reason === '' ? [] : [{ severity: 'info', about: file, message: reason }];
      default:
        return verdict satisfies never;
    }
  });
}

function notDetecting({ code }: ReviewInput): readonly Finding[] {
  return code.tests.flatMap(({ file, checks }): readonly Finding[] =>
    checks.detects_revert === false
      ? [
          {
            severity: 'warning',
            about: file,
            message:
              'it passes on the code before the commits too: it would not notice if they were taken back',
          },
        ]
      : [],
  );
}

/** The same input and outcome twice; whether from one generator or from both. */
function duplicates({ code }: ReviewInput): readonly Finding[] {
  const seen = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const { file, cases } of code.tests.filter(isHeld)) {
    for (const { given, expects } of cases) {
      if (given === '') continue;
      const key = `${given}\n${expects}`;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, file);
      else counts.set(file, (counts.get(file) ?? 0) + 1);
    }
  }
  return [...counts].map(([about, count]) => ({
    severity: 'info',
    about,
    message: `${count === 1 ? 'one case is' : `${count} cases are`} in another generated test as well`,
  }));
}

/** How the project names its tests, as far as all of those that were seen agree. */
function naming({ code, analysis }: ReviewInput): readonly Finding[] {
  const existing = new Set(
    analysis.files.flatMap(({ tests, category, path }) => (category === 'test' ? [...tests, path] : tests)),
  );
  return code.tests.flatMap(({ file }): readonly Finding[] => {
    const ending = file.slice(file.lastIndexOf('.'));
    const styles = new Set([...existing].filter((name) => name.endsWith(ending)).map(styleOf));
    if (styles.size !== 1 || styles.has(styleOf(file))) return [];
    return [{ severity: 'info', about: file, message: `the project names its tests ${[...styles][0]}` }];
  });
}

function styleOf(file: string): string {
  const base = file.split('/').at(-1) ?? file;
  if (/\.test\.[^.]+$/.test(base)) return '*.test.*';
  if (/\.spec\.[^.]+$/.test(base)) return '*.spec.*';
  if (/^test[_-]/.test(base)) return 'test_*';
  return /[_-]test\.[^.]+$/.test(base) ? '*_test' : 'in another way';
}

function leftOut({ code }: ReviewInput): readonly Finding[] {
  return code.left_out
    .filter((one) => one.function !== '')
    .map((one) => ({
      severity: 'info',
      about: `${one.file}: ${one.function}`,
      message: `left out: ${one.reason}`,
    }));
}
