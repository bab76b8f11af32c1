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
  const service = { base: null, files_count: 1, build: true, rule: 'changed', reason: 'it changed' };
  const withService = analysis([], { web: service });
  expect(readAnalysis({ ...withService })).toEqual(withService);
});

test('what is no decision among them decides nothing', () => {
  const { evidence: _, ...decision } = SKIP_BACKEND;
  const bad = [null, 'skip_pipeline', 7, { ...decision, action: 1 }, { ...decision, rule: null }];
  const decisions = [...bad, { ...decision, reason: [] }, decision];
  expect(readAnalysis({ ...analysis([]), decisions })?.decisions).toEqual([decision]);
});

test.each([
  {},
  { changes: 'many', decisions: [] },
  { changes: { any: true }, decisions: [] },
  { changes: { ...analysis([]).changes, services: { web: 1 } }, decisions: [] },
  { changes: { ...analysis([]).changes, services: { web: { build: 'yes' } } }, decisions: [] },
  { changes: { ...analysis([]).changes, services: { web: {} } }, decisions: [] },
  { changes: { ...analysis([]).changes, any: 'yes' }, decisions: [] },
  { changes: { ...analysis([]).changes, head: null }, decisions: [] },
  { changes: { ...analysis([]).changes, counts: 1 }, decisions: [] },
  { ...analysis([]), decisions: 'none' },
])('what is no analysis is not taken for one: %j', (variables) => {
  expect(readAnalysis(variables)).toBeUndefined();
});

test('everything is tested and built where nothing was analysed', () => {
  const everything = {
    run: true,
    rule: 'no-analysis',
    reason: 'no analysis of changes ran before',
    leave_out: [],
  };
  expect(shouldTest(undefined, 'unit')).toEqual(everything);
  expect(shouldBuild(undefined, 'web')).toEqual(everything);
});

test('a suite is left out by its decision, and all of them when the pipeline is skipped', () => {
  const config = analysis([
    { action: 'skip_unit_test', reason: 'only configuration changed', rule: 'config-only', evidence: [] },
  ]);
  expect(shouldTest(config, 'unit')).toEqual({
    run: false,
    rule: 'config-only',
    reason: 'only configuration changed',
    leave_out: [],
  });
  expect(shouldTest(config, 'security')).toEqual({
    run: true,
    rule: 'changed',
    reason: 'no rule leaves it out',
    leave_out: [],
  });
  const all = analysis([{ action: 'run_all', reason: 'a lock file', rule: 'lockfile', evidence: [] }]);
  expect(shouldTest(all, 'unit')).toEqual({
    run: true,
    rule: 'lockfile',
    reason: 'a lock file',
    leave_out: [],
  });
  const nothing = analysis([{ action: 'skip_pipeline', reason: 'nothing', rule: 'no-change', evidence: [] }]);
  expect(shouldTest(nothing, 'security')).toMatchObject({ run: false, rule: 'no-change' });
});

test('skipped backend tests narrow the unit suite and leave the others whole', () => {
  const frontend = analysis([SKIP_BACKEND]);
  expect(shouldTest(frontend, 'unit')).toMatchObject({ run: true, leave_out: ['server/**'] });
  expect(shouldTest(frontend, 'e2e')).toMatchObject({ run: true, leave_out: [] });
  expect(shouldTest(frontend, 'backend')).toMatchObject({ run: false });
  const { leave_out: _, ...whole } = SKIP_BACKEND;
  expect(shouldTest(analysis([whole]), 'unit')).toMatchObject({ run: true, leave_out: [] });
});

test('a service is built as the analysis says; an unknown one is', () => {
  const web = {
    base: null,
    files_count: 1,
    build: false,
    rule: 'untouched',
    reason: 'no frontend file changed',
  };
  expect(shouldBuild(analysis([], { web }), 'web')).toEqual({
    run: false,
    rule: 'untouched',
    reason: 'no frontend file changed',
    leave_out: [],
  });
  expect(shouldBuild(analysis([], { web }), 'constructor')).toMatchObject({
    run: true,
    reason: 'the analysis knows no service constructor',
  });
});
