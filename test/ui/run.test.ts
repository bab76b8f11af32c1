import { expect, test } from 'vitest';
import type { RunSummary } from '../../src/core/run-index.ts';
import { idleRun, reduce, type RunState } from '../../src/core/run-state.ts';
import { runCreated } from '../support/definitions.ts';
import {
  ended,
  finished,
  pipelineOf,
  RUN_ID,
  ScriptedBackend,
  stageOf,
  started,
  stepEnded,
  stepStarted,
  summaryOf,
} from './support/scripted-backend.ts';
import { startScreen } from './support/start.ts';

const DOWN = '\u001b[B';
const LEFT = '\u001b[D';
const START = { work: { type: 'prepared' }, title: 'release' } as const;

test('after a failure b shows what undoing would do, and does it after y', async () => {
  const undoable = pipelineOf('release', [
    stageOf('prepare', ['tools'], {
      rollback: [
        { name: 'back', command: { text: './switch old', script: './switch old', values: [] }, env: {} },
      ],
    }),
    stageOf('unit', ['test']),
  ]);
  const backend = new ScriptedBackend({ definition: undoable });
  await using app = startScreen(backend, { first: START });
  backend.begin();
  backend.emit(started('prepare'), stepStarted('prepare', 'tools'), stepEnded('prepare', 'tools'));
  backend.emit(ended('prepare', 'passed'), started('unit'), ended('unit', 'failed'), finished('failed'));
  backend.finish();
  await app.terminal.shows('✗ unit', 'b roll back');
  app.terminal.type('b');
  await app.terminal.shows('this would happen', 'undo prepare', 'back: ./switch old', 'y undo it');
  expect(backend.works).toHaveLength(1);
  app.terminal.type('y');
  await expect.poll(() => backend.works.at(-1)).toEqual({ type: 'undo', runId: RUN_ID });
  backend.finish();
});

const BACKUP = pipelineOf('backup', [
  stageOf('copy', [], {
    uses: 'stream',
    config: {
      steps: [
        { name: 'tar', command: { text: 'tar cf -' } },
        {
          name: 'process',
          uses: 'tee',
          branches: [
            { name: 'checksum', uses: 'checksum' },
            { name: 'meter', uses: 'progress' },
            { name: 'save', steps: [{ name: 'gzip', uses: 'gzip' }] },
          ],
        },
        { name: 'read-back', command: { text: 'gzip -dc' } },
      ],
    },
  }),
]);

test.each([
  [80, 24, '75% ETA: 10s'],
  [200, 60, '75% 30 MiB/40 MiB 1 MiB/s ETA: 10s'],
])(
  'a stream shows the branches of its tee with a bar for what is metered, at %i by %i',
  async (columns, rows, bar) => {
    const mebi = 1024 * 1024;
    const branch = { what: '', status: 'running', bytes: 30 * mebi } as const;
    const backend = new ScriptedBackend({
      definition: BACKUP,
      progress: {
        copy: [
          { name: 'tar', what: 'tar cf -', kind: 'command', status: 'running' },
          {
            name: 'process',
            what: 'tee',
            kind: 'tee',
            status: 'running',
            bytes: 30 * mebi,
            branches: [
              { ...branch, name: 'checksum', kind: 'checksum', status: 'failed' },
              {
                ...branch,
                name: 'meter',
                kind: 'progress',
                size: 40 * mebi,
                bytes_per_second: mebi,
                eta_ms: 10_000,
              },
              { ...branch, name: 'save', kind: 'gzip' },
            ],
          },
        ],
      },
    });
    await using app = startScreen(backend, { first: START, columns, rows });
    backend.begin();
    backend.emit(started('copy', 1, 1, 'stream'), stepStarted('copy', 'tar'));
    const screen = await app.terminal.shows('▾ ', 'tar', '✗ checksum', 'meter', bar, '· read-back');
    expect(screen).toMatch(/█+░+ +75%/);
    const lines = screen.split('\n');
    const at = (text: string): number => lines.findIndex((line) => line.includes(text));
    expect(at('process')).toBeLessThan(at('checksum'));
    expect(at('75%')).toBe(at('meter') + 1);
    // Up from the branch to its tee, which closes; the choice never lands on a bar.
    app.terminal.type(`${DOWN}${DOWN}${DOWN}${DOWN}${DOWN}`);
    await app.terminal.shows('❯      ');
    app.terminal.type(LEFT);
    await app.terminal.shows('❯  ▾');
    app.terminal.type(LEFT);
    expect(await app.terminal.shows('▸ ')).not.toContain('checksum');
    backend.finish();
  },
);

test('suites of tests show their counts while they run, and one whose finding is a failure is marked', async () => {
  const suites = pipelineOf('release', [stageOf('test', ['unit', 'security'])]);
  const backend = new ScriptedBackend({
    definition: suites,
    progress: {
      test: [
        {
          name: 'unit',
          what: 'vitest run',
          kind: 'tests',
          status: 'running',
          counts: { passed: 12, failed: 1, skipped: 0 },
        },
        { name: 'security', what: 'npm audit', kind: 'report', status: 'failed', result: '2 high' },
      ],
    },
  });
  await using app = startScreen(backend, { first: START });
  backend.begin();
  backend.emit(started('test'), stepStarted('test', 'unit'), stepStarted('test', 'security'));
  backend.emit(stepEnded('test', 'security'));
  const screen = await app.terminal.shows('✓12 ✗1', '2 high');
  expect(screen).toContain('✗ security');
  backend.finish();
});

test('history: by pipeline, by days, what was rolled back or can be', async () => {
  const run = (id: string, more: Partial<RunSummary> & Pick<RunSummary, 'status'>): RunSummary =>
    summaryOf({ pipeline_id: id, ...more });
  const today = '2026-02-06T15:00:00.000Z';
  const undoable = pipelineOf('release', [
    stageOf('a', ['x'], {
      rollback: [{ name: 'back', command: { text: 'undo', script: 'undo', values: [] }, env: {} }],
    }),
    stageOf('b', ['y']),
  ]);
  const drafts = [
    runCreated(undoable),
    started('a'),
    stepStarted('a', 'x'),
    stepEnded('a', 'x'),
    ended('a', 'passed'),
    started('b'),
    ended('b', 'failed'),
    finished('failed'),
  ];
  const failedState = drafts.reduce<RunState>(
    (state, draft, seq) => reduce(state, { ...draft, seq: seq + 1, at: today, run_id: 'undo-me' }),
    idleRun('undo-me'),
  );
  const backend = new ScriptedBackend({
    runs: [
      run('undo-me', { status: 'failed', started_at: today }),
      run('was-undone', { status: 'rolled_back', started_at: today }),
      run('other-one', { status: 'failed', pipeline: 'backup', started_at: '2026-02-03T15:00:00.000Z' }),
      run('long-ago', { status: 'success', started_at: '2025-02-03T15:00:00.000Z' }),
    ],
    journals: { 'undo-me': failedState },
  });
  await using app = startScreen(backend, { columns: 110 });
  await app.terminal.shows('Pipelines');
  app.terminal.type('h');
  await app.terminal.shows('4 runs', 'long-ago');
  app.terminal.type('d');
  await app.terminal.hides('other-one');
  app.terminal.type('d');
  await app.terminal.shows('7 days', 'other-one');
  app.terminal.type('p');
  await app.terminal.shows('Only runs of the pipeline');
  app.terminal.type('back\r');
  await app.terminal.shows('backup  7 days');
  await app.terminal.hides('undo-me');
  app.terminal.type('\u001b');
  await app.terminal.shows('4 runs');
  app.terminal.type('b');
  const list = await app.terminal.shows('rolled back, or can be', 'undo-me', 'b, undoes it', 'was-undone');
  expect(list).not.toContain('other-one');
  app.terminal.type('\r');
  await app.terminal.shows('b roll back');
  app.terminal.type('b');
  await app.terminal.shows('undo a', 'y undo it');
});

test('q between the end of a run and the frame that shows it leaves', async () => {
  const backend = new ScriptedBackend();
  await using app = startScreen(backend, { first: START });
  backend.begin();
  backend.emit(started('unit'), ended('unit', 'passed'), finished('success'));
  await app.terminal.shows('success');
  backend.finish();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  app.terminal.type('q');
  expect(await app.screen.left).toBe('done');
});
