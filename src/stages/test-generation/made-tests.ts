import { ok, reported, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Idle } from '../../core/stage-kind.ts';
import { readTestgen, type TestCode, type VcsAnalysis } from '../../core/testgen.ts';

/** What stages after test-code-generation work on. */
export function madeTests(
  variables: JsonObject,
): Result<{ readonly code: TestCode; readonly analysis: VcsAnalysis }> {
  const code = readTestgen(variables, 'test_code_generation');
  const analysis = readTestgen(variables, 'vcs_analysis');
  return code && analysis
    ? ok({ code, analysis })
    : reported('it needs the outputs of vcs-analysis and test-code-generation before it');
}

/** Of a run in which no test came about: there is nothing to write of them. */
export function noTests(variables: JsonObject): Idle | undefined {
  return readTestgen(variables, 'test_code_generation')?.tests.length === 0
    ? { reason: 'no test was made', would_flip: 'a test of test-code-generation' }
    : undefined;
}
