import { expect, test } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { readTestgen } from '../../../src/core/testgen.ts';
import { analysis, changedFile, code, review, scenarios, strategies } from '../../support/testgen-samples.ts';

const OUTPUTS = {
  vcs_analysis: analysis,
  test_strategy: strategies,
  test_code_generation: code,
  test_scenario_generation: scenarios,
  review_generation: review,
};

test('what one stage hands on, a later one reads', () => {
  const variables: JsonObject = JSON.parse(JSON.stringify(OUTPUTS));
  expect(readTestgen(variables, 'vcs_analysis')).toEqual(analysis);
  expect(readTestgen(variables, 'test_strategy')).toEqual(strategies);
  expect(readTestgen(variables, 'test_code_generation')).toEqual(code);
  expect(readTestgen(variables, 'test_scenario_generation')).toEqual(scenarios);
  expect(readTestgen(variables, 'review_generation')).toEqual(review);
});

test('what is not there, or of another shape, is not read', () => {
  expect(readTestgen({}, 'vcs_analysis')).toBeUndefined();
  const other = { ...analysis, files: [{ ...changedFile, status: 'moved' }] };
  expect(readTestgen({ vcs_analysis: other }, 'vcs_analysis')).toBeUndefined();
  expect(readTestgen({ test_strategy: 'all' }, 'test_strategy')).toBeUndefined();
});
