import { expect, test } from 'vitest';
import type { Change } from '../../src/core/vcs.ts';
import type { LastDeploy } from '../../src/ui/commits-state.ts';
import { commitsOf, MemoryVcs } from './support/memory-vcs.ts';
import { pipelineOf, ScriptedBackend, stageOf } from './support/scripted-backend.ts';
import { startScreen } from './support/start.ts';

const DOWN = '\u001b[B';
const UP = '\u001b[A';
const END = '\u001b[F';
const ESC = '\u001b';
const CTRL_S = '\u0013';

const PIPELINES = [{ name: 'ship', file: 'pipelines/ship.yaml', isShipped: false, isBroken: false }];
const SHIP = pipelineOf('ship', [stageOf('analyze', [], { uses: 'change-analysis', config: {} })]);

const CHANGES: readonly Change[] = [
  { path: 'src/a.ts', status: 'modified', added: 12, deleted: 3, is_binary: false, is_submodule: false },
  { path: 'logo.png', status: 'added', is_binary: true, is_submodule: false },
];
const DIFF = [
  'diff --git a/src/a.ts b/src/a.ts',
  '--- a/src/a.ts',
  '+++ b/src/a.ts',
  '@@ -1,3 +1,3 @@',
  '-old \u001b[2Jline',
  '+new\tline 中文',
  ...Array.from({ length: 60 }, (_, at) => ` context ${at}`),
  'diff --git a/logo.png b/logo.png',
  'Binary files differ',
].join('\n');

function shipWith(vcs: MemoryVcs, deployed?: LastDeploy): ScriptedBackend {
  return new ScriptedBackend({
    pipelines: PIPELINES,
    definition: SHIP,
    vcs: vcs.port,
    ...(deployed !== undefined && { deployed }),
  });
}

test.each([
  [80, 24],
  [200, 60],
])(
  'a pipeline that takes commits shows them first, with stat and coloured diff, at %i by %i',
  async (columns, rows) => {
    const vcs = new MemoryVcs({
      commits: commitsOf(300),
      changes: ({ to }) => (to === 'staged' ? [] : CHANGES),
      diff: () => DIFF,
    });
    const backend = shipWith(vcs);
    await using app = startScreen(backend, { columns, rows });
    await app.terminal.shows('ship');
    app.terminal.type('\r');
    // 300 are there, the first page holds fewer; what is not committed stands on top.
    const screen = await app.terminal.shows(
      'Commits for ship',
      'Working tree',
      '2 files',
      'change 300',
      '200+ commits',
    );
    expect(screen.split('\n')).toHaveLength(rows);
    app.terminal.type('g');
    app.terminal.type(DOWN);
    await app.terminal.shows('src/a.ts', '15 +', 'binary', '2 files, +12 -3');
    app.terminal.type('\t');
    app.terminal.type('n');
    const diff = await app.terminal.shows('-old line', '+new    line 中文');
    expect(diff).not.toContain('change 200');
    expect(app.terminal.hasColor).toBe(true);
    app.terminal.type('n');
    await app.terminal.shows('Binary files differ');
    app.terminal.type('z');
    await app.terminal.hides('change 299');
    app.terminal.type('z');
    app.terminal.type(ESC);
    await app.terminal.shows('change 299', 'v range');
    app.terminal.type('q');
    await app.terminal.shows('Pipelines of this project');
  },
);

test('commits are marked one by one and as a range, and become those of the run', async () => {
  const commits = commitsOf(20);
  const backend = shipWith(new MemoryVcs({ commits }));
  await using app = startScreen(backend, { columns: 120, rows: 40 });
  await app.terminal.shows('ship');
  app.terminal.type('\r');
  await app.terminal.shows('20 commits');
  app.terminal.type(' ');
  await app.terminal.shows('◆', '1 chosen of 20 commits');
  app.terminal.type('jv');
  app.terminal.type(DOWN + DOWN);
  await app.terminal.shows('┃');
  app.terminal.type('v');
  await app.terminal.shows('4 chosen of 20 commits');
  app.terminal.type(UP);
  app.terminal.type(' ');
  await app.terminal.shows('3 chosen of 20 commits');
  app.terminal.type('\r');
  await app.terminal.shows('Run ship', 'about 3 commits', '--commits');
  app.terminal.type(CTRL_S);
  const ids = [0, 2, 4].map((at) => commits[at]?.id.slice(0, 12)).join(',');
  await expect
    .poll(() => backend.works)
    .toEqual([{ type: 'start', order: { target: 'ship', values: [], commits: ids } }]);
  backend.refuse('locked');
  await app.terminal.shows('[ Start ]', 'locked');
  app.terminal.type(ESC);
  await app.terminal.shows('3 chosen of 20 commits');
});

test('a marks everything since the last deploy, told as a range; without a deploy it says so', async () => {
  const commits = commitsOf(50);
  const backend = shipWith(new MemoryVcs({ commits }), { id: commits[30]?.id ?? '', isRelease: true });
  await using app = startScreen(backend, { columns: 120, rows: 40 });
  await app.terminal.shows('ship');
  app.terminal.type('c');
  await app.terminal.shows('(deployed)', 'a since deploy');
  app.terminal.type('a');
  await app.terminal.shows('30 commit(s) since', '30 chosen of 50 commits');
  app.terminal.type('\r');
  const range = `${commits[30]?.id.slice(0, 12)}..${commits[0]?.id.slice(0, 12)}`;
  await app.terminal.shows('about 30 commits', `--commits ${range}`);

  const ranFor = shipWith(new MemoryVcs({ commits }), { id: commits[2]?.id ?? '', isRelease: false });
  await using ran = startScreen(ranFor, { columns: 120, rows: 40 });
  await ran.terminal.shows('ship');
  ran.terminal.type('c');
  expect(await ran.terminal.shows('(last run)')).not.toContain('(deployed)');

  await using fresh = startScreen(shipWith(new MemoryVcs({ commits })), { columns: 120, rows: 40 });
  await fresh.terminal.shows('ship');
  fresh.terminal.type('c');
  await fresh.terminal.shows('50 commits');
  fresh.terminal.type('a');
  expect(await fresh.terminal.shows('since deploy: no deploy is known yet')).not.toContain('chosen');
});

test('100 000 commits open with the first page, and the last one is reached', async () => {
  const vcs = new MemoryVcs({ commits: commitsOf(100_000) });
  await using app = startScreen(shipWith(vcs), { columns: 120, rows: 40 });
  await app.terminal.shows('ship');
  app.terminal.type('\r');
  await app.terminal.shows('change 100000', '200+ commits');
  expect(vcs.queries).toEqual([{ skip: 0, limit: 200 }]);
  app.terminal.type(DOWN.repeat(150));
  await app.terminal.shows('❯  0001860a', '1000+ commits');
  app.terminal.type(END);
  await app.terminal.shows('100000 commits');
  expect(await app.terminal.shows('change 1 ')).not.toContain('100000+');
});

test('filters by text and author, and another branch', async () => {
  const vcs = new MemoryVcs({ commits: commitsOf(30), branches: { next: commitsOf(5, 'other') } });
  await using app = startScreen(shipWith(vcs), { columns: 120, rows: 40 });
  await app.terminal.shows('ship');
  app.terminal.type('\r');
  await app.terminal.shows('30 commits');
  app.terminal.type('/');
  await app.terminal.shows('only messages with');
  app.terminal.type('change 2\r');
  await app.terminal.shows('"change 2"', '11 commits');
  app.terminal.type('@');
  app.terminal.type('Bob\r');
  await app.terminal.shows('by Bob', '5 commits');
  app.terminal.type('p');
  app.terminal.type('src\r');
  await app.terminal.shows('in src');
  expect(vcs.queries.at(-1)).toEqual({ text: 'change 2', author: 'Bob', path: 'src', skip: 0, limit: 200 });
  app.terminal.type(ESC);
  await app.terminal.shows('30 commits');
  app.terminal.type('b');
  await app.terminal.shows('Show the commits of a branch', 'next');
  app.terminal.type('ne\r');
  await app.terminal.shows('Commits for ship  next', 'other 5', '5 commits');
});

test('where there is no repository, c says so and enter goes to the form', async () => {
  const backend = new ScriptedBackend({ pipelines: PIPELINES, definition: SHIP });
  await using app = startScreen(backend);
  await app.terminal.shows('ship');
  app.terminal.type('c');
  await app.terminal.shows('in no repository');
  app.terminal.type('\r');
  expect(await app.terminal.shows('Run ship', '[ Start ]')).not.toContain('about');
});
