import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { RunRecord } from '../../src/core/run-index.ts';
import { type Figure, ratioFigure } from './figure.ts';
import { interleaved, spread, type Subject, time } from './measure.ts';
import { makeProject, nodeNothing, pipewright } from './project.ts';

const RUNS = 10_000;
const TINY = `name: it
stages:
  - name: one
    steps: [{name: a, command: 'true'}]
  - name: two
    steps: [{name: a, command: 'true'}, {name: b, command: 'true'}]
`;

/** One run more, and the list, where 10,000 runs lie already. */
export async function history(rounds: number): Promise<readonly Figure[]> {
  const empty = makeProject(TINY);
  const full = makeProject(TINY);
  await time(pipewright('first run', full, ['run', 'it']));
  addHistory(path.join(full, 'state'));
  const snapshot = path.join(full, 'state', 'pipeline.json');
  const keepState = { keepState: true };
  // Written by the first run after the history was made; put back for all but the one that goes without.
  await time(pipewright('snapshot', full, ['run', 'it'], keepState));
  const kept = readFileSync(snapshot);
  const on = (name: string, args: readonly string[]): Subject => ({
    ...pipewright(name, full, args, keepState),
    before: () => {
      if (!existsSync(snapshot)) writeFileSync(snapshot, kept, { mode: 0o600 });
    },
  });
  const subjects = [
    nodeNothing,
    pipewright('none', empty, ['run', 'it']),
    on('10k', ['run', 'it']),
    on('runs', ['runs']),
    on('runs --json', ['runs', '--json']),
    {
      ...pipewright('runs, snapshot deleted', full, ['runs'], keepState),
      before: () => rmSync(snapshot, { force: true }),
    },
    on('show last', ['show', 'last']),
  ];
  const times = await interleaved(subjects, rounds);
  const lists = ['runs', 'runs --json', 'runs, snapshot deleted'];
  return [
    ratioFigure(
      'a run with 10,000 runs of history: against none',
      times,
      { subject: '10k', against: 'none' },
      1.2,
    ),
    ...[...lists, 'show last'].map((subject) =>
      ratioFigure(`${subject} at 10,000 runs: against node -e 0`, times, {
        subject,
        against: nodeNothing.name,
      }),
    ),
    ...lists.map((name): Figure => ({
      name: `${name} at 10,000 runs`,
      unit: 'ms',
      value: spread(times[name] ?? []),
      limit: 300,
    })),
  ];
}

/** The run that is there, 10,000 times: its index records and its journal under other ids. */
function addHistory(state: string): void {
  const index = path.join(state, 'index.ndjson');
  const records = readFileSync(index, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): RunRecord => JSON.parse(line));
  const [id = ''] = readdirSync(path.join(state, 'runs'));
  const journalFolder = path.join(state, 'runs', id, 'journal');
  const [segment = ''] = readdirSync(journalFolder);
  const journal = readFileSync(path.join(journalFolder, segment), 'utf8');
  let lines = '';
  for (let run = 0; run < RUNS; run += 1) {
    const runId = `20250101-${String(run).padStart(6, '0')}-${run.toString(16).padStart(7, '0')}`;
    lines += records.map((record) => `\n${JSON.stringify(record).replaceAll(id, runId)}\n`).join('');
    const folder = path.join(state, 'runs', runId, 'journal');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, segment), journal.replaceAll(id, runId));
  }
  const own = readFileSync(index, 'utf8');
  writeFileSync(index, lines);
  appendFileSync(index, own);
  rmSync(path.join(state, 'pipeline.json'), { force: true });
}
