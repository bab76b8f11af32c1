import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Draft, RunEvent } from '../../src/core/events.ts';
import type { Prompter } from '../../src/core/ports.ts';
import { idleRun, type RunState } from '../../src/core/run-state.ts';
import {
  decided,
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

const UP = '\u001b[A';
const DOWN = '\u001b[B';
const RIGHT = '\u001b[C';
const ESC = '\u001b';
const CTRL_C = '\u0003';
const CTRL_S = '\u0013';

const PIPELINES = [
  {
    name: 'release',
    file: 'pipelines/release.yaml',
    isShipped: false,
    description: 'Test it, deploy it.',
    isBroken: false,
  },
  {
    name: '배포',
    file: 'pipelines/deploy.yaml',
    isShipped: false,
    description: '서버에 올린다 🚀',
    isBroken: false,
  },
  { name: 'backup', file: 'backup.yaml', isShipped: true, description: 'Back a folder up.', isBroken: false },
];

const RUNS = [
  summaryOf({
    pipeline_id: '20260206-155900-0000001',
    status: 'waiting',
    started_at: '2026-02-06T15:59:10.000Z',
  }),
  summaryOf({
    pipeline_id: '20260206-150000-0000002',
    status: 'failed',
    started_at: '2026-02-06T15:00:00.000Z',
    duration_ms: 9_000,
  }),
  summaryOf({
    pipeline_id: '20260205-150000-0000003',
    status: 'success',
    pipeline: 'backup',
    started_at: '2026-02-05T15:00:00.000Z',
  }),
];

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folderWithLog(file: string, text: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-ui-'));
  folders.push(folder);
  mkdirSync(path.join(folder, 'logs'));
  writeFileSync(path.join(folder, file), text);
  return folder;
}

const RELEASE = pipelineOf('release', [
  stageOf('prepare', ['tools', 'deps']),
  stageOf('unit', ['lint', 'test'], {
    retry: { max_attempts: 3, delay_ms: 0, backoff: 'fixed', max_delay_ms: 0, jitter: 0, on: [] },
  }),
  stageOf('slow', ['e2e']),
  stageOf('deploy', ['push']),
]);

const START = { work: { type: 'prepared' }, title: 'release' } as const;

test('Home shows what waits on top, then pipelines with their last result, then recent runs', async () => {
  await using app = startScreen(new ScriptedBackend({ pipelines: PIPELINES, runs: RUNS }));
  const screen = await app.terminal.shows('Waiting for you', 'Pipelines of this project', 'Recent runs');
  const lines = screen.split('\n');
  const at = (text: string): number => lines.findIndex((line) => line.includes(text));
  expect(at('enter answers it')).toBeLessThan(at('Test it, deploy it.'));
  expect(lines[at('Test it, deploy it.')]).toMatch(/\? waiting just now|\? waiting 1 min ago/);
  expect(at('Shipped with Pipewright')).toBeLessThan(at('20260206-150000-0000002'));
  expect(screen).toContain('서버에 올린다 🚀');
  expect(lines).toHaveLength(24);
});

test('an empty project says what to do', async () => {
  await using app = startScreen(new ScriptedBackend());
  const screen = await app.terminal.shows('pipewright init');
  expect(screen).toContain('Choose a pipeline and press enter.');
});

test('the filter leaves rows with its words, says when there is none, and esc drops it', async () => {
  await using app = startScreen(new ScriptedBackend({ pipelines: PIPELINES, runs: RUNS }));
  await app.terminal.shows('release');
  app.terminal.type('/');
  await app.terminal.shows('enter accepts');
  app.terminal.type('back');
  const filtered = await app.terminal.shows('/back', 'Back a folder up.', '20260205-150000-0000003');
  expect(filtered).not.toContain('Test it, deploy it.');
  app.terminal.type('xyz');
  await app.terminal.shows('Nothing matches "backxyz"');
  app.terminal.type(ESC);
  await app.terminal.shows('Test it, deploy it.');
});

test('keys that arrive in one read are all taken, arrows and letters alike', async () => {
  const many = Array.from({ length: 30 }, (_, at) => ({
    ...PIPELINES[2],
    name: `p${String(at).padStart(2, '0')}`,
    file: 'x',
    isShipped: false,
    isBroken: false,
  }));
  await using app = startScreen(new ScriptedBackend({ pipelines: many }));
  await app.terminal.shows('p00');
  app.terminal.type('jjjjjjj');
  await app.terminal.shows('❯ p07');
  app.terminal.type(DOWN + DOWN + DOWN + UP);
  await app.terminal.shows('❯ p09');
  app.terminal.type(Array.from({ length: 12 }, () => 'j').join('') + 'kk');
  expect(await app.terminal.shows('❯ p19')).not.toContain('❯ p09');
});

test('help is printed from the keymap, the palette finds a command and does it', async () => {
  await using app = startScreen(new ScriptedBackend({ pipelines: PIPELINES, runs: RUNS }));
  await app.terminal.shows('release');
  app.terminal.type('?');
  await app.terminal.shows('Keys', 'Show only rows with these words.');
  app.terminal.type(ESC);
  await app.terminal.shows('Pipelines of this project');
  app.terminal.type(':');
  await app.terminal.shows('type to search');
  app.terminal.type('history');
  await app.terminal.shows('List all runs.');
  app.terminal.type('\r');
  expect(await app.terminal.shows('History', '3 runs')).not.toContain('List all runs.');
});

test('a key that cannot act now says why', async () => {
  await using app = startScreen(new ScriptedBackend({ pipelines: PIPELINES, runs: RUNS }));
  await app.terminal.shows('Waiting for you');
  app.terminal.type('p');
  const said = await app.terminal.shows('plan: choose a pipeline first');
  expect(said).toContain('Waiting for you');
});

test('a waiting run goes on when enter is pressed on it', async () => {
  const backend = new ScriptedBackend({ pipelines: PIPELINES, runs: RUNS });
  await using app = startScreen(backend);
  await app.terminal.shows('Waiting for you');
  app.terminal.type('\r');
  await expect.poll(() => backend.works).toEqual([{ type: 'continue', runId: '20260206-155900-0000001' }]);
  backend.finish();
});

test('the form checks like the command line, shows the command, and starts the run with what was typed', async () => {
  const definition = pipelineOf('release', [stageOf('unit', ['test'])], {
    version: { type: 'string', required: true, description: 'What to release', pattern: '[0-9.]+' },
    folder: { type: 'path', required: false, default: '' },
    jobs: { type: 'int', required: false, default: 2, min: 1, max: 8 },
    target: { type: 'choice', required: false, choices: ['small', 'large'], default: 'small' },
    fast: { type: 'bool', required: false, default: false },
  });
  const backend = new ScriptedBackend({ pipelines: PIPELINES, definition, lastValues: { version: '1.1' } });
  await using app = startScreen(backend);
  await app.terminal.shows('release');
  app.terminal.type('\r');
  await app.terminal.shows('version *', 'What to release', 'last run: 1.1', 'pipewright run release');
  app.terminal.type(CTRL_S);
  await app.terminal.shows('✗ version', 'is required.', 'nothing was started');
  app.terminal.type('one');
  app.terminal.type(DOWN);
  await app.terminal.shows('does not match [0-9.]+');
  app.terminal.type(`${UP}\u0015`);
  app.terminal.type("1.2'; x");
  app.terminal.type('\u0015');
  app.terminal.type('1.2\t');
  app.terminal.type('s');
  app.terminal.type('\t');
  await app.terminal.shows('src/ src-old/');
  app.terminal.type('/\t');
  await app.terminal.shows('❯ jobs');
  app.terminal.type('\u00159\t');
  await app.terminal.shows('at most 8');
  app.terminal.type(`${UP}\u00153\t`);
  app.terminal.type(`${RIGHT}\t`);
  app.terminal.type(' ');
  await app.terminal.shows('--set version=1.2', '--folder=src/', '--jobs=3', '--target=large', '--fast=true');
  expect(backend.works).toEqual([]);
  app.terminal.type(`${DOWN}${DOWN}\r`);
  await expect
    .poll(() => backend.works)
    .toEqual([
      {
        type: 'start',
        order: {
          target: 'release',
          values: [
            { name: 'version', value: '1.2' },
            { name: 'folder', value: 'src/' },
            { name: 'jobs', value: '3' },
            { name: 'target', value: 'large' },
            { name: 'fast', value: 'true' },
          ],
        },
      },
    ]);
  backend.refuse('release is locked for staging', 'pipewright unlock release  opens it');
  await app.terminal.shows('release was not started', 'pipewright unlock release');
});

test('a run draws its tree: what runs is open, what was skipped says why, the log of what runs beside it', async () => {
  const backend = new ScriptedBackend({
    definition: RELEASE,
    folder: folderWithLog(
      'logs/unit.test.log',
      'first line\n\u001b[31mred\u001b[0m 中文 \u001b]0;title\u0007ok\nlast line\n',
    ),
  });
  await using app = startScreen(backend, { first: START });
  backend.begin();
  backend.emit(
    started('prepare'),
    stepStarted('prepare', 'tools'),
    stepEnded('prepare', 'tools'),
    ended('prepare', 'passed'),
  );
  backend.emit(
    started('unit', 2, 3),
    stepStarted('unit', 'lint'),
    stepEnded('unit', 'lint'),
    stepStarted('unit', 'test'),
  );
  backend.emit(decided('slow', 'if: !params.fast is false'), ended('slow', 'skipped'));
  const screen = await app.terminal.shows(
    '▸ ✓ prepare',
    '1.5s',
    'attempt 2 of 3',
    '✓ lint',
    '- slow',
    'unit › test',
    'last line',
  );
  expect(screen).toMatch(/running, 2 of 4/);
  expect(screen).toContain('red 中文 ok');
  expect(screen).not.toContain('title');
  expect(screen.split('\n')).toHaveLength(24);
  backend.emit(stepEnded('unit', 'test'), ended('unit', 'passed', { attempt: 2 }), finished('success'));
  backend.finish();
  await app.terminal.shows('✓ success', '4.2s', 'q leaves');
});

test('a question is answered by its keys: details, no with a reason, yes', async () => {
  const backend = new ScriptedBackend({ definition: RELEASE });
  await using app = startScreen(backend, { first: START });
  backend.begin();
  const first = backend.ask('deploy', 'Deploy to production?');
  await app.terminal.shows('? deploy: Deploy to production?', 'y yes', 'n no', 's skip', 'd details');
  app.terminal.type('d');
  await app.terminal.shows('Details: deploy', 'push: run push');
  app.terminal.type(ESC);
  await app.terminal.shows('? deploy: Deploy to production?');
  app.terminal.type('n');
  await app.terminal.shows('why not deploy?');
  app.terminal.type('wrong branch\r');
  expect(await first).toEqual({ answer: 'rejected', comment: 'wrong branch' });
  const second = backend.ask('deploy', 'Deploy to production?');
  await app.terminal.shows('? deploy: Deploy to production?');
  app.terminal.type('y');
  expect(await second).toEqual({ answer: 'approved' });
  const third = backend.ask('slow', 'Run slow?');
  await app.terminal.shows('? slow: Run slow?');
  app.terminal.type('s');
  expect(await third).toEqual({ answer: 'skipped' });
  const hosts = Array.from({ length: 6 }, (_, at) => `api@web-${at}`).join(', ');
  const long = backend.ask('deploy', `first deploy of ${hosts}. Deploy all the same?`);
  await app.terminal.shows('? deploy: first deploy of api@web-0', 'Deploy all the same?', 'y yes');
  app.terminal.type('y');
  expect(await long).toEqual({ answer: 'approved' });
  backend.finish();
});

test('after a failure the failing step is chosen with its log; r retries, s goes on without it, ! opens a shell', async () => {
  const backend = new ScriptedBackend({
    definition: RELEASE,
    folder: folderWithLog('logs/unit.test.log', 'error: expected 3, got 4\n'),
  });
  await using app = startScreen(backend, { first: START });
  backend.begin();
  backend.emit(
    started('unit'),
    stepStarted('unit', 'lint'),
    stepEnded('unit', 'lint'),
    stepStarted('unit', 'test'),
    stepEnded('unit', 'test', 1),
  );
  backend.emit(ended('unit', 'failed'), finished('failed'));
  backend.finish();
  const screen = await app.terminal.shows(
    '✗ unit: exited with code 1',
    'r retry',
    's skip it',
    'expected 3, got 4',
  );
  expect(screen).toMatch(/❯ +✗ test/);
  app.terminal.type('!');
  await expect.poll(() => backend.shells).toEqual(['unit']);
  await app.terminal.shows('r retry');
  app.terminal.type('r');
  await expect.poll(() => backend.works.at(-1)).toEqual({ type: 'continue', runId: RUN_ID });
  await app.terminal.hides('s skip it');
  backend.emit(finished('failed'));
  backend.finish();
  await app.terminal.shows('s skip it');
  app.terminal.type('s');
  await expect
    .poll(() => backend.works.at(-1))
    .toEqual({
      type: 'rerun',
      runId: RUN_ID,
      choice: { stages: [], downstream: false, failed: true, skip: ['unit'] },
    });
  backend.finish();
});

test('logs are split, pinned, zoomed, searched and copied clean', async () => {
  const lines = Array.from({ length: 200 }, (_, at) =>
    at === 150 ? '\u001b[31mneedle 中文\u001b[0m' : `line ${at}`,
  );
  const backend = new ScriptedBackend({
    definition: RELEASE,
    folder: folderWithLog('logs/unit.test.log', `${lines.join('\n')}\n`),
  });
  await using app = startScreen(backend, { first: START, columns: 200, rows: 60 });
  backend.begin();
  backend.emit(started('unit'), stepStarted('unit', 'test'));
  await app.terminal.shows('line 199', 'following');
  app.terminal.type('|');
  const split = await app.terminal.shows('2 unit', 'pinned');
  expect(split.split('\n')).toHaveLength(60);
  app.terminal.type('2');
  app.terminal.type('/needle\r');
  await app.terminal.shows('1/1 "needle"', 'paused');
  app.terminal.type('&needle\r');
  await app.terminal.shows('only "needle" 1');
  app.terminal.type('Y');
  await app.terminal.shows('copied 1 line(s)');
  expect(app.copied).toEqual(['needle 中文']);
  app.terminal.type('z');
  await app.terminal.hides('▾');
  app.terminal.type('z');
  await app.terminal.shows('prepare');
  backend.finish();
});

test('quitting while a run is active asks: stay, cancel, leave', async () => {
  const backend = new ScriptedBackend({ definition: RELEASE });
  await using app = startScreen(backend, { first: START });
  backend.begin();
  backend.emit(started('unit'));
  await app.terminal.shows('running');
  app.terminal.type('q');
  await app.terminal.shows('release is active. Leave?', 'go on as plain lines', 'cancel it', 'leave it');
  app.terminal.type('n');
  await app.terminal.shows('x cancel');
  app.terminal.type(CTRL_C);
  await app.terminal.shows('Leave?');
  app.terminal.type('l');
  await expect.poll(() => backend.stops).toEqual([{ kind: 'interrupt', cause: 'the screen was left' }]);
  backend.finish();
  expect(await app.screen.left).toBe('done');
  await expect.poll(() => app.terminal.isAlternate).toBe(false);
});

test('leaving with only a question open leaves the run waiting', async () => {
  const backend = new ScriptedBackend({ definition: RELEASE });
  await using app = startScreen(backend, { first: START });
  backend.begin();
  const answer = backend.ask('deploy', 'Deploy?');
  await app.terminal.shows('? deploy: Deploy?');
  app.terminal.type(CTRL_C);
  await app.terminal.shows('Leave?');
  app.terminal.type('l');
  expect(await answer).toEqual({ answer: 'nobody' });
  expect(backend.stops).toEqual([]);
  backend.finish();
});

test('the run goes on while Home is shown, which says so, and what it asks', async () => {
  const backend = new ScriptedBackend({ pipelines: PIPELINES, definition: RELEASE });
  await using app = startScreen(backend, { first: START });
  backend.begin();
  await app.terminal.shows('running');
  app.terminal.type(ESC);
  await app.terminal.shows('Pipelines of this project', 'release is running; a goes to it');
  const answer = backend.ask('deploy', 'Deploy?');
  await app.terminal.shows('release asks you something');
  app.terminal.type('a');
  await app.terminal.shows('? deploy: Deploy?');
  app.terminal.type('y');
  expect(await answer).toEqual({ answer: 'approved' });
  backend.finish();
});

function journalOf(status: 'success' | 'failed', runId: string): RunState {
  const backend = new ScriptedBackend({ definition: RELEASE });
  let state = idleRun(runId);
  const observe = (_event: RunEvent, after: RunState): void => {
    state = { ...after, run_id: runId };
  };
  const prompter: Prompter = {
    confirm: async () => ({ answer: 'nobody' }),
    interrupted: async () => 'nobody',
  };
  backend.port.drive({ type: 'prepared' }, { observe, prompter });
  backend.begin();
  backend.emit(started('unit'), ended('unit', status === 'success' ? 'passed' : 'failed'), finished(status));
  return state;
}

test('History lists, filters by status and text, opens a run from its journal, shows a rerun plan before it starts', async () => {
  const backend = new ScriptedBackend({
    pipelines: PIPELINES,
    runs: RUNS,
    definition: RELEASE,
    journals: {
      '20260206-150000-0000002': journalOf('failed', '20260206-150000-0000002'),
      '20260205-150000-0000003': journalOf('success', '20260205-150000-0000003'),
    },
  });
  await using app = startScreen(backend, { columns: 200, rows: 60 });
  await app.terminal.shows('release');
  app.terminal.type('h');
  await app.terminal.shows('3 runs', '20260205-150000-0000003');
  app.terminal.type('s');
  await app.terminal.hides('20260205-150000-0000003');
  await app.terminal.shows('✗ failed');
  app.terminal.type(ESC);
  await app.terminal.shows('20260205-150000-0000003');
  app.terminal.type('j j c');
  await app.terminal.shows('Two runs compared', 'the same', '✗ failed', '←');
  app.terminal.type(ESC);
  await app.terminal.shows('3 runs');
  app.terminal.type('k\r');
  await app.terminal.shows('20260206-150000-0000002', '✗ unit');
  app.terminal.type('w');
  await app.terminal.shows('why of unit');
  app.terminal.type(ESC);
  await app.terminal.hides('why of unit');
  app.terminal.type('R');
  await app.terminal.shows('Rerun from unit: this would happen', 'plan of release', 'y start it');
  expect(backend.works).toEqual([]);
  app.terminal.type('y');
  await expect
    .poll(() => backend.works)
    .toEqual([
      {
        type: 'rerun',
        runId: '20260206-150000-0000002',
        choice: { stages: ['unit'], downstream: true, failed: false },
      },
    ]);
  backend.finish();
});

test.each([
  [80, 24],
  [200, 60],
  [46, 12],
])('every screen fits %i by %i, also after a resize', async (columns, rows) => {
  const backend = new ScriptedBackend({ pipelines: PIPELINES, runs: RUNS, definition: RELEASE });
  await using app = startScreen(backend, { columns: 120, rows: 40 });
  await app.terminal.shows('release');
  app.terminal.resize(columns, rows);
  app.terminal.type('h');
  const history = await app.terminal.shows('History');
  expect(history.split('\n')).toHaveLength(rows);
  expect(history.split('\n').at(-1)).toContain('open');
  app.terminal.type(ESC);
  await app.terminal.shows('Pipewright');
  app.terminal.type('?');
  const help = await app.terminal.shows('Keys');
  expect(help.split('\n').at(-1)).toContain('back');
});

test('without colours no cell has one, and the chosen row is still marked', async () => {
  await using plain = startScreen(new ScriptedBackend({ pipelines: PIPELINES, runs: RUNS }), {
    hasColor: false,
  });
  await plain.terminal.shows('❯ ? release');
  expect(plain.terminal.hasColor).toBe(false);
  await using coloured = startScreen(new ScriptedBackend({ pipelines: PIPELINES, runs: RUNS }));
  await coloured.terminal.shows('❯ ? release');
  expect(coloured.terminal.hasColor).toBe(true);
});

test('names and reasons from outside never reach the terminal as control characters', async () => {
  const evil = '\u001b[2J\u001b]0;owned\u0007\u001b[31mred\u202e';
  await using app = startScreen(
    new ScriptedBackend({
      pipelines: [
        { name: `p${evil}`, file: `f${evil}`, description: `d${evil}`, isShipped: false, isBroken: false },
      ],
    }),
  );
  const screen = await app.terminal.shows('Pipelines of this project', 'pred');
  expect(screen).not.toContain('owned');
  expect(screen).not.toContain('\u202e');
});

test('a part that cannot be drawn is one line; keys go on to work', async () => {
  const backend = new ScriptedBackend({ pipelines: PIPELINES, definition: RELEASE });
  await using app = startScreen(backend, { first: START });
  backend.begin();
  // As a journal of another version might have it.
  const strange: Draft = JSON.parse(JSON.stringify({ ...ended('unit', 'failed'), warnings: null }));
  backend.emit(started('unit'), strange);
  await app.terminal.shows('cannot be drawn', 'the run goes on');
  app.terminal.type(ESC);
  expect(await app.terminal.shows('Pipelines of this project')).not.toContain('cannot be drawn');
  backend.finish();
});
