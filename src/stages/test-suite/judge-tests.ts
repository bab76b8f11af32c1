import type { StepResult } from '../../core/stage-kind.ts';
import type { TestResults } from '../../delivery/reports/test-results.ts';
import { inconclusiveReason, type SuiteResult } from './suite.ts';

/** Names of failing tests that a result carries; the artifacts have all. */
const MOST_NAMES = 20;

interface TestsOf {
  readonly level: SuiteResult['level'];
  readonly runner: string;
  readonly isNamed: boolean;
}

/** What the tests of a suite come to: the runner's exit code decides, its report explains. */
export function judgeTests(results: TestResults, ended: StepResult, of: TestsOf): SuiteResult {
  const failures = results.cases
    .filter(({ status }) => status === 'failed')
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
  return {
    level: of.level,
    runner: of.runner,
    duration_ms: ended.finished.duration_ms,
    ...(!results.isEmpty && results.counts),
    ...(failures.length > 0 && { failures }),
    ...outcomeOf(results, ended, of),
  };
}

function outcomeOf(
  results: TestResults,
  ended: StepResult,
  { runner, isNamed }: TestsOf,
): Pick<SuiteResult, 'verdict' | 'reason'> {
  const { counts, isEmpty } = results;
  const cut = inconclusiveReason(ended);
  if (cut !== undefined) return { verdict: 'inconclusive', reason: cut };
  if (counts.failed > 0) {
    return { verdict: 'failed', reason: `${counts.failed} of ${total(results)} tests failed` };
  }
  if (ended.failure?.reason === 'command-not-found' && isEmpty && !isNamed) {
    const reason = 'its command was not found: are the dependencies installed (npm ci)?';
    return { verdict: 'unmeasured', reason };
  }
  if (ended.failure) return { verdict: 'failed', reason: failureReason(ended, { runner, isEmpty }) };
  if (!isEmpty && counts.passed === 0) return { verdict: 'unmeasured', reason: 'every test was skipped' };
  if (isEmpty && runner !== 'other') return { verdict: 'unmeasured', reason: 'no test was run' };
  return { verdict: 'passed' };
}

function total({ counts }: TestResults): number {
  return counts.passed + counts.failed + counts.skipped;
}

function failureReason(
  { failure }: StepResult,
  { runner, isEmpty }: { readonly runner: string; readonly isEmpty: boolean },
): string {
  switch (failure?.reason) {
    case 'exit-non-zero': {
      // Nobody can say how far a runner came that reports nothing.
      const uncounted = runner === 'other' ? '' : ' before any test ended';
      const why = isEmpty ? uncounted : ' though no test failed';
      return `the command ended with exit code ${failure.exit_code}${why}; its log says why`;
    }
    case 'command-not-found':
      return 'its command was not found';
    case 'command-not-executable':
      return 'its command may not be executed';
    default:
      return `it could not be run (${failure?.reason})`;
  }
}
