import { expect, test } from 'vitest';
import { type Analysis, readAnalysis, shouldBuild, shouldTest } from '../../../src/core/analysis.ts';

function analysis(
  decisions: Analysis['decisions'],
  services: Analysis['changes']['services'] = {},
): Analysis {
  return {
    changes: {
      any: true,
      head: 'a'.repeat(40),
      base: null,
      is_dirty: false,
      files_count: 1,
      categories: { frontend: ['src/pages/home.tsx'] },
      counts: { frontend: 1 },
      is_truncated: false,
      services,
    },
    decisions,
  };
}

const SKIP_BACKEND = {
  action: 'skip_backend_test',
  reason: 'no backend file changed',
  rule: 'frontend-only',
  evidence: [],
  leave_out: ['server/**'],
};

test('an analysis is read back from the variables that later stages see', () => {
  const written = analysis([SKIP_BACKEND]);
  expect(readAnalysis({ ...written, params: {} })).toEqual(written);
});

test.each([
  {},
  { changes: 'many', decisions: [] },
  { changes: { any: true }, decisions: [] },
  { changes: { ...analysis([]).changes, services: { web: 1 } }, decisions: [] },
])('what is no analysis is not taken for one: %j', (variables) => {
  expect(readAnalysis(variables)).toBeUndefined();
});

test('everything is tested and built where nothing was analysed', () => {
  expect(shouldTest(undefined, 'unit')).toMatchObject({ run: true, leave_out: [] });
  expect(shouldBuild(undefined, 'web')).toMatchObject({ run: true });
});

test('a suite is left out by its decision, and all of them when the pipeline is skipped', () => {
  const config = analysis([
    { action: 'skip_unit_test', reason: 'only configuration changed', rule: 'config-only', evidence: [] },
  ]);
  expect(shouldTest(config, 'unit')).toMatchObject({ run: false, rule: 'config-only' });
  expect(shouldTest(config, 'security')).toMatchObject({ run: true });
  const nothing = analysis([{ action: 'skip_pipeline', reason: 'nothing', rule: 'no-change', evidence: [] }]);
  expect(shouldTest(nothing, 'security')).toMatchObject({ run: false, rule: 'no-change' });
});

test('skipped backend tests narrow the unit suite and leave the others whole', () => {
  const frontend = analysis([SKIP_BACKEND]);
  expect(shouldTest(frontend, 'unit')).toMatchObject({ run: true, leave_out: ['server/**'] });
  expect(shouldTest(frontend, 'e2e')).toMatchObject({ run: true, leave_out: [] });
  expect(shouldTest(frontend, 'backend')).toMatchObject({ run: false });
});

test('a service is built as the analysis says; an unknown one is', () => {
  const web = {
    base: null,
    files_count: 1,
    build: false,
    rule: 'untouched',
    reason: 'no frontend file changed',
  };
  expect(shouldBuild(analysis([], { web }), 'web')).toMatchObject({ run: false, rule: 'untouched' });
  expect(shouldBuild(analysis([], { web }), 'constructor')).toMatchObject({ run: true });
});
