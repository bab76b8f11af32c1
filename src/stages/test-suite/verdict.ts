import type { Failure } from '../../core/failure.ts';
import type { SuiteResult } from './suite.ts';

/** Names of failing tests in the message of a failure. */
const MOST_NAMES = 5;

export interface StageVerdict {
  /** CRITICAL: the stage fails. */
  readonly failure?: Failure;
  /** WARNING: recorded, and the stage goes on, unless there are too many. */
  readonly warnings: readonly string[];
  /** Said like a warning, but no finding: what was not measured. It never makes a stage fail. */
  readonly notes: readonly string[];
}

/**
 * Spec 2: one failing critical suite fails the stage, warnings are recorded, and `maxWarnings` of them together are
 * critical. A critical suite that came to no answer has not passed, so it fails the stage too; unmeasured is not failed.
 */
export function verdictOf(tests: Readonly<Record<string, SuiteResult>>, maxWarnings: number): StageVerdict {
  const entries = Object.entries(tests);
  const bad = entries.filter(([, { verdict }]) => verdict === 'failed' || verdict === 'inconclusive');
  const critical = bad.filter(([, { level }]) => level === 'critical').map(sentence);
  const warnings = [
    ...bad.filter(([, { level }]) => level === 'warning').map(sentence),
    ...entries.flatMap(([, { warnings: own = [] }]) => own),
  ];
  const unmeasured = entries.filter(([, { verdict }]) => verdict === 'unmeasured').map(sentence);
  const notes =
    entries.length === 0 ? ['nothing was tested: no suite is configured and none was found'] : unmeasured;
  const messages = [...critical];
  if (warnings.length >= maxWarnings) {
    messages.push(`${warnings.length} warnings together are critical (test.max_warnings is ${maxWarnings})`);
  }
  if (messages.length === 0) return { warnings, notes };
  return { warnings, notes, failure: { reason: 'reported', message: messages.join('\n'), retryable: true } };
}

function sentence([name, { verdict, reason = '', failures = [] }]: readonly [string, SuiteResult]): string {
  const names = failures.slice(0, MOST_NAMES);
  const more = failures.length > names.length ? ['…'] : [];
  const list = names.length > 0 ? `: ${[...names, ...more].join('; ')}` : '';
  return `${name} ${verdict}: ${reason}${list}`;
}
