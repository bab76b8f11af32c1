import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { onPty } from '../support/pty.ts';

const SHIP = `name: ship
description: Tell what changed, test it, ask, ship it.
params:
  fast: {type: bool, default: false, description: Leave the slow tests out}
stages:
  - name: analyze
    steps: ["echo about {{.commits}}"]
  - name: unit
    needs: [analyze]
    steps:
      - {name: lint, command: echo linted}
      - {name: test, command: "for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done; echo needle 中文; test -e repaired"}
  - name: slow
    needs: [analyze]
    if: "!params.fast"
    steps: [echo slow]
  - name: deploy
    needs: {unit: passed, slow: [passed, skipped]}
    require_confirmation: Ship it?
    steps: [echo shipped]
    rollback: ["echo taken back | tee undone"]
  - name: announce
    needs: [deploy]
    steps: ["test -e told"]
`;

/** Text that a terminal was asked to put on the clipboard. */
function copied(written: string): readonly string[] {
  // eslint-disable-next-line no-control-regex -- OSC 52
  return [...written.matchAll(/\u001b\]52;c;([A-Za-z0-9+/=]*)(?:\u0007|\u001b\\)/g)].map(([, text = '']) =>
    Buffer.from(text, 'base64').toString(),
  );
}

/** A repository with five commits, the newest of which changed two files. */
function repository(): TemporaryProject {
  const place = temporaryProject({ 'pipelines/ship.yaml': SHIP, '.gitignore': 'state\nconfig\n' });
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
      cwd: place.root,
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      encoding: 'utf8',
    });
  git('init', '-q', '-b', 'main');
  for (let at = 1; at <= 5; at += 1) {
    place.write('a.txt', `one\ntwo ${at}\nthree\n`);
    if (at === 5) place.write('b.txt', 'new\n');
    git('add', '-A');
    git('commit', '-q', '-m', `change ${at}`);
  }
  return place;
}

test.each([
  [80, 24],
  [200, 60],
])(
  'from Home through commits and the form to a run that is repaired, asked about, skipped in part and undone, at %i by %i',
  async (columns, rows) => {
    using place = repository();
    const env = { XDG_CONFIG_HOME: path.join(place.root, 'config') };
    await using app = onPty([], { cwd: place.root, columns, rows, env });
    // What a project has on top is chosen.
    await app.shows('❯ ship', 'Tell what changed');
    app.type('\r');
    await app.shows('Commits for ship', '5 commits', '2 files, +2 -1');
    app.type('v\u001b[B');
    await app.shows('┃');
    app.type(' ');
    await app.shows('2 chosen of 5 commits', '1 file, +1 -1');
    app.type('\t');
    app.type('G');
    await app.shows('+two 4');
    app.type('\r');
    await app.shows('Run ship', 'about 2 commits', '[ Start ]');
    app.type(' ');
    await app.shows('--fast=true');
    app.type('\u0013');
    // It failed: searched, copied, repaired.
    await app.shows('✗ unit', 'r retry', 'needle 中文');
    app.type('/needle\r');
    await app.shows('1/1 "needle"');
    app.type('1');
    app.type('&needle\r');
    await app.shows('only "needle" 1');
    app.type('y');
    await app.shows('copied 1 line(s)');
    expect(copied(app.written())).toEqual(['needle 中文']);
    app.type('\u001b');
    place.write('repaired', '');
    await app.shows('r retry', 'esc home');
    app.type('r');
    const asked = await app.shows('✓ unit', '? deploy: Ship it?', '- slow');
    expect(asked).toContain('attempt 2 of 2');
    app.type('y');
    // What comes after it fails: what was shipped is taken back.
    await app.shows('✗ announce', 'b roll back');
    app.type('b');
    await app.shows('undo deploy', 'y undo it');
    app.type('y');
    await app.shows('what it had done was undone', '↩ deploy');
    app.type('\u001b');
    await app.shows('Recent runs');
    app.type('h');
    await app.shows(' 1 run');
    app.type('b');
    await app.shows('rolled back, or can be', 'rolled back ');
    app.type('q');
    await app.shows('Recent runs');
    app.type('q');
    expect(await app.ended).toBe(0);
    expect(app.isAlternate()).toBe(false);
    const left = app.written();
    for (const [on, off] of MODES) expect(left.lastIndexOf(off)).toBeGreaterThan(left.lastIndexOf(on));
    const shown = await place.json(['show', 'last']);
    expect(shown).toMatchObject({ status: 'rolled_back', commits: [expect.any(String), expect.any(String)] });
  },
);

/** Alternate screen, mouse, cursor, paste: as before. */
const MODES = [
  ['\u001b[?1049h', '\u001b[?1049l'],
  ['\u001b[?1000h', '\u001b[?1000l'],
  ['\u001b[?1006h', '\u001b[?1006l'],
  ['\u001b[?25l', '\u001b[?25h'],
  ['\u001b[?2004h', '\u001b[?2004l'],
] as const;

test('a click and the wheel work in a real terminal, a borrowed terminal gets no mouse, and off is remembered', async () => {
  using place = repository();
  const env = { XDG_CONFIG_HOME: path.join(place.root, 'config'), SHELL: '/bin/sh' };
  await using app = onPty(['run', 'ship', '--fast'], { cwd: place.root, env, columns: 120, rows: 30 });
  const screen = await app.shows('✗ unit', 'r retry');
  const row = screen.split('\n').findIndex((line) => line.includes('analyze')) + 1;
  app.type(`\u001b[<0;6;${row}M\u001b[<0;6;${row}m`);
  await app.shows('1 analyze');
  app.type('!');
  await app.shows('a shell for stage analyze');
  const lent = app.written();
  expect(lent.lastIndexOf('\u001b[?1000l')).toBeGreaterThan(lent.lastIndexOf('\u001b[?1000h'));
  app.type('exit\r');
  await app.shows('r retry');
  await expect
    .poll(() => app.written().lastIndexOf('\u001b[?1000h'))
    .toBeGreaterThan(app.written().lastIndexOf('\u001b[?1000l'));
  app.type('M');
  await app.shows("the terminal's own again");
  app.type('q');
  expect(await app.ended).toBe(1);

  await using again = onPty([], { cwd: place.root, env });
  await again.shows('ship');
  again.type('q');
  expect(await again.ended).toBe(0);
  expect(again.written()).not.toContain('\u001b[?1000h');
});
