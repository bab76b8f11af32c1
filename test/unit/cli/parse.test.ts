import { expect, test } from 'vitest';
import type { Command } from '../../../src/cli/command.ts';
import { parseCommand } from '../../../src/cli/parse.ts';

function parsed(line: string, env: NodeJS.ProcessEnv = {}): Command {
  const result = parseCommand(words(line), env);
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

function refused(line: string): string {
  const result = parseCommand(words(line));
  if (result.ok) throw new Error(`accepted: ${JSON.stringify(result.value)}`);
  expect(result.failure.reason).toBe('invalid');
  return result.failure.reason === 'invalid' ? result.failure.message : '';
}

function words(line: string): string[] {
  return line === '' ? [] : line.split(' ');
}

test('no words at all mean the home page', () => {
  expect(parsed('')).toMatchObject({ name: 'home', output: 'tui', json: false, strict: false });
});

test('run takes selection, commits, environment, context and yes', () => {
  expect(
    parsed('run release -c last:3 --env prod --context box --skip a,b --only c --from d -y --strict'),
  ).toMatchObject({
    name: 'run',
    target: 'release',
    commits: 'last:3',
    env: 'prod',
    context: 'box',
    selection: { skip: ['a', 'b'], only: ['c'], from: 'd' },
    yes: true,
    strict: true,
  });
});

test('lists may be repeated, take commas and take further words after the name', () => {
  expect(parsed('run release --skip a b --skip c,d --set x=1 y=2')).toMatchObject({
    selection: { skip: ['a', 'b', 'c', 'd'] },
    parameters: [
      { name: 'x', value: '1' },
      { name: 'y', value: '2' },
    ],
  });
});

test('a list before the name takes one word, so that the name stays the name', () => {
  expect(parsed('run --skip a release')).toMatchObject({ target: 'release', selection: { skip: ['a'] } });
});

test('unknown long options of run and plan are parameters, with = or the next word', () => {
  expect(parsed('run backup --source=/srv/a=b --target /mnt --fast --deep -y')).toMatchObject({
    parameters: [
      { name: 'source', value: '/srv/a=b' },
      { name: 'target', value: '/mnt' },
      { name: 'fast' },
      { name: 'deep' },
    ],
    yes: true,
  });
  expect(parsed('plan backup --source x')).toMatchObject({ name: 'plan', parameters: [{ name: 'source' }] });
});

test('a parameter before the name does not swallow it', () => {
  expect(parsed('run --fast backup')).toMatchObject({ target: 'backup', parameters: [{ name: 'fast' }] });
});

test('a value may hold spaces, newlines and equal signs', () => {
  const result = parseCommand(['run', 'x', '--set', 'message=a = b\nc', '--note=-rf /']);
  expect(result).toMatchObject({
    ok: true,
    value: {
      parameters: [
        { name: 'message', value: 'a = b\nc' },
        { name: 'note', value: '-rf /' },
      ],
    },
  });
});

test('everything after -- is an argument', () => {
  expect(parsed('run -- --odd-name')).toMatchObject({ target: '--odd-name', parameters: [] });
});

test('global options go before or after the command', () => {
  expect(parsed('--project /p --state=/s runs --no-color')).toMatchObject({
    name: 'runs',
    project: '/p',
    state: '/s',
    noColor: true,
  });
});

test('a value of a global option is not taken for the command', () => {
  expect(parsed('--project run')).toMatchObject({ name: 'home', project: 'run' });
});

test('NO_COLOR and PIPEWRIGHT_STATE come from the environment, the option wins', () => {
  expect(parsed('runs', { NO_COLOR: '1', PIPEWRIGHT_STATE: '/e' })).toMatchObject({
    noColor: true,
    state: '/e',
  });
  expect(parsed('runs --state /s', { NO_COLOR: '', PIPEWRIGHT_STATE: '/e' })).toMatchObject({
    noColor: false,
    state: '/s',
  });
});

test('--json and --output json are the same', () => {
  expect(parsed('show last --json')).toMatchObject({ json: true, output: 'json' });
  expect(parsed('show last --output json')).toMatchObject({ json: true, output: 'json' });
});

test.each([
  ['why last deploy', { name: 'why', run: 'last', stage: 'deploy' }],
  [
    'runs --stats --limit 5 --status failed,warning --pipeline x',
    { stats: true, limit: 5, statuses: ['failed', 'warning'], pipeline: 'x' },
  ],
  ['logs last test -f --lines 10', { run: 'last', stage: 'test', follow: true, lines: 10 }],
  ['continue', { name: 'continue', yes: false }],
  ['continue 2026 -y', { name: 'continue', run: '2026', yes: true }],
  ['rerun last a b --downstream', { stages: ['a', 'b'], downstream: true, failed: false, planOnly: false }],
  ['rerun last --failed --plan', { stages: [], failed: true, planOnly: true }],
  ['rerun last --skip a,b', { stages: [], skip: ['a', 'b'], failed: false, rollback: false }],
  ['rerun last --rollback', { stages: [], skip: [], rollback: true }],
  ['approve last deploy --comment fine', { name: 'approve', stage: 'deploy', comment: 'fine' }],
  ['reject last deploy', { name: 'reject', stage: 'deploy' }],
  ['cancel last', { name: 'cancel', run: 'last' }],
  ['unlock release --env prod', { name: 'unlock', pipeline: 'release', env: 'prod' }],
  ['validate a.yaml b.yaml', { name: 'validate', files: ['a.yaml', 'b.yaml'] }],
  ['schema', { name: 'schema', of: 'pipeline' }],
  ['run backup --help', { name: 'help', topic: 'run', target: 'backup' }],
  ['why last --help', { name: 'help', topic: 'why' }],
  ['init --dry-run', { name: 'init', dryRun: true }],
  ['audit verify last', { name: 'audit', verb: 'verify', run: 'last' }],
  ['completion zsh', { name: 'completion', shell: 'zsh' }],
  ['run --help', { name: 'help', topic: 'run' }],
  ['help plan', { name: 'help', topic: 'plan' }],
  ['-V', { name: 'version' }],
])('"%s" is understood', (line, expected) => {
  expect(parsed(line)).toMatchObject(expected);
});

test.each([
  ['rnu', 'Unknown command "rnu". Did you mean "run"?'],
  ['runs --statz', 'Unknown option --statz of "runs". Did you mean "--stats"?'],
  ['runs --limit many', '--limit needs a whole number, not "many".'],
  ['runs --limit', '--limit needs a value: N.'],
  ['runs --stats=1', '--stats takes no value, but got "1".'],
  ['show', '"show" needs a run: its id, the beginning of one, or `last`.'],
  ['rerun last', '"rerun" needs at least one stage, --failed, --skip or --rollback.'],
  ['rerun last --rollback test', '"rerun --rollback" undoes the whole run: it takes no stages.'],
  ['approve last', '"approve" needs a run: its id, the beginning of one, or `last`, and a stage.'],
  ['run a --set nonsense', '--set needs name=value, not "nonsense".'],
  [
    'run a --output colour',
    '--output is one of tui, plain, json, not "colour". A parameter of that name is given as --set output=colour.',
  ],
  ['show last --output colour', '--output is one of tui, plain, json, not "colour".'],
  [
    'runs --status fialed',
    '--status is one of running, waiting, success, warning, failed, rolled_back, cancelled, interrupted, not "fialed". Did you mean "failed"?',
  ],
  ['audit check last', '"audit" needs one of: verify.'],
  ['completion tcsh', 'No completion for "tcsh": bash, zsh or fish.'],
  ['schema projekt', 'There is no schema "projekt". Did you mean "project"?'],
  ['--projekt x', 'Unknown option --projekt. Did you mean "--project"?'],
])('"%s" is refused with one sentence', (line, message) => {
  expect(refused(line)).toBe(message);
});

test('a second argument of run says how parameters are written', () => {
  expect(refused('run --source /srv backup')).toBe(
    '"run" takes one pipeline: its name or its file; "backup" is too much. Parameters go after its name, or as --name=value.',
  );
});

test('workers and queues: which ones, how many at a time, and what a job is named for', () => {
  expect(parsed('worker')).toMatchObject({
    queues: ['test-execution', 'cleanup'],
    everySeconds: 60,
    isHere: false,
  });
  expect(parsed('worker --queues cleanup --concurrency 3')).toMatchObject({
    queues: ['cleanup'],
    concurrency: 3,
  });
  expect(refused('worker --queues clean')).toBe('There is no queue "clean". Did you mean "cleanup"?');
  expect(refused('worker --concurrency 0')).toBe('A worker takes at least one job at a time.');
  expect(parsed('queue retry job-1')).toMatchObject({ verb: 'retry', job: 'job-1', all: false });
  expect(refused('queue retry')).toBe('"queue retry" needs a job, or --all.');
  expect(refused('queue stats job-1')).toBe('"queue stats" takes no job.');
  expect(parsed('run release --executor queue')).toMatchObject({ context: 'queue' });
  expect(refused('run release --executor queue --context box')).toBe(
    '--executor queue and --context box exclude each other.',
  );
});

test('hook: both hooks unless one is named; what git gives a hook besides is taken', () => {
  expect(parsed('hook install')).toMatchObject({ verb: 'install', hooks: ['pre-commit', 'pre-push'] });
  expect(parsed('hook install --pre-push')).toMatchObject({ hooks: ['pre-push'] });
  expect(parsed('hook run pre-push origin git@host:x')).toMatchObject({ verb: 'run', hook: 'pre-push' });
  expect(refused('hook run post-merge')).toBe('"hook run" needs one of: pre-commit, pre-push.');
  expect(refused('hook install pre-commit')).toBe('"hook install" takes no argument; use --pre-commit.');
});
