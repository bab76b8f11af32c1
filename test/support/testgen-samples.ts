import type {
  ChangedFile,
  ChangedSymbol,
  CommitMetadata,
  GeneratedTest,
  Review,
  TestCode,
  TestScenario,
  TestScenarios,
  TestStrategies,
  TestStrategy,
  VcsAnalysis,
} from '../../src/core/testgen.ts';

/** What the stages of test generation hand on, for one small change. */
const symbol: ChangedSymbol = {
  name: 'add',
  kind: 'function',
  line: 1,
  end_line: 3,
  change: 'modified',
  is_exported: true,
  signature: 'export function add(a, b) {',
};

const commit: CommitMetadata = {
  id: 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334',
  author: 'Ann',
  date: '2026-02-06T16:00:00+09:00',
  subject: 'add sums negative numbers',
  files: 1,
};

export const changedFile: ChangedFile = {
  path: 'src/add.js',
  status: 'modified',
  language: 'javascript',
  category: 'source',
  areas: [],
  added: 1,
  deleted: 1,
  is_binary: false,
  symbols: [symbol],
  hunks: [{ line: 2, lines: 1, deleted: 1 }],
  dependents: ['src/cart.js'],
  dependents_count: 1,
  tests: [],
  history: { commits: 3, fixes: 1 },
  commits: [commit.id],
};

export const analysis: VcsAnalysis = {
  vcs: 'git',
  base: 'b1b2c3d4e5f60718293a4b5c6d7e8f9001122334',
  head: commit.id,
  commits: [commit],
  files: [changedFile],
  statistics: {
    commits: 1,
    files: 1,
    added: 1,
    deleted: 1,
    by_status: { modified: 1 },
    by_category: { source: 1 },
    by_language: { javascript: 1 },
    symbols: 1,
    affected_files: 1,
  },
  diff_artifact: '/state/runs/1/artifacts/vcs_analysis/changes.diff',
  artifact: '/state/runs/1/artifacts/vcs_analysis/analysis.json',
  is_truncated: false,
};

export const strategy: TestStrategy = {
  id: 'unit-src-add-js',
  file: 'src/add.js',
  language: 'javascript',
  symbols: ['add'],
  type: 'unit',
  priority: 'high',
  risk: 70,
  reason: 'no test imports it',
  depends_on: [],
  framework: 'node',
  test_file: 'test/add.test.js',
  has_test_file: false,
  source: 'rules',
};

export const strategies: TestStrategies = {
  strategies: [strategy],
  matrix: { high: { unit: 1 } },
  source: 'rules',
  artifact: '/state/runs/1/artifacts/test_strategy/strategies.json',
};

const generated: GeneratedTest = {
  strategy_id: strategy.id,
  file: strategy.test_file,
  artifact: '/state/runs/1/artifacts/test_code_generation/test/add.test.js',
  hash: '0'.repeat(64),
  source: 'rules',
  cases: [{ id: 'add-1', name: 'adds two numbers', given: 'add(1, 2)', expects: '3' }],
  verdict: 'passed',
  checks: { runs: 3, passes: 3, detects_revert: true, coverage: 100 },
  reason: 'it passes with the change and fails without it',
};

export const code: TestCode = {
  tests: [generated],
  differences: [],
  left_out: [],
  counts: { passed: 1 },
  artifact: '/state/runs/1/artifacts/test_code_generation/tests.json',
};

const scenario: TestScenario = {
  id: 'sc-1',
  title: 'Two numbers are added',
  preconditions: [],
  steps: ['Call add with 1 and 2'],
  expected: '3',
  data: [{ name: 'a', value: '1' }],
  priority: 'high',
  covers: ['add-1'],
};

export const scenarios: TestScenarios = {
  scenarios: [scenario],
  files: ['/state/runs/1/artifacts/test_scenario_generation/scenarios.md'],
  artifact: '/state/runs/1/artifacts/test_scenario_generation/scenarios.json',
};

export const review: Review = {
  quality_score: 90,
  score_parts: [{ name: 'strategies with a test that holds', points: 40, of: 40 }],
  summary: ['quality 90 of 100'],
  files: [],
  findings: [{ severity: 'info', about: 'test/add.test.js', message: 'one case' }],
  recommendations: ['Add a case for negative numbers.'],
  artifact: '/state/runs/1/artifacts/review_generation/review.json',
};
