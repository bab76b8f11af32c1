import { readFileSync } from 'node:fs';
import path from 'node:path';
import { commitAll, expectThat, type Hour, sh, write } from './hour.ts';
import type { Program, RunFacts } from './packed.ts';

const ESCAPE = '\u001b';
const CTRL_S = '\u0013';

/** The repository of the npm package tinyqueue with its history, as it is on GitHub. */
const HISTORY = path.resolve(import.meta.dirname, '../../fixtures/tinyqueue/history.bundle');

/** Commits that are picked on the screen, one found by its message, one by moving to it. */
const PICKED = ['refactor: improve type definition (#18)', 'improved code readability'] as const;

/** The checkout of a public package as it is: init, its own tests, commits picked on the screen, the autopilot with them. */
export async function checkOut(hour: Hour, program: Program): Promise<void> {
  const cwd = path.join(hour.folder, 'tinyqueue');
  await hour.step(
    'a checkout of tinyqueue, as it is',
    async () => {
      await sh('git', ['clone', '--quiet', HISTORY, cwd], { cwd: hour.folder });
      return sh('git', ['rev-list', '--count', 'HEAD'], { cwd });
    },
    ({ stdout }) => `${stdout.trim()} commits`,
  );
  await hour.step(
    'init, validate, and the pipeline that it wrote',
    async () => {
      await program.run(['init'], cwd);
      // What a registry knows by now about a lock file of 2024 is not what this is about.
      const settings = path.join(cwd, 'pipewright.yaml');
      const written = readFileSync(settings, 'utf8');
      expectThat(written.includes('{ level: high }'), `init did not see the lock file:\n${written}`);
      write(settings, written.replace('{ level: high }', '{ level: high, verdict: warning }'));
      await program.run(['validate'], cwd);
      const { stdout } = await program.run(['run', 'test'], cwd);
      expectThat(stdout.includes('✓ success'), `the tests did not pass:\n${stdout}`);
      await commitAll(cwd, 'Add pipelines');
      return program.lastRun(cwd);
    },
    ({ stages }) => stages.map(({ name, status }) => `${name} ${status}`).join(', '),
  );
  await hour.step(
    'two commits picked on the screen, and the autopilot with them',
    () => pickAndRun(program, cwd),
    (files) => `${files.length} files changed by them`,
  );
  await hour.step('a change that breaks its tests is seen', async () => {
    const file = path.join(cwd, 'index.js');
    write(file, readFileSync(file, 'utf8').replace('a < b ? -1', 'a > b ? -1'));
    await commitAll(cwd, 'Make it faster');
    const { stdout } = await program.run(['run', 'autopilot', '--commits', 'last:1'], cwd, [1]);
    expectThat(/unit failed: \d of 4 tests failed/.test(stdout), `it does not say what failed:\n${stdout}`);
  });
}

/** Home, Commits, form and run, by keys; gives what the analysis says that the picked commits changed. */
async function pickAndRun(program: Program, cwd: string): Promise<readonly string[]> {
  await using app = program.onTerminal([], cwd);
  await app.shows('❯ test', 'autopilot');
  app.type('/autopilot\r');
  await app.shows('❯ autopilot');
  app.type('\r');
  await app.shows('Commits for autopilot', '54 commits', 'Add pipelines');
  app.type('/(#18)\r');
  await app.shows('"(#18)"  1 commit', PICKED[0]);
  app.type(' ');
  await app.shows('1 chosen');
  app.type(ESCAPE);
  await app.shows('1 chosen of 54 commits', '◆');
  // Newest first: three commits up from here were made after it.
  app.type('gjjjj');
  await app.shows(PICKED[1], '1 file, +7 -9');
  app.type(' ');
  await app.shows('2 chosen of 54 commits');
  app.type('\r');
  await app.shows('Run autopilot', 'about 2 commits', '--commits', '[ Start ]');
  app.type(CTRL_S);
  await app.shows('✓ analyze', 'esc goes home, q leaves');
  app.type('q');
  const code = await app.ended;
  expectThat(code === 0, `the screen ended with ${code}`);
  return changedBy(PICKED, await program.lastRun(cwd), cwd);
}

async function changedBy(
  subjects: readonly string[],
  run: RunFacts,
  cwd: string,
): Promise<readonly string[]> {
  const { stdout } = await sh('git', ['show', '--no-patch', '--format=%s', ...run.commits], { cwd });
  expectThat(stdout.trim() === subjects.join('\n'), `the run is about other commits:\n${stdout}`);
  const named = await sh('git', ['show', '--name-only', '--format=', ...run.commits], { cwd });
  const wanted = [...new Set(named.stdout.trim().split('\n'))].toSorted();
  const said = Object.values(run.changes?.categories ?? {})
    .flat()
    .toSorted();
  expectThat(
    said.join() === wanted.join(),
    `they changed ${wanted.join()}, the analysis says ${said.join()}`,
  );
  const tested = run.stages.find(({ name }) => name === 'test');
  expectThat(tested?.status !== undefined && /passed|warning/.test(tested.status), 'nothing was tested');
  return said;
}
