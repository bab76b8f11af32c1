import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PINNED_NODE, type TemporaryProject, temporaryProject } from '../support/cli.ts';

const MODEL = path.resolve(import.meta.dirname, '../fixtures/models/tester.mjs');
/** The pinned Node comes first: a test may not depend on that of the system. */
const PATH = `${path.dirname(PINNED_NODE)}:${process.env['PATH']}`;

const STAGES = `stages:
  - {name: analysis, uses: vcs-analysis}
  - {name: strategy, uses: test-strategy}
  - {name: code, uses: test-code-generation, parallel: true, max_workers: 2}
  - {name: scenarios, uses: test-scenario-generation}
  - {name: review, uses: review-generation}
  - {name: export, uses: test-export, on_failure: rollback}
`;

const CHECK = `  - name: check
    uses: shell
    on_failure: rollback
    steps:
      - {name: javascript, command: node --test}
      - {name: python, command: python3 -B -m unittest discover -s tests}
      - {name: edit, command: "for one in docs/test-scenarios/*/review.md; do echo mine >> $one; done"}
      - {name: refuse, command: "false"}
`;

const slugify = (pattern: string): string => `/** @param {string} text */
export function slugify(text) {
  return text.trim().toLowerCase().replace(${pattern}, '-');
}

export const stamp = (name) => name + Date.now();
`;

/** A repository with two commits: the second changes what functions give. */
function repository(files: Readonly<Record<string, string>>, hasPython: boolean): TemporaryProject {
  const target = temporaryProject({
    'package.json': '{"name": "shop", "type": "module", "scripts": {"test": "node --test"}}\n',
    'src/slugify.js': slugify('/ /g'),
    'test/slugify.test.js': `import { test } from 'node:test';\nimport { slugify } from '../src/slugify.js';\ntest('works', () => slugify('Big News'));\n`,
    'app/__init__.py': '',
    'app/price.py': 'def discount(price: float, rate=0.1):\n    return price * (1 - rate)\n',
    '.gitignore': 'state/\nasked\n__pycache__/\n',
    ...files,
  });
  const git = (...args: string[]): void =>
    void execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
      cwd: target.root,
    });
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '--message=Begin');
  target.write('src/slugify.js', slugify('/[^a-z0-9]+/g'));
  if (hasPython)
    target.write(
      'app/price.py',
      'def discount(price: float, rate=0.1):\n    if price < 0:\n        raise ValueError("price below zero")\n    return round(price * (1 - rate), 2)\n',
    );
  git('commit', '--quiet', '--all', '--message==SUM(1) words are joined by one hyphen');
  return target;
}

function runFolder({ root }: TemporaryProject): string {
  const runs = path.join(root, 'state/runs');
  return path.join(runs, readdirSync(runs)[0] ?? '');
}

function artifact(target: TemporaryProject, name: string): string {
  return readFileSync(path.join(runFolder(target), 'artifacts', name), 'utf8');
}

test('without a model, calls before and after the commits become tests, scenarios and a report, which are written after a yes and taken back', async () => {
  using target = repository(
    {
      'pipelines/write.yaml': `name: write\n${STAGES}${CHECK}`,
      'pipewright.yaml': 'testgen: {verify: {runs: 2}}\n',
    },
    true,
  );
  const asked = await target.run(['run', 'write', '--commits', 'last:1', '--output', 'plain'], {
    env: { PATH },
  });
  expect(asked.code).toBe(3);
  expect(asked.stdout).toContain(
    'Write tests/test_price.py, test/slugify.generated.test.js and 5 documents below docs/test-scenarios?',
  );
  expect(asked.stdout).toContain("slugify('A  B') was 'a--b', is now 'a-b'");
  expect(existsSync(path.join(target.root, 'docs'))).toBe(false);
  const { tests, differences, left_out: leftOut } = JSON.parse(artifact(target, 'code/tests.json'));
  expect(tests).toMatchObject([
    { file: 'tests/test_price.py', verdict: 'passed', checks: { runs: 2, passes: 2, detects_revert: true } },
    {
      file: 'test/slugify.generated.test.js',
      verdict: 'passed',
      source: 'rules',
      checks: { runs: 2, passes: 2, detects_revert: true, coverage: 100 },
    },
  ]);
  expect(differences).toContainEqual(
    expect.objectContaining({
      call: 'discount(-1, 0.1)',
      before: '-0.9',
      after: "ValueError: 'price below zero'",
    }),
  );
  expect(leftOut).toContainEqual(
    expect.objectContaining({ function: 'stamp', reason: 'its result depends on the clock' }),
  );
  expect((await target.run(['show', 'last'])).stdout).toContain(
    'review: quality 100 of 100; tests: 2 passed',
  );
  const sheet = execFileSync(
    'python3',
    ['-c', READ_SHEET, path.join(runFolder(target), 'artifacts/scenarios/scenarios.xlsx')],
    { encoding: 'utf8' },
  );
  const rows: string[][] = JSON.parse(sheet);
  expect(rows[0]).toEqual(
    expect.arrayContaining([
      'ID',
      'Title',
      'Steps',
      'Expected',
      'Tester',
      'Date',
      'Result (passed, failed, blocked)',
    ]),
  );
  expect(rows.flat()).toContain("'=SUM(1) words are joined by one hyphen");
  expect(sheet).not.toContain('FORMULA');

  await target.run(['approve', 'last', 'export']);
  const ended = await target.run(['continue', 'last', '--output', 'plain'], { env: { PATH } });
  expect(ended.code).toBe(5);
  // The project's own runners were content; one document was changed meanwhile and stays.
  expect(ended.stdout).toContain('step "refuse" exited with code 1');
  const left = readdirSync(path.join(target.root, 'docs'), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile(),
  );
  expect(left.map(({ name }) => name)).toEqual(['review.md']);
  expect(readdirSync(path.join(target.root, 'test'))).toEqual(['slugify.test.js']);
  expect(existsSync(path.join(target.root, 'tests'))).toBe(false);
}, 60_000);

/** The rows of the first sheet and of the second; a formula would be a cell with another content. */
const READ_SHEET = `
import json, re, sys, zipfile
from xml.etree import ElementTree as tree
book = zipfile.ZipFile(sys.argv[1])
space = '{http://schemas.openxmlformats.org/spreadsheetml/2006/main}'
shared = [''.join(one.itertext()) for one in tree.fromstring(book.read('xl/sharedStrings.xml'))]
rows = []
for name in ('xl/worksheets/sheet1.xml', 'xl/worksheets/sheet2.xml'):
    for row in tree.fromstring(book.read(name)).iter(space + 'row'):
        rows.append(['FORMULA' if cell.find(space + 'f') is not None else shared[int(cell.find(space + 'v').text)] for cell in row if cell.find(space + 'v') is not None])
print(json.dumps(rows))
`;

test('a model’s tests are mended once, judged like any other, and not paid for again after a crash', async () => {
  using target = repository(
    {
      'pipelines/ask.yaml': `name: ask\n${STAGES.replace('test-code-generation,', 'test-code-generation, generator: model,')}`,
    },
    false,
  );
  const asked = path.join(target.root, 'asked');
  writeFileSync(asked, '');
  const command = JSON.stringify([PINNED_NODE, MODEL, asked]);
  target.write(
    'pipewright.yaml',
    `testgen:\n  model: {provider: command, command: ${command}}\n  verify: {runs: 2}\n`,
  );
  const env = { PATH };
  const killed = await target.run(['run', 'ask', '--commits', 'last:1', '--output', 'plain'], {
    env,
    onOutput: (stdout, child) => {
      if (stdout.includes('again')) child.kill('SIGKILL');
    },
  });
  expect(killed.code).toBe(137);
  const ended = await target.run(['continue', 'last', '--yes', '--output', 'plain'], { env });
  expect(ended.code).toBe(0);
  // The question that was cut by the crash may have been asked; the one that was answered before is not asked again.
  const questions = readFileSync(asked, 'utf8').trim().split('\n');
  expect(questions.filter((kind) => kind === 'write')).toHaveLength(1);
  expect(questions.filter((kind) => kind === 'words')).toHaveLength(1);
  const { tests } = JSON.parse(artifact(target, 'code/tests.json'));
  expect(tests).toMatchObject([
    {
      source: 'model',
      verdict: 'passed',
      checks: { runs: 2, passes: 2, detects_revert: true, coverage: 100 },
      cases: [{ name: 'joins two words' }, { name: 'joins three words' }],
    },
  ]);
  const written = readFileSync(path.join(target.root, 'test/slugify.generated.test.js'), 'utf8');
  expect(written).toContain("assert.equal(slugify('X  Y  Z'), 'x-y-z');");
  const [scenario] = JSON.parse(artifact(target, 'scenarios/scenarios.json')).scenarios;
  expect(scenario).toMatchObject({
    title: expect.stringContaining('HYPERLINK'),
    covers: [expect.stringMatching(/^unit-src-slugify-js-.*:model:case-1$/)],
    data: [{ value: 'the words Two  Words' }],
  });
  const sheet = execFileSync(
    'python3',
    ['-c', READ_SHEET, path.join(runFolder(target), 'artifacts/scenarios/scenarios.xlsx')],
    { encoding: 'utf8' },
  );
  expect(sheet).toContain(`"'=HYPERLINK(`);
}, 60_000);
