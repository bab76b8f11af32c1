import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { git, gitEnvironment } from '../support/repositories.ts';

const AWS = ['AKIA', 'ABCDEFGH12345678'].join('');

const CHECK = `name: check
stages:
  - name: look
    uses: shell
    steps: ["echo looked"]
`;

function repository(settings = ''): TemporaryProject {
  const project = temporaryProject({ 'pipelines/check.yaml': CHECK, 'pipewright.yaml': settings });
  git(project.root, ['init', '-q', '-b', 'main']);
  git(project.root, ['add', '-A']);
  git(project.root, ['commit', '-q', '-m', 'begin']);
  return project;
}

interface GitRun {
  readonly code: number;
  readonly stderr: string;
}

function tryGit(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): GitRun {
  const { status, stderr } = spawnSync('git', [...args], {
    cwd,
    encoding: 'utf8',
    env: { ...gitEnvironment(cwd), ...env },
  });
  return { code: status ?? -1, stderr };
}

test('a secret, an .env file and broken JSON stop the commit; what is clean goes through', async () => {
  using project = repository();
  const installed = await project.run(['hook', 'install']);
  expect(installed.stdout).toBe(
    'pre-commit installed: .git/hooks/pre-commit\npre-push installed: .git/hooks/pre-push\n',
  );
  project.write('src/a.ts', `const key = '${AWS}';\n`);
  project.write('.env', 'A=1\n');
  project.write('data.json', '{\n');
  git(project.root, ['add', '-A']);
  const stopped = tryGit(project.root, ['commit', '-m', 'bad']);
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toContain('stopped: src/a.ts:1: looks like an AWS access key');
  expect(stopped.stderr).toContain('stopped: .env: an .env file');
  expect(stopped.stderr).toContain('stopped: data.json:1: is no JSON');
  expect(stopped.stderr).not.toContain(AWS);
  for (const name of ['src/a.ts', '.env', 'data.json']) git(project.root, ['rm', '-qf', name]);
  project.write('src/a.ts', 'const key = 1;\n');
  git(project.root, ['add', '-A']);
  expect(tryGit(project.root, ['commit', '-m', 'good'])).toMatchObject({ code: 0, stderr: '' });
});

test('what is staged counts, not what is in the folder', async () => {
  using project = repository();
  await project.run(['hook', 'install', '--pre-commit']);
  expect(existsSync(path.join(project.root, '.git/hooks/pre-push'))).toBe(false);
  project.write('a.ts', 'fine\n');
  git(project.root, ['add', 'a.ts']);
  project.write('a.ts', `fine\n${AWS}\n`);
  expect(tryGit(project.root, ['commit', '-m', 'staged part']).code).toBe(0);
  git(project.root, ['add', 'a.ts']);
  project.write('a.ts', 'fine\n');
  expect(tryGit(project.root, ['commit', '-m', 'bad part']).code).toBe(1);
  // `git commit FILE` commits out of an index of its own.
  git(project.root, ['reset', '-q']);
  project.write('a.ts', `${AWS}\n`);
  project.write('b.ts', 'fine\n');
  git(project.root, ['add', '-N', 'b.ts']);
  expect(tryGit(project.root, ['commit', '-m', 'only b', '--', 'b.ts']).code).toBe(0);
  expect(tryGit(project.root, ['commit', '-am', 'all']).code).toBe(1);
});

test('it can be left out: --no-verify, or PIPEWRIGHT_SKIP_HOOKS=1', async () => {
  using project = repository();
  await project.run(['hook', 'install']);
  project.write('.env', 'A=1\n');
  git(project.root, ['add', '-A']);
  expect(tryGit(project.root, ['commit', '-m', 'x']).code).toBe(1);
  expect(tryGit(project.root, ['commit', '-m', 'x'], { PIPEWRIGHT_SKIP_HOOKS: '1' }).code).toBe(0);
  project.write('.env', 'A=2\n');
  expect(tryGit(project.root, ['commit', '-am', 'x', '--no-verify']).code).toBe(0);
});

test('a hook that was there runs first, is obeyed, and comes back', async () => {
  using project = repository();
  const hook = path.join(project.root, '.git/hooks/pre-commit');
  writeFileSync(hook, '#!/bin/sh\necho ran >> ran\ntest ! -e refuse\n', { mode: 0o755 });
  const { stdout } = await project.run(['hook', 'install', '--pre-commit']);
  expect(stdout).toContain('pre-commit.before-pipewright runs before it');
  await project.run(['hook', 'install', '--pre-commit']);
  project.write('a', '1\n');
  git(project.root, ['add', 'a']);
  expect(tryGit(project.root, ['commit', '-m', 'x']).code).toBe(0);
  expect(readFileSync(path.join(project.root, 'ran'), 'utf8')).toBe('ran\n');
  project.write('refuse', '');
  expect(tryGit(project.root, ['commit', '--allow-empty', '-m', 'x']).code).toBe(1);
  expect(
    tryGit(project.root, ['commit', '--allow-empty', '-m', 'x'], { PIPEWRIGHT_SKIP_HOOKS: '1' }).code,
  ).toBe(1);
  const gone = await project.run(['hook', 'uninstall']);
  expect(gone.stdout).toBe(
    'pre-commit removed; the hook that was there before is back: .git/hooks/pre-commit\npre-push was not installed\n',
  );
  expect(readFileSync(hook, 'utf8')).toContain('test ! -e refuse');
});

test('core.hooksPath of the repository is where hooks go; one for all repositories is left alone', async () => {
  using project = repository();
  git(project.root, ['config', 'core.hooksPath', '.githooks']);
  const { stdout } = await project.run(['hook', 'install', '--pre-commit']);
  expect(stdout).toBe('pre-commit installed: .githooks/pre-commit\n');
  project.write('.env', 'A=1\n');
  git(project.root, ['add', '-f', '.env']);
  expect(tryGit(project.root, ['commit', '-m', 'x']).code).toBe(1);
  git(project.root, ['config', '--unset', 'core.hooksPath']);
  const home = path.join(project.root, 'home');
  mkdirSync(home);
  writeFileSync(path.join(home, '.gitconfig'), '[core]\n\thooksPath = ~/all-hooks\n');
  const refused = await project.run(['hook', 'install'], { env: { HOME: home } });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(`${home}/all-hooks for every repository`);
  expect(existsSync(path.join(home, 'all-hooks'))).toBe(false);
});

test('linked working trees have the same hooks, and a project in a folder is known', async () => {
  using project = repository();
  project.write('apps/my web/pipewright.yaml', 'trigger: {branches: [main]}\n');
  const app = path.join(project.root, 'apps/my web');
  await project.run(['hook', 'install'], { cwd: app });
  const linked = `${project.root}.linked`;
  git(project.root, ['worktree', 'add', '-q', '-b', 'other', linked]);
  writeFileSync(path.join(linked, '.env'), 'A=1\n');
  git(linked, ['add', '-f', '.env']);
  const stopped = tryGit(linked, ['commit', '-m', 'x']);
  expect(stopped).toMatchObject({ code: 1, stderr: expect.stringContaining('stopped: .env') });
  rmSync(linked, { recursive: true });
  expect(readFileSync(path.join(project.root, '.git/hooks/pre-push'), 'utf8')).toContain(
    "--project 'apps/my web'",
  );
});

test('a push offers the pipeline of its branch, also to the hook that was there, and never stops', async () => {
  using project = repository(
    'trigger: {branches: [main], pipeline: check, environment: staging}\nenvironments: {staging: {}}\n',
  );
  const hook = path.join(project.root, '.git/hooks/pre-push');
  writeFileSync(hook, '#!/bin/sh\ncat > seen\n', { mode: 0o755 });
  await project.run(['hook', 'install', '--pre-push']);
  const remote = `${project.root}.remote`;
  git(project.root, ['init', '-q', '--bare', remote]);
  git(project.root, ['remote', 'add', 'origin', remote]);
  const first = git(project.root, ['rev-parse', 'HEAD']).trim();
  const created = tryGit(project.root, ['push', 'origin', 'main']);
  expect(created.code).toBe(0);
  expect(created.stderr).toContain(
    `main is pushed; its pipeline: pipewright run check --env staging -c ${first}\n`,
  );
  expect(readFileSync(path.join(project.root, 'seen'), 'utf8')).toContain('refs/heads/main');
  git(project.root, ['commit', '-q', '--allow-empty', '-m', 'more']);
  const second = git(project.root, ['rev-parse', 'HEAD']).trim();
  expect(tryGit(project.root, ['push', 'origin', 'main']).stderr).toContain(`-c ${first}..${second}`);
  git(project.root, ['checkout', '-q', '-b', 'topic']);
  expect(tryGit(project.root, ['push', 'origin', 'topic']).stderr).not.toContain('pipewright run');
  rmSync(remote, { recursive: true });
});

test('mode start runs it in the background, with the push as its trigger', async () => {
  using project = repository('trigger: {branches: [main], pipeline: check, mode: start}\n');
  await project.run(['hook', 'install', '--pre-push']);
  const remote = `${project.root}.remote`;
  git(project.root, ['init', '-q', '--bare', remote]);
  const { code, stderr } = tryGit(project.root, ['push', remote, 'main']);
  expect(stderr).toContain('check runs for main: pipewright show last');
  expect(code).toBe(0);
  const shown = await until(async () => {
    const { stdout } = await project.run(['show', 'last', '--json']);
    return stdout.includes('"status": "success"') ? JSON.parse(stdout) : undefined;
  });
  expect(shown).toMatchObject({ pipeline: 'check', trigger: 'push', status: 'success' });
  expect(shown.commits).toHaveLength(1);
  rmSync(remote, { recursive: true });
});

test('a hook whose pipewright is gone says so: a commit stops, a push goes on', async () => {
  using project = repository();
  await project.run(['hook', 'install']);
  for (const name of ['pre-commit', 'pre-push']) {
    const file = path.join(project.root, '.git/hooks', name);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('bin/pipewright.js', 'bin/gone.js'));
    chmodSync(file, 0o755);
  }
  const commit = tryGit(project.root, ['commit', '--allow-empty', '-m', 'x'], { PATH: '/usr/bin:/bin' });
  expect(commit).toMatchObject({ code: 1, stderr: expect.stringContaining('is not here any more') });
  const remote = `${project.root}.remote`;
  git(project.root, ['init', '-q', '--bare', remote]);
  expect(tryGit(project.root, ['push', remote, 'main'], { PATH: '/usr/bin:/bin' }).code).toBe(0);
  rmSync(remote, { recursive: true });
});

test('outside a git repository there is nothing to hook into', async () => {
  using project = temporaryProject();
  const { code, stderr } = await project.run(['hook', 'install']);
  expect(code).toBe(2);
  expect(stderr).toContain('is not in a git repository');
});

test('findings are told as JSON too', async () => {
  using project = repository();
  project.write('.env', 'A=1\n');
  git(project.root, ['add', '-f', '.env']);
  const { code, stdout } = await project.run(['hook', 'run', 'pre-commit', '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    is_blocked: true,
    exit_code: 1,
    findings: [{ severity: 'block', rule: 'env-file', path: '.env' }],
  });
});

/** Asks again until there is an answer. */
async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
}
