import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { git } from '../support/repositories.ts';

const CHECK = `name: check
stages:
  - name: analyze
    uses: change-analysis
  - name: backend
    uses: shell
    if: "changes.any && 'backend' in changes.categories"
    steps: ["echo server"]
  - name: frontend
    uses: shell
    needs: [analyze]
    if: "'frontend' in changes.categories"
    steps: ["echo pages"]
`;

/** The checkout of a small public package, as npm packages look: sources, tests, settings, a lock file, history. */
function checkout(): TemporaryProject {
  const project = temporaryProject({ 'pipelines/check.yaml': CHECK });
  git(project.root, ['init', '-q', '-b', 'main']);
  const commit = (message: string, files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) project.write(name, text);
    git(project.root, ['add', '-A']);
    git(project.root, ['commit', '-q', '-m', message]);
  };
  commit('Begin', {
    'package.json': '{"name":"tiny","version":"1.0.0","type":"module"}\n',
    'package-lock.json': '{"lockfileVersion":3}\n',
    'index.js': 'export const add = (a, b) => a + b;\n',
    'index.d.ts': 'export function add(a: number, b: number): number;\n',
    'test.js': "import './index.js';\n",
    'readme.md': '# tiny\n',
    license: 'MIT\n',
    '.gitignore': 'node_modules\n',
    '.github/workflows/main.yml': 'on: push\n',
  });
  commit('Serve it', { 'server/main.js': 'listen();\n' });
  commit('1.0.1', { 'package.json': '{"name":"tiny","version":"1.0.1","type":"module"}\n' });
  return project;
}

test('the stages of an area that did not change are skipped, and why says the rule and the files', async () => {
  using project = checkout();
  const { code, stdout } = await project.run(['run', 'check', '-c', 'HEAD~2..HEAD~1', '--output', 'plain']);
  expect(stdout).toMatch(/1 file changed by the chosen commit: backend 1\n.*server\/main\.js \(backend\)/);
  expect(stdout).toContain(
    'skip_performance_test: only backend files changed (server/main.js) [backend-only]',
  );
  expect(code).toBe(0);
  const shown = await project.json(['show', 'last']);
  expect(shown).toMatchObject({
    changes: { any: true, categories: { backend: ['server/main.js'] } },
    decisions: expect.arrayContaining([
      {
        stage: 'analyze',
        action: 'skip_performance_test',
        rule: 'backend-only',
        reason: 'only backend files changed',
        evidence: [
          { name: 'areas', value: ['backend'] },
          { name: 'files', value: ['server/main.js'] },
        ],
        would_flip: null,
      },
    ]),
    stages: [
      { name: 'analyze', status: 'passed' },
      { name: 'backend', status: 'passed' },
      { name: 'frontend', status: 'skipped' },
    ],
  });
  const why = await project.run(['why', 'last', 'analyze']);
  expect(why.stdout).toContain(
    'skip_performance_test = "only backend files changed (server/main.js) [backend-only]"',
  );
});

test('plan looks ahead: what changed, what it decides, which stages are left out; and touches nothing', async () => {
  using project = checkout();
  const { code, stdout } = await project.run(['plan', 'check', '-c', 'HEAD~2..HEAD~1']);
  expect(stdout).toContain(
    'skip_performance_test = "only backend files changed (server/main.js) [backend-only]"',
  );
  expect(stdout).toMatch(/▶ backend .*\n {2}run {2}\[condition-true\]/);
  expect(stdout).toMatch(/- frontend .*\n {2}skip {2}\[condition-false\]/);
  expect(code).toBe(0);
  expect(existsSync(path.join(project.root, 'state'))).toBe(false);
});

test('plan does not look ahead of a stage that may change the repository', async () => {
  using project = checkout();
  project.write(
    'pipelines/pull.yaml',
    'stages:\n  - {name: pull, steps: [git pull]}\n  - {name: analyze, uses: change-analysis}\n' +
      '  - {name: test, if: changes.any, steps: ["true"]}\n',
  );
  const { stdout } = await project.run(['plan', 'pull', '-c', 'HEAD~1..HEAD']);
  expect(stdout).toMatch(/\? test .*\n {2}run {2}\[depends\]/);
});

test('pipeline.json has changes and decisions in the words of spec 2', async () => {
  using project = checkout();
  await project.run(['run', 'check', '-c', 'last:1']);
  const { pipelines } = JSON.parse(readFileSync(path.join(project.root, 'state/pipeline.json'), 'utf8'));
  expect(pipelines[0].changes.categories).toEqual({
    frontend: [],
    backend: [],
    database: [],
    config: ['package.json'],
    test: [],
  });
  expect(pipelines[0].decisions[0]).toEqual({
    action: 'skip_unit_test',
    reason: 'only configuration changed',
    rule: 'config-only',
    stage: 'analyze',
  });
});

test('a file that no category knows runs everything', async () => {
  using project = checkout();
  project.write('index.js', 'export const add = (a, b) => b + a;\n');
  const { stdout } = await project.run(['run', 'check', '-c', 'last:1', '--output', 'plain']);
  expect(stdout).toContain('run_all: no category knows a changed file (index.js) [unknown-file]');
  expect(stdout).toContain('1 file is not committed, and part of what is built');
});

test('file names cannot reach the terminal as escape sequences', async () => {
  using project = checkout();
  mkdirSync(path.join(project.root, 'server'), { recursive: true });
  writeFileSync(path.join(project.root, 'server/\u001b]0;owned\u0007\u001b[2J.js'), 'x\n');
  git(project.root, ['add', '-A']);
  git(project.root, ['commit', '-q', '-m', '\u001b]0;owned\u0007']);
  const run = await project.run(['run', 'check', '-c', 'last:1', '--output', 'plain']);
  const why = await project.run(['why', 'last']);
  for (const { stdout, stderr } of [run, why]) {
    expect(stdout + stderr).not.toContain('\u001b]');
    expect(stdout + stderr).not.toContain('\u001b[2J');
    expect(stdout + stderr).not.toContain('\u0007');
  }
  expect(run.stdout).toContain('backend-only');
});

test('where nothing is deployed the autopilot skips what builds, deploys and watches, and plan says so', async () => {
  using project = checkout();
  const fate = { rule: 'nothing-to-do', reason: 'pipewright.yaml deploys no service' };
  const planned = await project.json(['plan', 'autopilot', '--skip', 'test']);
  expect(planned).toMatchObject({
    stages: [
      { name: 'analyze', action: 'run' },
      { name: 'test', action: 'skip' },
      { name: 'build', action: 'skip', decision: fate },
      { name: 'deploy', action: 'skip', decision: { rule: 'need-unmet' } },
      { name: 'verify', action: 'skip', decision: { rule: 'need-unmet' } },
    ],
  });
  expect((await project.run(['run', 'autopilot', '--skip', 'test'])).code).toBe(0);
  expect(await project.json(['show', 'last'])).toMatchObject({
    status: 'success',
    stages: [
      { name: 'analyze', status: 'passed' },
      { name: 'test', status: 'skipped' },
      { name: 'build', status: 'skipped' },
      { name: 'deploy', status: 'skipped' },
      { name: 'verify', status: 'skipped' },
    ],
  });
  expect((await project.run(['why', 'last', 'build'])).stdout).toMatch(
    /skip {2}\[nothing-to-do\] {2}pipewright.yaml deploys no service\n.*\n.*would flip: a service under deploy.services/,
  );
});
