import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { mustEnd, PINNED_NODE, temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { git } from '../support/repositories.ts';
import { SPEC_1 } from '../support/spec-forms.ts';

const PLANNER = path.resolve('test/fixtures/models/planner.mjs');

/** The pinned Node comes first: a test may not depend on that of the system. */
const PATH = `${path.dirname(PINNED_NODE)}:${process.env['PATH']}`;
/** Only what is planned. */
const PLANNED = ['--skip', 'test_code_generation'];

/** A small service with two commits: one begins it, one mends it. */
function shop(): TemporaryProject {
  const project = temporaryProject({ 'pipelines/printed.yaml': SPEC_1 });
  const commit = (message: string, files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) project.write(name, text);
    git(project.root, ['add', '-A']);
    git(project.root, ['commit', '-q', '-m', message]);
  };
  git(project.root, ['init', '-q', '-b', 'main']);
  commit('begin', {
    'src/sum.js': 'export function sum(a, b) {\n  return a - b;\n}\n',
    'src/cart.js': "import { sum } from './sum.js';\nexport const total = (a, b) => sum(a, b);\n",
    'README.md': '# shop\n',
  });
  commit('fix: sum sums', {
    'src/sum.js': 'export function sum(a, b) {\n  return a + b;\n}\n',
    'README.md': '# the shop\n',
  });
  return project;
}

function withModel(project: TemporaryProject, ...args: readonly string[]): void {
  const command = JSON.stringify([process.execPath, PLANNER, ...args]);
  project.write('pipewright.yaml', `testgen:\n  model: {provider: command, command: ${command}}\n`);
}

function readRun(project: TemporaryProject, file: string): string {
  return readFileSync(path.join(project.root, 'state/runs', runId(project), file), 'utf8');
}

function runId(project: TemporaryProject): string {
  const index = readFileSync(path.join(project.root, 'state/index.ndjson'), 'utf8').trim().split('\n');
  const last: unknown = JSON.parse(index.at(-1) ?? '');
  if (typeof last !== 'object' || last === null || !('run_id' in last)) throw new Error('no run');
  return String(last.run_id);
}

test('the printed stages are planned, asked about and run; why names rules and files', async () => {
  using project = shop();
  const plan = mustEnd(await project.run(['plan', 'printed', '-c', 'last:1']));
  expect(plan.stdout).toContain('src/sum.js = "sum modified; 1 dependent file, 0 tests"');
  expect(plan.stdout).toContain('model = "none: nothing leaves this machine"');
  expect(plan.stdout).toMatch(
    /regression-src-sum-js-\w+ = "regression test of src\/sum\.js, \w+ \(risk \d+\): the commit/,
  );
  const waiting = mustEnd(await project.run(['run', 'printed', '-c', 'last:1']), 3);
  expect(waiting.stdout).toContain('README.md (docs)');
  mustEnd(await project.run(['approve', 'last', 'test_strategy']));
  const done = mustEnd(await project.run(['continue'], { env: { PATH } }));
  expect(done.stdout).toContain('no test for README.md: it is documentation');
  const shown = await project.json(['show', 'last']);
  expect(shown).toMatchObject({ status: 'success' });
  const written: unknown = JSON.parse(readRun(project, 'artifacts/test_strategy/strategies.json'));
  expect(written).toMatchObject({
    source: 'rules',
    strategies: [
      {
        type: 'unit',
        file: 'src/sum.js',
        symbols: ['sum'],
        framework: 'node',
        test_file: 'test/sum.test.js',
      },
      { type: 'regression', depends_on: [expect.stringMatching(/^unit-src-sum-js/)] },
    ],
  });
  const made: unknown = JSON.parse(readRun(project, 'artifacts/test_code_generation/tests.json'));
  expect(made).toMatchObject({
    tests: [
      { file: 'test/sum.test.js', verdict: 'passed', checks: { runs: 3, passes: 3, detects_revert: true } },
    ],
  });
  const why = mustEnd(await project.run(['why', 'last', 'vcs_analysis']));
  expect(why.stdout).toContain('1 commit: 2 files');
});

test('a model may add to the rules; what it says is data, on the screen and in the list', async () => {
  using project = shop();
  withModel(project);
  const plan = mustEnd(await project.run(['plan', 'printed', '-c', 'last:1']));
  expect(plan.stdout).toContain('would get the names of what changed');
  const { stdout } = mustEnd(
    await project.run(['run', 'printed', '-y', ...PLANNED, '-c', 'last:1', '--output', 'plain']),
  );
  expect(stdout).toMatch(/performance test of src\/sum\.js, high .*Its queue may grow .*\[model\]/);
  expect(stdout).not.toContain('\u001b[2J');
  expect(stdout).not.toContain('outside.js');
  const calls = readRun(project, 'logs/model.ndjson').trim().split('\n');
  expect(calls.map((line): unknown => JSON.parse(line))).toMatchObject([
    { type: 'asked', recipient: `the program ${process.execPath}` },
    { type: 'answered' },
  ]);
  const found = mustEnd(await project.run(['doctor']));
  expect(found.stdout).toMatch(/language model +found +the program/);
});

test('a model that answers with something else costs a warning, and the list of the rules stands', async () => {
  using project = shop();
  withModel(project, 'nonsense');
  const { stdout } = mustEnd(
    await project.run(['run', 'printed', '-y', ...PLANNED, '-c', 'last:1', '--output', 'plain']),
  );
  expect(stdout).toContain("the rules' list stands: it is not the JSON that was asked for");
  expect(stdout).not.toContain('\u001b]0;');
  expect(stdout).toContain('unit test of src/sum.js');
});

test('without commits what is not committed counts, then nothing is left to plan tests for', async () => {
  using project = shop();
  project.write(
    'src/cart.js',
    "import { sum } from './sum.js';\nexport const total = (a, b) => sum(a, b) * 2;\n",
  );
  const { stdout } = mustEnd(await project.run(['run', 'printed', '-y', ...PLANNED, '--output', 'plain']));
  expect(stdout).toContain('modified src/cart.js (source) +1 -1: total');
  git(project.root, ['checkout', '-q', '--', '.']);
  git(project.root, ['commit', '-q', '--allow-empty', '-m', 'nothing']);
  const idle = mustEnd(await project.run(['run', 'printed', '-y', ...PLANNED, '--output', 'plain']));
  expect(idle.stdout).toMatch(/test_strategy.*skipped.*no file changed/s);
});
