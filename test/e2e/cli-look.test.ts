import { chmodSync, existsSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { temporaryProject } from '../support/cli.ts';
import { exampleProject } from './cli-project.ts';

test('pipewright alone says what there is and how to run it, exit 0', async () => {
  using project = exampleProject();
  await project.run(['run', 'release']);
  const { code, stdout } = await project.run([]);
  expect(code).toBe(0);
  expect(stdout).toContain(`project  ${project.root}`);
  expect(stdout).toMatch(/^ {2}release +A release with everything\.$/m);
  expect(stdout).toMatch(/is waiting: {2}pipewright continue \d/);
  expect(stdout).toContain('pipewright run ');
  expect(await project.json([])).toMatchObject({
    pipelines: expect.arrayContaining([expect.objectContaining({ name: 'release', valid: true })]),
    open: [{ pipeline: 'release', status: 'waiting' }],
  });
});

test('runs filters and counts', async () => {
  using project = exampleProject();
  await project.run(['run', 'warned']);
  await project.run(['run', 'flaky']);
  const { stdout } = await project.run(['runs']);
  expect(stdout.split('\n')[0]).toMatch(/^\d{8}-\d{6}-\w{7} {2}✗ failed +flaky +default .* at second$/);
  expect(await project.json(['runs', '--status', 'warning'])).toMatchObject({
    pipelines: [{ pipeline: 'warned', status: 'warning' }],
  });
  expect(await project.json(['runs', '--pipeline', 'flaky', '--limit', '1'])).toMatchObject({
    pipelines: [{ pipeline: 'flaky' }],
    stats: { total_runs: 2, failure_count: 1 },
  });
  expect(await project.json(['runs', '--stats'])).toMatchObject({
    total_runs: 2,
    consecutive_failures: 1,
    per_stage: { second: { runs: 1, failures: 1 } },
  });
  expect((await project.run(['runs', '--stats'])).stdout).toMatch(/^success rate {2,}50\.0 %$/m);
});

test('why explains one stage with its evidence; an unknown stage is refused', async () => {
  using project = exampleProject();
  await project.run(['run', 'release', '-y']);
  expect(await project.json(['why', 'last', 'notify'])).toMatchObject({
    stages: [
      {
        name: 'notify',
        status: 'skipped',
        decision: { rule: 'condition-false', evidence: expect.any(Array) },
      },
    ],
  });
  const { stdout } = await project.run(['why', 'last']);
  expect(stdout).toContain('params.fast = false');
  expect(stdout).toMatch(/approved by \S+ at .*--yes/);
  expect(await project.run(['why', 'last', 'notfy'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('its stages: unit, deploy, notify'),
  });
});

test('logs prints whole logs, one stage, the last lines, or a document', async () => {
  using project = exampleProject();
  await project.run(['run', 'release', '-y']);
  expect((await project.run(['logs', 'last'])).stdout).toBe(
    '==> unit.test <==\ntesting world\n==> deploy.push <==\ndeployed\n',
  );
  expect((await project.run(['logs', 'last', 'deploy', '--lines', '1'])).stdout).toBe('deployed\n');
  expect(await project.json(['logs', 'last', 'unit'])).toMatchObject({
    logs: [{ stage: 'unit', step: 'test', lines: ['testing world'], truncated: false }],
  });
});

test('validate names every problem by line and column, exit 2', async () => {
  using project = temporaryProject({
    'pipelines/good.yaml': 'stages: [{name: a, steps: [{command: "true"}]}]',
  });
  const good = await project.run(['validate']);
  expect(good.stdout + good.stderr).toContain('valid    pipelines/good.yaml');
  expect(good.code).toBe(0);
  project.write('pipelines/bad.yaml', 'stages:\n  - name: a\n    usse: shell\n');
  const bad = await project.run(['validate']);
  expect(bad.code).toBe(2);
  expect(bad.stderr).toMatch(/pipelines\/bad\.yaml:3:5: error:/);
  expect(await project.json(['validate', 'pipelines/bad.yaml'])).toMatchObject({
    valid: false,
    files: [{ valid: false, diagnostics: expect.arrayContaining([expect.objectContaining({ line: 3 })]) }],
  });
  expect((await project.run(['run', 'bad'])).code).toBe(2);
  expect((await project.run(['validate', 'pipelines/absent.yaml'])).code).toBe(2);
});

test('schema prints JSON Schema for pipelines and for the project file', async () => {
  using project = temporaryProject();
  const pipeline = await project.run(['schema']);
  expect(JSON.parse(pipeline.stdout)).toMatchObject({ title: 'Pipewright pipeline' });
  expect(JSON.parse((await project.run(['schema', 'project'])).stdout)).toMatchObject({
    title: 'Pipewright project',
  });
});

test('run NAME --help lists what the pipeline is given', async () => {
  using project = temporaryProject({
    'pipelines/send.yaml': `params:
  source: {type: path, required: true, description: Folder to send.}
  level: {type: int, default: 6, min: 1, max: 9}
  where: {type: choice, choices: [here, there], default: here}
  fast: {type: bool, default: false}
steps: [ls]
`,
  });
  const { code, stdout } = await project.run(['run', 'send', '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain(`Parameters of send:
      --source PATH               Folder to send. (required)
      --level INT                 (at least 1; at most 9; default: 6)
      --where here|there          (default: here)
      --fast                      (default: false)

Options:
`);
  const unknown = await project.run(['plan', 'sned', '--help']);
  expect(unknown.stdout).toContain('Usage: pipewright plan');
  expect(unknown.stderr).toContain('there is no pipeline "sned"');
});

test('init writes a pipeline that validates and runs, and never overwrites', async () => {
  using project = temporaryProject();
  expect(await project.json(['init', '--dry-run'])).toMatchObject({
    files: [
      { file: 'pipewright.yaml', action: 'kept' },
      { file: 'pipelines/hello.yaml', action: 'would be written' },
    ],
  });
  expect((await project.run(['init'])).code).toBe(0);
  expect((await project.run(['validate'])).code).toBe(0);
  expect((await project.run(['run', 'hello'])).stdout).toContain('hello world');
  project.write('pipelines/hello.yaml', 'mine');
  expect((await project.run(['init'])).stdout).toContain('kept             pipelines/hello.yaml');
  expect(readFileSync(path.join(project.root, 'pipelines/hello.yaml'), 'utf8')).toBe('mine');
});

test('init in a package: what --dry-run shows is what is written, and its pipeline runs', async () => {
  const scripts = { test: 'node --test', lint: 'true' };
  using project = temporaryProject({ 'package.json': JSON.stringify({ name: 'lib', scripts }) });
  unlinkSync(path.join(project.root, 'pipewright.yaml'));
  const inside = ['--project', project.root];
  const { stdout } = await project.run(['init', '--dry-run', ...inside]);
  expect(stdout).toContain('# ---- pipewright.yaml\n');
  expect(existsSync(path.join(project.root, 'pipelines'))).toBe(false);
  expect((await project.run(['init', ...inside])).stdout).toContain('written          pipewright.yaml');
  for (const file of ['pipewright.yaml', 'pipelines/test.yaml']) {
    expect(stdout).toContain(`# ---- ${file}\n${readFileSync(path.join(project.root, file), 'utf8')}`);
  }
  expect((await project.run(['validate'])).stdout).toBe(
    'valid    pipewright.yaml\nvalid    pipelines/test.yaml\n',
  );
  expect((await project.run(['run', 'test', '--only', 'lint'])).code).toBe(0);
});

test('a folder that is not there is no project', async () => {
  using project = temporaryProject();
  const { code, stdout, stderr } = await project.run(['runs', '--project', 'nowhere', '--json']);
  expect(code).toBe(2);
  expect(stderr).toContain('--project: there is no folder "nowhere".');
  expect(JSON.parse(stdout)).toMatchObject({ error: { reason: 'invalid' }, exit_code: 2 });
});

test('doctor names every tool and exits with 0 when what is required is here', async () => {
  using project = temporaryProject();
  const { code, stdout } = await project.run(['doctor', '--json']);
  const report: { ok: boolean; findings: { name: string; status: string }[] } = JSON.parse(stdout);
  expect(code).toBe(0);
  expect(report.ok).toBe(true);
  expect(report.findings.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['node', 'sh', 'git', 'ssh', 'docker', 'redis-server', 'state folder', 'limits']),
  );
  expect(report.findings.find(({ name }) => name === 'node')).toMatchObject({
    version: expect.stringMatching(/^\d+\.\d+\.\d+ \(pinned by npm\)$/),
  });
  const bare = await project.run(['doctor'], { env: { PATH: '/nowhere' } });
  expect(bare.code).toBe(1);
  expect(bare.stdout).toMatch(/^- +sh +MISSING +no command can run$/m);
});

test('doctor says what is too old, and which machines are declared', async () => {
  using project = temporaryProject({
    'pipewright.yaml':
      'contexts: {web: {type: ssh, host: a.example.org}}\nenvironments: {prod: {contexts: {db: {type: ssh, host: b.example.org}}}}\n',
    'bin/git': '#!/bin/sh\necho git version 2.20.1\n',
  });
  chmodSync(path.join(project.root, 'bin/git'), 0o755);
  const env = { PATH: `${project.root}/bin:/usr/bin:/bin` };
  const { stdout } = await project.run(['doctor', '--json'], { env });
  expect(JSON.parse(stdout).findings).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        name: 'git',
        status: 'warning',
        detail: expect.stringContaining('2.24 is needed'),
      }),
      expect.objectContaining({
        name: 'contexts',
        version: '2 on other machines',
        detail: expect.stringMatching(/^web, db; /),
      }),
    ]),
  );
});

test('audit verify exits with 1 after one byte of the journal was changed', async () => {
  using project = exampleProject();
  await project.run(['run', 'release', '-y']);
  expect(await project.json(['audit', 'verify', 'last'])).toMatchObject({ ok: true, torn_bytes: 0 });
  const [runId = ''] = readdirSync(path.join(project.root, 'state/runs'));
  const journal = `state/runs/${runId}/journal`;
  const [segment = ''] = readdirSync(path.join(project.root, journal));
  const text = readFileSync(path.join(project.root, journal, segment), 'utf8');
  project.write(`${journal}/${segment}`, text.replace('"unit"', '"unix"'));
  const { code, stdout } = await project.run(['audit', 'verify', 'last']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/damaged: \S+, byte \d+/);
});

test.each(['bash', 'zsh', 'fish'])('the %s completion names every command', async (shell) => {
  using project = temporaryProject();
  const { code, stdout } = await project.run(['completion', shell]);
  expect(code).toBe(0);
  for (const { name } of COMMANDS) expect(stdout).toContain(name);
});

test('a mistyped command line is one sentence on stderr, exit 2, with --json also a document', async () => {
  using project = temporaryProject();
  expect(await project.run(['rnu'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'pipewright: Unknown command "rnu". Did you mean "run"?\n  See: pipewright help\n',
  });
  expect(JSON.parse((await project.run(['show', '--json'])).stdout)).toMatchObject({
    error: { reason: 'invalid' },
    exit_code: 2,
  });
  expect(await project.json(['show', 'last'])).toMatchObject({
    error: { reason: 'run-not-found' },
    exit_code: 2,
  });
});

test('every command explains itself', async () => {
  using project = temporaryProject();
  const overview = await project.run(['--help']);
  for (const { name, summary } of COMMANDS)
    expect(overview.stdout).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20)}`, 'm'));
  expect((await project.run(['help', 'run'])).stdout).toContain('-c, --commits');
});
