import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startAuditRegistry } from '../support/audit-registry.ts';
import { PINNED_NODE, type TemporaryProject, temporaryProject } from '../support/cli.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PIPELINE = 'name: check\nstages:\n  - {name: test, uses: test-suite}\n';

/** A project with that one stage. */
function project(files: Readonly<Record<string, string>>): TemporaryProject {
  return temporaryProject({ 'pipelines/check.yaml': PIPELINE, ...files });
}

/** Runs it and reads `tests.json`. */
async function suites(
  target: TemporaryProject,
  options: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
) {
  const { args = [], env } = options;
  // The pinned Node comes first: a test may not depend on that of the system.
  const PATH = `${path.dirname(PINNED_NODE)}:${process.env['PATH']}`;
  const { code, stdout, stderr } = await target.run(['run', 'check', '--output', 'json', ...args], {
    env: { PATH, ...env },
  });
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const runId: string = events[0]?.run_id ?? stderr;
  const artifacts = path.join(target.root, 'state/runs', runId, 'artifacts/test');
  const stage = events.find(({ type }) => type === 'stage.finished');
  const { tests } = JSON.parse(readFileSync(path.join(artifacts, 'tests.json'), 'utf8'));
  return { code, tests, artifacts, stage, events, runId };
}

function withVitest(target: TemporaryProject): void {
  mkdirSync(path.join(target.root, 'node_modules/.bin'), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules/vitest'), path.join(target.root, 'node_modules/vitest'));
  symlinkSync(
    path.join(ROOT, 'node_modules/.bin/vitest'),
    path.join(target.root, 'node_modules/.bin/vitest'),
  );
}

const VITEST = JSON.stringify({ name: 'x', scripts: { test: 'vitest run' } });

test('a project’s vitest is found, its tests are counted, JUnit and JSON are kept, a failing one fails the stage', async () => {
  using target = project({
    'package.json': VITEST,
    'a.test.js': `import { describe, expect, test } from 'vitest';
describe('sum', () => { test('adds', () => {}); test('is <wrong>', () => { expect(1).toBe(2); }); test.skip('later', () => {}); });`,
    'b.test.js': `import 'not-there';`,
  });
  withVitest(target);
  const { code, tests, artifacts, stage } = await suites(target);
  expect(code).toBe(1);
  expect(tests.unit).toMatchObject({ verdict: 'failed', runner: 'vitest', passed: 1, failed: 2, skipped: 1 });
  expect(stage.failure.message).toMatch(/^unit failed: 2 of 4 tests failed: .*sum > is <wrong>/);
  expect(readFileSync(path.join(artifacts, 'unit.xml'), 'utf8')).toContain(
    'name="sum &gt; is &lt;wrong&gt;"',
  );
  expect(JSON.parse(readFileSync(path.join(artifacts, 'unit.json'), 'utf8'))).toMatchObject({
    passed: 1,
    failed: 2,
  });
  const progress = JSON.parse(readFileSync(path.join(artifacts, 'progress.json'), 'utf8'));
  expect(progress.steps).toMatchObject([
    { name: 'unit', status: 'failed', counts: { passed: 1, failed: 2 } },
  ]);
});

test('tests are counted while they run', async () => {
  using target = project({
    'package.json': VITEST,
    'a.test.js': `import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
test('first', () => {});
test('waits until the first was seen', async () => { await expect.poll(() => existsSync('seen'), { timeout: 20_000 }).toBe(true); }, 30_000);`,
  });
  withVitest(target);
  let isSeen = false;
  const look = setInterval(() => {
    try {
      const [runId = ''] =
        readFileSync(path.join(target.root, 'state/index.ndjson'), 'utf8').match(/\d{8}-\d{6}-\w{7}/) ?? [];
      const file = path.join(target.root, 'state/runs', runId, 'artifacts/test/progress.json');
      const [unit] = JSON.parse(readFileSync(file, 'utf8')).steps;
      if (unit.status !== 'running' || unit.counts.passed !== 1) return;
      isSeen = true;
      target.write('seen', '');
    } catch {
      // Not there yet.
    }
  }, 50);
  const { code, tests } = await suites(target).finally(() => clearInterval(look));
  expect({ code, isSeen, verdict: tests.unit.verdict, passed: tests.unit.passed }).toEqual({
    code: 0,
    isSeen: true,
    verdict: 'passed',
    passed: 2,
  });
});

test('node --test, with coverage below what is asked for, ends as a warning', async () => {
  using target = project({
    'package.json': JSON.stringify({ name: 'x', type: 'module', scripts: { test: 'node --test a.test.js' } }),
    'pipewright.yaml': 'test: {unit: {coverage: 99}}\n',
    'lib.js':
      'export function used() {\n  return 1;\n}\nexport function unused() {\n  const a = 1;\n  const b = 2;\n  return a + b;\n}\n',
    'a.test.js': `import { test } from 'node:test';\nimport { used } from './lib.js';\ntest('one', () => { used(); });\ntest.todo('two');\n`,
  });
  const { code, tests, stage } = await suites(target);
  expect(tests.unit).toMatchObject({ verdict: 'passed', runner: 'node', passed: 1, skipped: 1 });
  expect(tests.unit.coverage_percent).toBeLessThan(99);
  expect({ code, status: stage.status }).toEqual({ code: 0, status: 'warning' });
  expect(stage.warnings).toEqual([
    expect.stringMatching(/^the unit tests cover [\d.]+ % of the lines, less than 99 %$/),
  ]);
});

test('a command of one’s own is believed by its exit code, and its report is read where it writes one', async () => {
  using target = project({
    'pipewright.yaml': `test:
  unit: {command: 'echo "<testsuite><testcase name=\\"a\\"/><testcase name=\\"b\\"><skipped/></testcase></testsuite>" > "$PIPEWRIGHT_REPORT"'}
  e2e: {command: 'printf "ok 1 - one\\nnot ok 2 - two\\n"; exit 3', verdict: warning}
`,
  });
  const { code, tests, stage } = await suites(target);
  expect(tests.unit).toMatchObject({ verdict: 'passed', passed: 1, skipped: 1, runner: 'other' });
  expect(tests.e2e).toMatchObject({ verdict: 'failed', passed: 1, failed: 1, level: 'warning' });
  expect({ code, status: stage.status }).toEqual({ code: 0, status: 'warning' });
});

test('a found test script whose program is not installed is unmeasured', async () => {
  using target = project({
    'package.json': JSON.stringify({ name: 'x', scripts: { test: 'no-such-runner' } }),
  });
  const { code, tests } = await suites(target);
  expect(code).toBe(0);
  expect(tests.unit).toMatchObject({ verdict: 'unmeasured', reason: expect.stringContaining('npm ci') });
});

test('what is missing fails a suite that somebody named, and leaves one that was only found unmeasured', async () => {
  using target = project({ 'package.json': VITEST, 'playwright.config.ts': '' });
  const found = await suites(target);
  expect(found.code).toBe(0);
  expect(found.tests).toMatchObject({
    unit: {
      verdict: 'unmeasured',
      reason: 'vitest is not installed in this project: run npm ci before the tests',
    },
    e2e: { verdict: 'unmeasured' },
  });
  expect(found.stage.status).toBe('warning');
  target.write(
    'pipewright.yaml',
    'test: {unit: {runner: vitest}, performance: {url: "http://127.0.0.1:9/"}}\n',
  );
  const named = await suites(target, { env: { PATH: path.dirname(PINNED_NODE) + ':/bin' } });
  expect(named.code).toBe(1);
  expect(named.tests).toMatchObject({
    unit: { verdict: 'failed' },
    performance: {
      verdict: 'failed',
      reason: expect.stringMatching(/^lighthouse is not installed|^there is no Chrome/),
    },
  });
});

const LOCK = JSON.stringify({
  name: 'x',
  version: '1.0.0',
  lockfileVersion: 3,
  packages: {
    '': { name: 'x', version: '1.0.0', dependencies: { left: '1.0.0' } },
    'node_modules/left': { version: '1.0.0' },
  },
});
const MANIFEST = JSON.stringify({ name: 'x', version: '1.0.0', dependencies: { left: '1.0.0' } });
const ADVISORIES = {
  left: [
    {
      id: 1094,
      url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
      title: 'left goes wrong',
      severity: 'high',
      vulnerable_versions: '<2.0.0',
      cwe: ['CWE-1'],
      cvss: { score: 7, vectorString: null },
    },
  ],
};

test('npm audit: a finding is critical, an allowed one is not, and after its last day it is again', async () => {
  await using registry = await startAuditRegistry(ADVISORIES);
  using target = project({
    'package.json': MANIFEST,
    'package-lock.json': LOCK,
    '.npmrc': `registry=${registry.url}\n`,
  });
  const first = await suites(target);
  expect(registry.asked).toContain('POST /-/npm/v1/security/advisories/bulk');
  expect(first.tests.security).toMatchObject({
    verdict: 'failed',
    findings: [{ id: 'GHSA-aaaa-bbbb-cccc', package: 'left' }],
  });
  expect(first.stage.failure.message).toBe('security failed: 1 high (left GHSA-aaaa-bbbb-cccc)');
  const allowed = (until: string): string =>
    `test: {security: {allow: [{id: GHSA-aaaa-bbbb-cccc, reason: not reached, until: ${until}}]}}\n`;
  target.write('pipewright.yaml', allowed('2999-12-31'));
  const second = await suites(target);
  expect(second.tests.security).toMatchObject({ verdict: 'passed', allowed: [{ reason: 'not reached' }] });
  expect(second.code).toBe(0);
  target.write('pipewright.yaml', allowed('2020-01-31'));
  const third = await suites(target);
  expect(third.code).toBe(1);
  expect(third.tests.security.reason).toBe(
    '1 high (left GHSA-aaaa-bbbb-cccc); GHSA-aaaa-bbbb-cccc was allowed until 2020-01-31',
  );
});

test('a registry without an audit leaves security unmeasured, not clean', async () => {
  await using registry = await startAuditRegistry({}, { status: 405 });
  using target = project({
    'package.json': MANIFEST,
    'package-lock.json': LOCK,
    '.npmrc': `registry=${registry.url}\n`,
  });
  const { code, tests, stage } = await suites(target);
  expect(tests.security).toMatchObject({ verdict: 'unmeasured', reason: expect.stringContaining('405') });
  expect({ code, status: stage.status }).toEqual({ code: 0, status: 'warning' });
});

test('what the analysis of changes leaves out is not run, and why says so', async () => {
  using target = project({
    'pipelines/check.yaml':
      'name: check\nstages:\n  - {name: analyze, uses: said}\n  - {name: test, uses: test-suite}\n',
    'pipelines/kinds/said.js': `import { defineStage, z } from 'pipewright';
export default defineStage({ kind: 'said', summary: 'x', schema: z.strictObject({}), run: async () => ({ ok: true, value: {
  changes: { any: true, head: 'a', base: null, files_count: 1, categories: { config: ['x'] }, counts: { config: 1 }, is_truncated: false, services: {} },
  decisions: [{ action: 'skip_unit_test', reason: 'only configuration changed', rule: 'config-only', evidence: [] }],
} }) });`,
    'pipewright.yaml': 'test: {unit: {command: "exit 1"}, e2e: {command: "true"}}\n',
  });
  const { code, tests, runId } = await suites(target);
  expect(code).toBe(0);
  expect(Object.keys(tests)).toEqual(['e2e']);
  const why = await target.run(['why', runId, 'test']);
  expect(why.stdout).toContain('only configuration changed (config-only)');
});

test('a suite that does not end in its time is inconclusive and, being critical, fails the stage', async () => {
  using target = project({
    'pipewright.yaml': 'test: {unit: {command: "echo ok 1; sleep 600", timeout: 1s}}\n',
  });
  const { code, tests } = await suites(target);
  expect(code).toBe(1);
  expect(tests.unit).toMatchObject({
    verdict: 'inconclusive',
    passed: 1,
    reason: 'it did not end within 1 s',
  });
});

test('suites run side by side', async () => {
  const meet = (mine: string, other: string): string =>
    `touch ${mine}; for i in $(seq 200); do [ -e ${other} ] && exit 0; sleep 0.1; done; exit 1`;
  using target = project({
    'pipewright.yaml': `test: {unit: {command: "${meet('a', 'b')}"}, e2e: {command: "${meet('b', 'a')}"}}\n`,
  });
  const { code, events } = await suites(target);
  expect(code).toBe(0);
  expect(
    events.filter(({ type }) => type === 'step.started').map(({ step, total }) => [step, total]),
  ).toEqual([
    ['unit', 2],
    ['e2e', 2],
  ]);
});
