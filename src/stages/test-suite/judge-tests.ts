import type { StepResult } from '../../core/stage-kind.ts';
import type { TestResults } from '../../delivery/reports/test-results.ts';
import { inconclusiveReason, type SuiteResult } from './suite.ts';

/** Names of failing tests that a result carries; the artifacts have all. */
const MOST_NAMES = 20;

/** What the tests of a suite come to: the runner's exit code decides, its report explains. */
export function judgeTests(
  results: TestResults,
  ended: StepResult,
  { level, runner }: { readonly level: SuiteResult['level']; readonly runner: string },
): SuiteResult {
  const { counts, isEmpty } = results;
  const failures = results.cases
    .filter(({ status }) => status === 'failed')
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
  const facts = {
    level,
    runner,
    duration_ms: ended.finished.duration_ms,
    ...(!isEmpty && counts),
    ...(failures.length > 0 && { failures }),
  };
  const cut = inconclusiveReason(ended);
  if (cut !== undefined) return { ...facts, verdict: 'inconclusive', reason: cut };
  if (counts.failed > 0) {
    return { ...facts, verdict: 'failed', reason: `${counts.failed} of ${total(results)} tests failed` };
  }
  if (ended.failure) return { ...facts, verdict: 'failed', reason: failureReason(ended, isEmpty) };
  if (!isEmpty && counts.passed === 0) {
    return { ...facts, verdict: 'unmeasured', reason: 'every test was skipped' };
  }
  if (isEmpty && runner !== 'other') {
    return { ...facts, verdict: 'unmeasured', reason: 'no test was run' };
  }
  return { ...facts, verdict: 'passed' };
}

function total({ counts }: TestResults): number {
  return counts.passed + counts.failed + counts.skipped;
}

function failureReason({ failure }: StepResult, isEmpty: boolean): string {
  switch (failure?.reason) {
    case 'exit-non-zero': {
      const why = isEmpty ? 'before any test ended' : 'though no test failed';
      return `the command ended with exit code ${failure.exit_code} ${why}; its log says why`;
    }
    case 'command-not-found':
      return 'its command was not found';
    case 'command-not-executable':
      return 'its command may not be executed';
    default:
      return `it could not be run (${failure?.reason})`;
  }
}
