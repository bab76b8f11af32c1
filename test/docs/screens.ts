import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TemporaryProject, temporaryProject } from '../support/cli.ts';
import { onPty, type PtyProgram } from '../support/pty.ts';
import { ROOT } from './reference.ts';
import { toSvg } from './svg.ts';

/**
 * `npm run docs:screens`: plays a story on the built program in a real pseudo-terminal and writes what it shows to
 * docs/screens/*.svg. The pictures of docs/screen.md are never drawn by hand.
 */
const SIZE = { columns: 110, rows: 30 };
const FOLDER = path.join(ROOT, 'docs/screens');

const RELEASE = `name: release
description: Test what changed, ask, deploy it.
params:
  version: {type: string, required: true, description: What to release}
stages:
  - name: analyze
    steps: ["echo about {{.commits}}"]
  - name: unit
    needs: [analyze]
    retry: {max_attempts: 2, delay: 100ms}
    steps:
      - {name: lint, command: echo no problems}
      - {name: test, command: "cat results; test -e repaired"}
  - name: e2e
    needs: [analyze]
    if: "params.version != '1.2.0'"
    steps: [echo browser]
  - name: publish
    needs: {unit: passed, e2e: [passed, skipped]}
    require_confirmation: Publish to everybody?
    steps: ["echo published {{.version}}"]
    rollback: ["echo taken back"]
  - name: announce
    needs: [publish]
    steps: ["exit 3"]
`;

const NIGHTLY = `name: nightly
description: Back the data up, twice checked.
steps:
  - {name: pack, command: "head -c 4000000 /dev/zero", output: stream}
  - name: process
    type: tee
    input: pipe
    branches:
      - {name: checksum, command: sha256sum, output: variable:checksum}
      - {name: save, command: "gzip > copy.gz"}
`;

const RESULTS = `  ok    adds numbers
  ok    keeps the order of items
  FAIL  rounds to cents
        expected 12.35
        got      12.34
  2 passed, 1 failed
`;

/** A project with some history of its own. */
function project(): TemporaryProject {
  const place = temporaryProject({
    'pipelines/release.yaml': RELEASE,
    'pipelines/nightly.yaml': NIGHTLY,
    'src/price.ts': 'export const round = (value: number) => Math.floor(value * 100) / 100;\n',
    results: RESULTS,
    '.gitignore': 'state\ncopy.gz\n',
  });
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, {
      cwd: place.root,
      env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      encoding: 'utf8',
    });
  git('init', '-q', '-b', 'main');
  const commit = (subject: string, author: string): void => {
    git('add', '-A');
    git(
      '-c',
      'user.name=x',
      '-c',
      'user.email=x@example.com',
      'commit',
      '-q',
      '--author',
      author,
      '-m',
      subject,
    );
  };
  const ada = 'Ada Lovelace <ada@example.com>';
  const sun = '김선 <sun@example.com>';
  commit('A price is a number of cents', ada);
  place.write('src/cart.ts', 'export interface Cart {\n  readonly items: readonly string[];\n}\n');
  commit('The cart keeps the order of its items', sun);
  place.write('README.md', '# Shop\n\nPrices, carts, orders.\n');
  commit('README: what this is', ada);
  place.write(
    'src/price.ts',
    '/** To cents, half up. */\nexport const round = (value: number) => Math.round(value * 100) / 100;\n',
  );
  commit('Prices are rounded, not cut', sun);
  git('tag', 'v1.1.0', 'HEAD~2');
  return place;
}

function capture(app: PtyProgram, name: string): void {
  writeFileSync(path.join(FOLDER, `${name}.svg`), toSvg(app.buffer(), SIZE));
}

async function main(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  using place = project();
  await place.run(['run', 'nightly']);
  await place.run(['run', 'release', '--set', 'version=1.1.9']);
  await place.run(['run', 'nightly']);
  await using app = onPty([], {
    cwd: place.root,
    ...SIZE,
    env: { XDG_CONFIG_HOME: path.join(place.root, 'config'), HOME: path.dirname(place.root) },
  });
  await app.shows('Pipelines of this project', 'Test what changed');
  app.type('\u001b[B');
  await app.shows('❯ release');
  capture(app, 'home');
  app.type('\r');
  await app.shows('4 commits', '❯');
  app.type('v\u001b[B\u001b[B');
  app.type('v\u001b[A\u001b[A');
  await app.shows('3 chosen of 4 commits', 'Math.round');
  capture(app, 'commits');
  app.type('\r');
  await app.shows('Run release', 'about 3 commits');
  app.type('1.2.0');
  await app.shows('--set version=1.2.0');
  capture(app, 'form');
  app.type('\u0013');
  await app.shows('✗ unit', 'rounds to cents', 'r retry');
  capture(app, 'failed');
  place.write('repaired', '');
  app.type('r');
  await app.shows('✓ unit', '? publish: Publish to everybody?', 'y yes');
  capture(app, 'confirmation');
  app.type('y');
  await app.shows('✗ announce', 'b roll back');
  app.type('b');
  await app.shows('this would happen', 'y undo it');
  capture(app, 'rollback');
  app.type('y');
  await app.shows('what it had done was undone');
  app.type('\u001b');
  await app.shows('Recent runs');
  app.type('h');
  await app.shows('History', '4 runs', 'release');
  capture(app, 'history');
  app.type('q');
  await app.shows('Recent runs');
  app.type('q');
  await app.ended;
}

await main();
