import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expectThat, type Hour, sh, write } from './hour.ts';
import type { Program } from './packed.ts';

const GIT = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];

/** The first two stages of the autopilot, for a project that is not deployed anywhere. */
const ANALYZE_AND_TEST = `name: analyze-and-test
stages:
  - { name: analyze, uses: change-analysis, since: HEAD~1 }
  - { name: test, uses: test-suite, suites: [unit] }
`;

/** A checkout as small public packages are: init, plan, its own tests, and the autopilot's first two stages. */
export async function checkOut(hour: Hour, program: Program): Promise<void> {
  const cwd = path.join(hour.folder, 'checkout');
  await hour.step(
    'a package with history',
    () => makePackage(cwd),
    (commits) => `${commits} commits`,
  );
  await hour.step(
    'init, validate, and the pipeline that it wrote',
    () => {
      program.run(['init'], cwd);
      program.run(['validate'], cwd);
      const { stdout } = program.run(['run', 'test'], cwd);
      expectThat(/✓ success/.test(stdout), `the tests did not pass:\n${stdout}`);
      return JSON.parse(program.run(['show', 'last', '--json'], cwd).stdout);
    },
    ({ stages }) =>
      stages.map(({ name, status }: { name: string; status: string }) => `${name} ${status}`).join(', '),
  );
  write(path.join(cwd, 'pipelines/analyze-and-test.yaml'), ANALYZE_AND_TEST);
  await hour.step(
    'analyze and test of the last commit',
    () => {
      program.run(['run', 'analyze-and-test', '--commits', 'last:1'], cwd);
      return program.run(['why', 'last', 'analyze'], cwd).stdout;
    },
    (why) => `${why.trim().split('\n').length} lines of why`,
  );
  await hour.step('a change that breaks its tests is seen', () => {
    commit(cwd, 'src/index.js', 'export const sum = (a, b) => a - b;\n', 'Make it faster');
    program.run(['run', 'test'], cwd, [1]);
    const { stdout } = program.run(['run', 'analyze-and-test', '--commits', 'last:1'], cwd, [1]);
    expectThat(/1 of 2 tests failed|unit failed/.test(stdout), `it does not say what failed:\n${stdout}`);
  });
}

function makePackage(cwd: string): number {
  mkdirSync(cwd);
  sh('git', ['init', '--quiet', '--initial-branch=main'], { cwd });
  const manifest = { name: 'tiny-sum', version: '1.0.0', type: 'module', scripts: { test: 'node --test' } };
  const lock = { name: 'tiny-sum', version: '1.0.0', lockfileVersion: 3, packages: { '': manifest } };
  write(path.join(cwd, 'package-lock.json'), JSON.stringify(lock));
  write(path.join(cwd, '.gitignore'), 'node_modules\nstate\n');
  const history = [
    ['package.json', JSON.stringify(manifest), 'Begin'],
    ['src/index.js', 'export const sum = (a, b) => a + b;\n', 'Add sum'],
    ['test/sum.test.js', TEST, 'Test it'],
    ['README.md', '# tiny-sum\n', 'Explain it'],
    ['src/index.js', 'export const sum = (a, b) => b + a;\n', 'Turn it around'],
  ] as const;
  for (const [file, text, message] of history) commit(cwd, file, text, message);
  return Number(sh('git', ['rev-list', '--count', 'HEAD'], { cwd }).stdout);
}

const TEST = `import assert from 'node:assert';
import { test } from 'node:test';
import { sum } from '../src/index.js';
test('adds', () => assert.equal(sum(1, 2), 3));
test('adds nothing', () => assert.equal(sum(0, 0), 0));
`;

function commit(cwd: string, file: string, text: string, message: string): void {
  write(path.join(cwd, file), text);
  sh('git', ['add', '--all'], { cwd });
  sh('git', [...GIT, 'commit', '--quiet', '--message', message], { cwd });
}
