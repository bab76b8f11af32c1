import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryProject } from '../support/cli.ts';
import { exampleProject } from './cli-project.ts';

test('a run waits with exit 3, is approved from another process, and continue finishes it with 0', async () => {
  using project = exampleProject();
  const started = await project.run(['run', 'release', '--who=Ada Lovelace']);
  expect(started.code).toBe(3);
  expect(started.stdout).toContain('unit │ testing Ada Lovelace\n');
  const [, runId = ''] = /run (\d{8}-\d{6}-[0-9a-f]{7})/.exec(started.stdout) ?? [];
  expect(started.stdout).toContain(`pipewright approve ${runId} deploy`);

  expect(await project.json(['approve', runId, 'deploy', '--comment', 'fine'])).toMatchObject({
    pipeline_id: runId,
    stage: 'deploy',
    answer: 'approved',
  });
  const ended = await project.run(['continue']);
  expect(ended.code).toBe(0);
  expect(ended.stdout).toContain('deploy │ deployed\n');
  expect(ended.stdout).not.toContain('testing');

  expect(await project.json(['show', 'last'])).toMatchObject({
    pipeline_id: runId,
    pipeline: 'release',
    environment: 'default',
    status: 'success',
    exit_code: 0,
    params: { who: 'Ada Lovelace', fast: false },
    stages: [
      { name: 'unit', status: 'passed', steps: [{ name: 'test', status: 'passed', exit_code: 0 }] },
      { name: 'deploy', status: 'passed', confirmation: { answer: 'approved', comment: 'fine' } },
      { name: 'notify', status: 'skipped' },
    ],
  });
});

test('a rejected stage makes continue fail with 1', async () => {
  using project = exampleProject();
  expect((await project.run(['run', 'release'])).code).toBe(3);
  expect((await project.run(['reject', 'last', 'deploy'])).code).toBe(0);
  const ended = await project.run(['continue', 'last']);
  expect(ended.code).toBe(1);
  expect(ended.stdout).not.toContain('deployed');
});

test('--yes answers, --set and a flag set parameters, --skip leaves out', async () => {
  using project = exampleProject();
  const ended = await project.run([
    'run',
    'release',
    '--set',
    'who=you',
    '--fast',
    '--skip',
    'unit',
    '--env',
    'prod',
    '-y',
  ]);
  expect(ended.code).toBe(0);
  expect(ended.stdout).toContain('environment prod');
  expect(ended.stdout).not.toContain('testing');
  expect(ended.stdout).toContain('notify │ done\n');
});

test('--output json prints the events, the last of which says how the run ended', async () => {
  using project = exampleProject();
  const { code, stdout, stderr } = await project.run(['run', 'release', '--output', 'json', '-y']);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(code).toBe(0);
  expect(stderr).toBe('');
  expect(events[0]).toMatchObject({ type: 'run.created', seq: 0 });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
  expect(events.at(-1)).toMatchObject({ type: 'run.finished', status: 'success' });

  const waiting = await project.run(['run', 'release', '--output', 'json']);
  expect(waiting.code).toBe(3);
  expect(JSON.parse(waiting.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
    type: 'run.waiting',
    status: 'waiting',
  });
});

test('a failed run exits with 1 and names step, last words, log and the next command', async () => {
  using project = exampleProject();
  const ended = await project.run(['run', 'flaky']);
  expect(ended.code).toBe(1);
  expect(ended.stdout).toContain('✗ second: step "check" exited with code 1');
  expect(ended.stdout).toContain('  │ last words\n');
  const [, log = ''] = /log: (\S+)/.exec(ended.stdout) ?? [];
  expect(readFileSync(path.join(project.root, log), 'utf8')).toBe('last words\n');
  expect(ended.stdout).toMatch(/pipewright continue \d/);

  project.write('repaired', '');
  expect((await project.run(['continue'])).code).toBe(0);
  expect(readFileSync(path.join(project.root, 'trace'), 'utf8')).toBe('first\nsecond\nsecond\nthird\n');
});

test('rerun opens chosen stages of the same run again, --plan only says which', async () => {
  using project = exampleProject();
  project.write('repaired', '');
  expect((await project.run(['run', 'flaky'])).code).toBe(0);
  const plan = await project.json(['rerun', 'last', 'second', '--downstream', '--plan']);
  expect(plan).toMatchObject({ pipeline: 'flaky', stages: expect.any(Array) });
  expect(readFileSync(path.join(project.root, 'trace'), 'utf8')).toBe('first\nsecond\nthird\n');
  expect((await project.run(['rerun', 'last', 'second', '--downstream'])).code).toBe(0);
  expect(readFileSync(path.join(project.root, 'trace'), 'utf8')).toBe(
    'first\nsecond\nthird\nsecond\nthird\n',
  );
});

test('a warning exits with 0, with --strict 1', async () => {
  using project = exampleProject();
  expect((await project.run(['run', 'warned'])).code).toBe(0);
  expect((await project.run(['run', 'warned', '--strict'])).code).toBe(1);
});

test('a run that was undone exits with 5', async () => {
  using project = exampleProject();
  expect((await project.run(['run', 'undone'])).code).toBe(5);
  expect(existsSync(path.join(project.root, 'there'))).toBe(false);
});

test('three failures in a row lock with 4; unlock opens again', async () => {
  using project = exampleProject();
  for (let failure = 0; failure < 3; failure++) expect((await project.run(['run', 'flaky'])).code).toBe(1);
  const locked = await project.run(['run', 'flaky']);
  expect(locked).toMatchObject({ code: 4, stdout: '' });
  expect(locked.stderr).toContain('flaky is locked for default: 3 failures in a row');
  expect(await project.json(['show', 'last'])).toMatchObject({
    analysis: expect.stringMatching(/analysis\.md$/),
  });
  expect(await project.json(['unlock'])).toMatchObject({ unlocked: [{ pipeline: 'flaky' }] });
  project.write('repaired', '');
  expect((await project.run(['run', 'flaky'])).code).toBe(0);
  expect((await project.run(['unlock'])).stdout).toBe('nothing was locked\n');
});

test('plan touches nothing', async () => {
  using project = exampleProject();
  const plan = await project.json(['plan', 'release', '--only', 'notify']);
  expect(plan).toMatchObject({
    pipeline: 'release',
    plan_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    locked: null,
    stages: [
      { name: 'unit', action: 'skip', decision: { rule: 'not-selected' } },
      { name: 'deploy', action: 'skip' },
      { name: 'notify', action: 'skip', decision: { rule: 'condition-false' } },
    ],
  });
  expect(existsSync(path.join(project.root, 'state'))).toBe(false);
});

const UNDOABLE = `name: undoable
stages:
  - name: switch
    steps: ["echo switched >> trace"]
    rollback: ["echo back >> trace"]
  - name: check
    steps: ["exit 1"]
  - name: tell
    steps: ["echo told >> trace"]
`;

test('rerun --skip waives a failed stage, rerun --rollback undoes a failed run and exits with 5', async () => {
  using project = temporaryProject({ 'pipelines/undoable.yaml': UNDOABLE });
  const trace = (): string => readFileSync(path.join(project.root, 'trace'), 'utf8');
  expect((await project.run(['run', 'undoable'])).code).toBe(1);
  const plan = await project.json(['rerun', 'last', '--rollback', '--plan']);
  expect(plan).toMatchObject({ cause: 'check', stages: ['switch'] });
  expect(trace()).toBe('switched\n');
  const undone = await project.run(['rerun', 'last', '--rollback']);
  expect(undone.code).toBe(5);
  expect(undone.stdout).toMatch(/undoing switch as \S+ asked/);
  expect(trace()).toBe('switched\nback\n');
  const twice = await project.run(['rerun', 'last', '--rollback']);
  expect(twice.code).toBe(2);
  expect(twice.stderr).toContain('is undone already');

  expect((await project.run(['run', 'undoable'])).code).toBe(1);
  const waived = await project.run(['rerun', 'last', '--failed', '--skip', 'check']);
  expect(waived.code).toBe(0);
  expect(trace()).toBe('switched\nback\nswitched\ntold\n');
  expect((await project.run(['rerun', 'last', '--skip', 'chekc'])).code).toBe(2);
});

test('continue and rerun say which files were edited since the run began, and go on with what was stored', async () => {
  const pipeline = (word: string): string =>
    `name: edit\nstages: [{name: a, steps: ["echo ${word}", test -e repaired]}]\n`;
  using project = temporaryProject({ 'pipelines/edit.yaml': pipeline('old') });
  expect((await project.run(['run', 'edit'])).code).toBe(1);
  const untouched = await project.run(['continue']);
  expect(untouched).toMatchObject({ code: 1, stderr: expect.not.stringContaining('something else') });
  project.write('pipelines/edit.yaml', pipeline('new'));
  project.write('pipewright.yaml', 'test: {unit: {command: make test}}\n');
  project.write('repaired', '');
  const ended = await project.run(['rerun', 'last', '--failed']);
  expect(ended.stdout).toContain('old');
  expect(ended.stdout).not.toContain('new');
  expect(ended.stderr).toMatch(
    /pipelines\/edit.yaml, pipewright.yaml say something else now than when run \S+ began; it goes on with their text of then\n {2}pipewright run edit {2}starts a run with what is there now/,
  );
});
