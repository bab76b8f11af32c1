import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { onPty } from '../support/pty.ts';
import { SLOW } from './cli-project.ts';

const RELEASE = `name: release
description: Test it, ask, deploy it.
params:
  version: {type: string, required: true, description: What to release}
  fast: {type: bool, default: false, description: Leave the slow tests out}
stages:
  - name: unit
    uses: shell
    steps:
      - {name: lint, command: echo linted}
      - {name: test, command: "echo expected 3; test -e repaired"}
  - name: slow
    uses: shell
    if: "!params.fast"
    steps:
      - {name: e2e, command: echo slow}
  - name: deploy
    uses: shell
    needs: {unit: [passed, skipped], slow: [passed, skipped]}
    require_confirmation: true
    steps:
      - {name: push, command: "echo pushed {{.version}} | tee pushed"}
`;

function project(): TemporaryProject {
  return temporaryProject({ 'pipelines/release.yaml': RELEASE, 'pipelines/slow.yaml': SLOW });
}

const CTRL_C = '\u0003';

test.each([
  [80, 24],
  [200, 60],
])('from Home through the form to a finished run, by keys alone, at %i by %i', async (columns, rows) => {
  using place = project();
  await using app = onPty([], { cwd: place.root, columns, rows });
  await app.shows('Pipelines of this project', 'Test it, ask, deploy it.');
  app.type('/rel\r');
  await app.shows('filter: rel');
  app.type('\r');
  await app.shows('Run release', 'What to release', '[ Start ]');
  app.type('\r');
  await app.shows('is required.');
  app.type('\u001b[A1.2\t ');
  await app.shows('--set version=1.2 --fast=true');
  app.type('\t\r');
  await app.shows('✗ unit', 'r retry', 'expected 3');
  place.write('repaired', '');
  app.type('r');
  const asked = await app.shows('? deploy: Run stage deploy?', 'y yes', '- slow');
  expect(asked).toContain('attempt 2 of 2');
  app.type('y');
  await app.shows('✓ success', 'pushed 1.2');
  app.type('q');
  expect(await app.ended).toBe(0);
  expect(app.isAlternate()).toBe(false);
  const left = app.scrollback();
  expect(left).toMatch(/✓ unit +passed/);
  expect(left).toMatch(/- slow +skipped/);
  expect(left).toMatch(/release {2}✓ success/);
  // Wrapping, cursor, bracketed paste: as before.
  expect(app.written()).toContain('\u001b[?7h');
  expect(app.written().lastIndexOf('\u001b[?25h')).toBeGreaterThan(app.written().lastIndexOf('\u001b[?25l'));
  expect(app.written().lastIndexOf('\u001b[?2004l')).toBeGreaterThan(
    app.written().lastIndexOf('\u001b[?2004h'),
  );
  expect(await place.json(['show', 'last'])).toMatchObject({ status: 'success' });
});

test('run shows its screen; skipping the failed stage goes on without it, and the exit code is that of the run', async () => {
  using place = project();
  await using app = onPty(['run', 'release', '--set', 'version=1'], { cwd: place.root });
  await app.shows('✗ unit', 's skip it');
  app.type('s');
  await app.shows('? deploy: Run stage deploy?');
  app.type('n');
  await app.shows('why not deploy?');
  app.type('not today\r');
  await app.shows('✗ deploy', 'not today');
  app.type('q');
  expect(await app.ended).toBe(1);
  const why = await place.run(['why', 'last']);
  expect(why.stdout).toContain('skipped-by-person');
  expect(why.stdout).toContain('not today');
});

test('quitting while a run is active goes on as plain lines, with its questions', async () => {
  using place = project();
  place.write('repaired', '');
  await using app = onPty(['run', 'release', '--set', 'version=1'], { cwd: place.root });
  await app.shows('? deploy: Run stage deploy?');
  app.type(CTRL_C);
  await app.shows('Leave?');
  app.type('p');
  await app.shows('goes on here', 'd(etails):');
  app.type('y');
  expect(await app.ended).toBe(0);
  expect(app.scrollback()).toContain('release  ✓ success');
});

test('leaving a run interrupts it so that it can be continued; leaving a question leaves it waiting', async () => {
  using place = project();
  await using slow = onPty(['run', 'slow'], { cwd: place.root });
  await slow.shows('begun');
  slow.type('q');
  await slow.shows('Leave?');
  slow.type('l');
  expect(await slow.ended).toBe(1);
  expect(slow.scrollback()).toContain('pipewright continue');
  expect(await place.json(['show', 'last'])).toMatchObject({ status: 'interrupted' });
  place.write('quick', '');
  expect((await place.run(['continue'])).code).toBe(0);

  place.write('repaired', '');
  await using asking = onPty(['run', 'release', '--set', 'version=1'], { cwd: place.root });
  await asking.shows('? deploy: Run stage deploy?');
  asking.type('q');
  await asking.shows('waits for an answer');
  asking.type('q');
  expect(await asking.ended).toBe(3);
  expect(asking.scrollback()).toContain('pipewright approve');
});

test('Ctrl-C twice cancels: the processes are gone and the code is 130', async () => {
  using place = project();
  await using app = onPty(['run', 'slow'], { cwd: place.root });
  await app.shows('begun');
  app.type(CTRL_C);
  await app.shows('Leave?');
  app.type(CTRL_C);
  expect(await app.ended).toBe(130);
  expect(await place.json(['show', 'last'])).toMatchObject({ status: 'cancelled' });
});

test('a dumb terminal, CI and a screen reader get plain lines', async () => {
  using place = project();
  place.write('quick', '');
  for (const env of [{ TERM: 'dumb' }, { CI: 'true' }, { INK_SCREEN_READER: 'true' }]) {
    await using app = onPty(['run', 'slow'], { cwd: place.root, env });
    expect(await app.ended).toBe(0);
    expect(app.written()).not.toContain('\u001b[?1049h');
    expect(app.written()).toContain('slow  ');
  }
});

test('a run that cannot begin says so on the terminal and not on a screen that vanishes', async () => {
  using place = temporaryProject({ 'pipelines/bad.yaml': 'name: bad\nstages: 3\n' });
  await using app = onPty(['run', 'bad'], { cwd: place.root });
  expect(await app.ended).toBe(2);
  expect(app.scrollback()).toContain('bad.yaml:2:');
});

const NOISY = `name: noisy
stages:
  - name: flood
    steps: ['while :; do echo 0123456789 0123456789 0123456789; done']
`;

/** Of a process that may have ended already. */
function stateOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';
  } catch {
    return 'gone';
  }
}

test('SIGTERM ends it also when the terminal has stopped reading, and the run is cancelled', async () => {
  using place = temporaryProject({ 'pipelines/noisy.yaml': NOISY });
  await using app = onPty(['run', 'noisy'], { cwd: place.root, columns: 200, rows: 60 });
  await app.shows('0123456789', 'following');
  const pid = app.pid();
  app.stall();
  // The flood fills what the kernel keeps for the terminal.
  await expect.poll(() => place.json(['show', 'last'])).toMatchObject({ status: 'running' });
  await new Promise((resolve) => {
    setTimeout(resolve, 1_500);
  });
  process.kill(pid, 'SIGTERM');
  // Nobody waits for it: a stopped parent leaves a zombie.
  await expect.poll(() => ['Z', 'gone'].includes(stateOf(pid))).toBe(true);
  expect(await place.json(['show', 'last'])).toMatchObject({ status: 'cancelled' });
});
