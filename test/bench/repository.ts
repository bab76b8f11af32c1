import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ok } from '../../src/core/failure.ts';
import { defaultSettings } from '../../src/core/settings/index.ts';
import type { Vcs } from '../../src/core/vcs.ts';
import { analyze } from '../../src/delivery/analyze/analyze.ts';
import { openVcs } from '../../src/vcs/index.ts';
import type { Figure } from './figure.ts';
import { spread, time } from './measure.ts';
import { makeFolder, makeProject, pipewright } from './project.ts';

const FILES = 10_000;
const COMMITS = 100_000;
const PAGE = 100;
const PIPELINE = `name: it
stages:
  - name: analyze
    uses: change-analysis
    since: HEAD~1
`;

/** What changed in 10,000 files, and pages of a log of 100,000 commits. */
export async function repository(rounds: number): Promise<readonly Figure[]> {
  return [...(await analysis(rounds)), ...(await pages(rounds))];
}

async function analysis(rounds: number): Promise<readonly Figure[]> {
  const root = makeProject(PIPELINE);
  git(root, ['init', '-q', '-b', 'main']);
  write(root, 'before');
  commit(root);
  write(root, 'after');
  const uncommitted = await measured(rounds, () => analyzed(root, 'HEAD'));
  commit(root);
  const committed = await measured(rounds, () => analyzed(root, 'HEAD~1'));
  const whole: number[] = [];
  for (let round = 0; round < rounds; round++) {
    whole.push(await time(pipewright('run', root, ['run', 'it'], { keepState: true })));
  }
  return [
    figure(`analysis of ${FILES} changed files`, committed, 2000),
    figure('the same, not committed', uncommitted, 2000),
    figure('a whole run of it, from start to exit', whole, 2000),
  ];
}

async function analyzed(root: string, since: string): Promise<void> {
  const { changes } = await analyze({
    project: root,
    environment: 'default',
    commits: [],
    since,
    settings: defaultSettings('bench'),
    releases: { read: () => Promise.resolve(ok({ releases: [], bad_commits: [] })) },
    openVcs,
  });
  if (changes.files_count !== FILES) throw new Error(`${changes.files_count} files instead of ${FILES}`);
}

async function pages(rounds: number): Promise<readonly Figure[]> {
  const root = makeFolder({});
  git(root, ['init', '-q', '-b', 'main']);
  git(root, ['fast-import', '--quiet'], history());
  const page = async (vcs: Vcs, skip: number): Promise<void> => {
    const read = await vcs.log({ skip, limit: PAGE });
    if (!read.ok || read.value.length !== PAGE) throw new Error(`no page at ${skip}`);
  };
  const first = await measured(rounds, async () => page(await open(root), 0));
  const jump = await measured(rounds, async () => page(await open(root), COMMITS / 2));
  const vcs = await open(root);
  await page(vcs, COMMITS / 2);
  let at = COMMITS / 2;
  const deep = await measured(rounds, () => page(vcs, (at += PAGE)));
  return [
    figure(`log of ${COMMITS} commits: opened, first page`, first, 150),
    figure('opened, a page in the middle', jump),
    figure('the page after it', deep, 150),
  ];
}

async function open(root: string): Promise<Vcs> {
  const vcs = await openVcs(root);
  if (!vcs.ok) throw new Error(JSON.stringify(vcs.failure));
  return vcs.value;
}

function* commitTexts(): Generator<string> {
  for (let index = 0; index < COMMITS; index++) {
    const stamp = `Dev${index % 40} <dev@example.org> ${1_500_000_000 + index * 300} +0000`;
    const message = `change number ${index}`;
    yield `commit refs/heads/main\nauthor ${stamp}\ncommitter ${stamp}\ndata ${message.length}\n${message}\n`;
    yield `M 100644 inline src/m${index % 50}/f${index % 997}.ts\ndata ${String(index).length}\n${index}\n\n`;
  }
}

function history(): string {
  return [...commitTexts()].join('');
}

function write(root: string, word: string): void {
  for (let index = 0; index < FILES; index++) {
    const folder = path.join(root, index % 2 === 0 ? 'server' : 'src/pages', `m${index % 97}`);
    if (index < 97 * 2) mkdirSync(folder, { recursive: true });
    const lines = Array.from({ length: 40 }, (_, line) => `line ${line} of ${index}`);
    writeFileSync(path.join(folder, `f${index}.ts`), `${lines.join('\n')}\n${word}\n`);
  }
}

function commit(root: string): void {
  git(root, ['add', '-A']);
  git(root, ['commit', '-q', '-m', 'x']);
}

function git(cwd: string, args: readonly string[], input = ''): void {
  const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'gc.auto=0'];
  const { status, stderr } = spawnSync('git', [...who, ...args], { cwd, input, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

async function measured(rounds: number, work: () => Promise<void>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times;
}

function figure(name: string, times: readonly number[], limit?: number): Figure {
  return { name, unit: 'ms', value: spread(times), ...(limit !== undefined && { limit }) };
}
