import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAUNCHER, PINNED_NODE, runCli, temporaryProject, type TemporaryProject } from '../support/cli.ts';

/** The launcher as an old Node would run it: `process.versions.node` is what it looks at. */
function pretendNode(project: TemporaryProject, version: string): Record<string, string> {
  project.write('old.cjs', `Object.defineProperty(process.versions, 'node', { value: '${version}' });`);
  return { NODE_OPTIONS: `--require ${path.join(project.root, 'old.cjs')}` };
}

/** The launcher alone, in a package without dist/ and without a pinned Node. */
function bareCopy(project: TemporaryProject): string {
  mkdirSync(path.join(project.root, 'pkg/bin'), { recursive: true });
  const launcher = path.join(project.root, 'pkg/bin/pipewright.js');
  copyFileSync(LAUNCHER, launcher);
  writeFileSync(path.join(project.root, 'pkg/package.json'), '{"version": "9.8.7", "type": "module"}');
  return launcher;
}

test('--version prints the version of package.json and loads nothing else', async () => {
  using project = temporaryProject();
  const launcher = bareCopy(project);
  expect(await runCli(['--version'], { cwd: project.root, launcher })).toEqual({
    code: 0,
    stdout: '9.8.7\n',
    stderr: '',
  });
});

test('an old Node hands over to the pinned one, with arguments and exit code', async () => {
  using project = temporaryProject();
  // The pinned Node must not pretend as well: the variable is for the first process only.
  project.write(
    'old.cjs',
    `if (!process.env.PIPEWRIGHT_RESTARTED) Object.defineProperty(process.versions, 'node', { value: '20.1.0' });`,
  );
  const env = { NODE_OPTIONS: `--require ${path.join(project.root, 'old.cjs')}` };
  expect(await project.run(['show', 'a b'], { env })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no run "a b"'),
  });
});

test('an old Node without the pinned one is one sentence that says what to do', async () => {
  using project = temporaryProject();
  const launcher = bareCopy(project);
  const env = pretendNode(project, '20.1.0');
  const { code, stdout, stderr } = await runCli(['runs'], { cwd: project.root, env, launcher });
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^pipewright: needs Node 22\.18 or newer, this is 20\.1\.0; run `npm ci` .*\n$/);
});

test('a pinned Node that is old too does not start itself for ever', async () => {
  using project = temporaryProject();
  const { code, stderr } = await project.run(['runs'], { env: pretendNode(project, '20.1.0') });
  expect(code).toBe(2);
  expect(stderr).toContain('needs Node 22.18');
});

test('a checkout that was not built says so', async () => {
  using project = temporaryProject();
  const { code, stderr } = await runCli(['runs'], { cwd: project.root, launcher: bareCopy(project) });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^pipewright: dist\/ is missing: run `npm run build` in /);
});

test('a signal to the launcher reaches the run, and its exit code comes back', async () => {
  using project = temporaryProject({
    'old.cjs': `if (!process.env.PIPEWRIGHT_RESTARTED) Object.defineProperty(process.versions, 'node', { value: '20.1.0' });`,
    'pipelines/slow.yaml': 'stages: [{name: long, steps: [{command: "echo begun; exec sleep 60"}]}]',
  });
  let isSent = false;
  const { code, stdout } = await project.run(['run', 'slow'], {
    node: PINNED_NODE,
    env: { NODE_OPTIONS: `--require ${path.join(project.root, 'old.cjs')}` },
    onOutput: (text, child) => {
      if (!isSent && text.includes('│ begun')) {
        isSent = true;
        child.kill('SIGTERM');
      }
    },
  });
  expect(code).toBe(143);
  expect(stdout).toContain('cancelled');
});
