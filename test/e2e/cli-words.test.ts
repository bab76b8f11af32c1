import { expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';

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
    `pipewright: there is no folder ${project.root}/nowhere\n  See: pipewright help\n`,
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
