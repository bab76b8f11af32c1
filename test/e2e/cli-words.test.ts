import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { LAUNCHER, PINNED_NODE, temporaryProject, type TemporaryProject } from '../support/cli.ts';

const SMALL = `params:
  source: {type: path, required: true}
  level: {type: choice, choices: [low, high], default: low}
  output: {type: string, required: true}
stages:
  - {name: pack, command: "printf '%s\\n' packed; printf '%s\\n' {{.output}}"}
`;
const TWO_STEPS = `stages:
  - {name: two, steps: [{name: p, command: echo from p}, {name: q, command: echo from q}]}
  - {name: inner, pipeline: one}
`;
const ONE = 'stages: [{name: only, command: echo from the inner one}]\n';
const FAILS_TO_DECIDE = `stages:
  - {name: a, command: "true"}
  - {name: b, if: "has(stages.a.outputs.x) || stages.a.outputs.tag == 'v1'", command: "true"}
`;

/** What one command says on stderr, and its exit code. */
async function said(project: TemporaryProject, ...args: readonly string[]): Promise<[number, string]> {
  const { code, stderr } = await project.run(args);
  return [code, stderr];
}

test('what was mistyped on a command line is named, with the option or value that was meant', async () => {
  using project = temporaryProject({ 'pipelines/small.yaml': SMALL });
  const given = ['run', 'small', '--source=.', '--set', 'output=x'];
  expect(await said(project, ...given, '--ouput', 'plain')).toEqual([
    2,
    'pipewright: There is no parameter ouput.\n  Did you mean --output?\n',
  ]);
  // All problems at once, each with what helps.
  expect(await said(project, ...given, '--level=hihg', '--sorce=x')).toEqual([
    2,
    'pipewright: There is no parameter sorce. Did you mean source? Parameter level cannot be "hihg". Did you mean high?\n',
  ]);
  // An option of ours has the parameter's name.
  expect(await said(project, 'run', 'small', '--source=.')).toEqual([
    2,
    'pipewright: Parameter output is required.\n  Give it with --set output=…; --output is an option.\n',
  ]);
});

test('a project folder that is not there is said to be that', async () => {
  using project = temporaryProject();
  expect(await said(project, '--project', 'nowhere', 'run', 'small')).toEqual([
    2,
    'pipewright: --project: there is no folder "nowhere".\n',
  ]);
});

test('a run that has ended says so when it is continued, with the exit code it had', async () => {
  using project = temporaryProject({ 'pipelines/one.yaml': ONE });
  expect((await project.run(['run', 'one'])).code).toBe(0);
  const [code, text] = await said(project, 'continue', 'last');
  expect(code).toBe(0);
  expect(text).toMatch(
    /^pipewright: run \S+ has already ended: success; nothing of it is open\n {2}pipewright rerun /,
  );
  const { stdout } = await project.run(['continue', 'last', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ type: 'run.finished', status: 'success', exit_code: 0 });
});

test('a run that there is not is told from the beginning of several', async () => {
  using project = temporaryProject({ 'pipelines/one.yaml': ONE });
  await project.run(['run', 'one']);
  await project.run(['run', 'one']);
  expect((await said(project, 'show', 'nosuch'))[1]).toMatch(
    /^pipewright: there is no run "nosuch"; the newest are \d{8}-\S+, \d{8}-\S+\n/,
  );
  expect((await said(project, 'show', '2'))[1]).toMatch(
    /^pipewright: "2" is the beginning of more than one run: \d{8}-\S+, \d{8}-\S+\n/,
  );
});

test('logs takes a stage, a stage around others, and a step by its label', async () => {
  using project = temporaryProject({ 'pipelines/two.yaml': TWO_STEPS, 'pipelines/one.yaml': ONE });
  await project.run(['run', 'two']);
  const printed = async (...args: readonly string[]) => (await project.run(['logs', 'last', ...args])).stdout;
  expect(await printed('two.q')).toBe('from q\n');
  expect(await printed('two.q', '-f')).toBe('two.q │ from q\n');
  expect(await printed('inner')).toBe('from the inner one\n');
  expect(await printed('two', '-n', '1')).toBe('==> two.p <==\nfrom p\n==> two.q <==\nfrom q\n');
  expect((await said(project, 'logs', 'last', 'two.x'))[0]).toBe(2);
});

test('why tells a condition that cannot be decided from a stage whose turn never came', async () => {
  using project = temporaryProject({ 'pipelines/undecided.yaml': FAILS_TO_DECIDE });
  expect((await project.run(['run', 'undecided'])).code).toBe(2);
  const { stdout } = await project.run(['why', 'last', 'b']);
  expect(stdout).toContain('  it could not be decided whether it runs\n');
  expect(stdout).not.toContain('before its turn');
});

/** The one journal file of the project's only run. */
function journalOf({ root }: TemporaryProject): string {
  const runs = path.join(root, 'state/runs');
  const [run = ''] = readdirSync(runs);
  return path.join(runs, run, 'journal/000001.ndjson');
}

test('who looks at a run with a damaged journal is told the file and the byte', async () => {
  using project = temporaryProject({ 'pipelines/one.yaml': ONE });
  await project.run(['run', 'one']);
  const file = journalOf(project);
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  writeFileSync(file, bytes);
  for (const command of ['show', 'why', 'logs']) {
    const { stderr } = await project.run([command, 'last']);
    expect(stderr).toMatch(/^pipewright: the journal is damaged: \S+000001\.ndjson, byte \d+/);
  }
  expect(await project.json(['show', 'last'])).toMatchObject({
    status: 'interrupted',
    interrupted_by: 'its journal is damaged, and what follows there is not known',
  });
});

test('a run without a journal is not vouched for', async () => {
  using project = temporaryProject({ 'pipelines/one.yaml': ONE });
  await project.run(['run', 'one']);
  rmSync(journalOf(project));
  const { code, stdout } = await project.run(['audit', 'verify', 'last']);
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^run \S+: its journal is empty or gone\n$/)]);
});

test.runIf(process.platform === 'linux')('a result that a full disk swallowed is no success', () => {
  using project = temporaryProject({ 'pipelines/one.yaml': ONE });
  const script = 'exec "$0" "$@" >/dev/full';
  const { status, stderr } = spawnSync(
    '/bin/sh',
    ['-c', script, PINNED_NODE, LAUNCHER, '--project', project.root, 'plan', 'one'],
    { encoding: 'utf8' },
  );
  expect([status, stderr]).toEqual([
    1,
    'pipewright: stdout cannot be written (ENOSPC): what was printed is not whole\n',
  ]);
});

test('a condition on a stage that need not have ended yet is warned of', async () => {
  using project = temporaryProject({
    'pipelines/early.yaml': `stages:
  - {name: a, command: "true"}
  - {name: b, needs: [], if: "stages.a.status == 'passed'", command: "true"}
  - {name: c, needs: [a], command: "true"}
  - {name: d, needs: [c], if: "stages.a.status == 'passed'", command: "true"}
`,
  });
  const { code, stderr } = await project.run(['validate']);
  expect(code).toBe(0);
  expect(stderr.match(/warning: .*/g)).toEqual([
    'warning: if: "a" may not have ended by then: this stage does not need it',
  ]);
});
