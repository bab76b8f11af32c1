import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ok } from '../../../src/core/failure.ts';
import {
  hashAt,
  missingFolders,
  obstacle,
  removeEmpty,
  writeWhole,
} from '../../../src/stages/test-export/files.ts';
import { judgeDraft, type Trial } from '../../../src/stages/test-generation/accept.ts';
import { percentOf, istanbulLines, pythonLines } from '../../../src/stages/test-generation/covered-lines.ts';
import type { RunProgram } from '../../../src/testgen/program.ts';
import { valueOf } from '../../support/results.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-accept-'));
  for (const tree of ['before', 'after']) {
    mkdirSync(path.join(folder, tree));
    writeFileSync(
      path.join(folder, tree, 'sum.cjs'),
      `exports.sum = (a, b) => a ${tree === 'after' ? '+' : '-'} b;\n`,
    );
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

/** The pinned Node whatever `node` is; ended at the limit. */
const run: RunProgram = ({ args, cwd, env, timeoutMs }) => {
  const [program = '', ...rest] = args;
  const child = spawn(program === 'node' ? process.execPath : program, rest, {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr, isLate] = ['', '', false];
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve(ok({ exit_code: code ?? 137, stdout, stderr, timed_out: isLate }));
    });
  });
};

function trial(name: string, bodies: readonly string[], more: Partial<Trial> = {}): Trial {
  const cases = bodies.map((body, at) => ({
    id: `case-${at + 1}`,
    name: `case ${at + 1}`,
    given: '',
    expects: '',
    code: `test('case ${at + 1}', () => { ${body} });`,
  }));
  const head =
    "const assert = require('node:assert');\nconst fs = require('node:fs');\nconst { test } = require('node:test');\nconst { sum } = require('./sum.cjs');";
  return {
    draft: { file: `${name}.test.cjs`, head, cases, tail: '' },
    after: path.join(folder, 'after'),
    before: path.join(folder, 'before'),
    run: {
      source: 'sum.cjs',
      framework: 'node',
      scratch: path.join(folder, 'scratch', name),
      timeoutMs: 20_000,
      run,
    },
    verify: { runs: 2, revert: true, timeout: 20_000 },
    lines: new Set([1]),
    missing: undefined,
    ...more,
  };
}

test('cases that hold stay, with what each of them notices; those that fail are taken out and their words kept', async () => {
  const judged = valueOf(
    await judgeDraft(
      trial('mixed', [
        'assert.equal(sum(1, 2), 3);',
        'assert.equal(sum(1, 0), 1);',
        'assert.equal(sum(1, 1), 3);',
      ]),
    ),
  );
  expect(judged).toMatchObject({
    verdict: 'passed',
    runs: 2,
    detects_revert: true,
    coverage: 100,
    reason: '1 of 3 cases did not hold and was left out',
  });
  expect(judged.cases.map(({ verdict, detects_revert: detects }) => [verdict, detects])).toEqual([
    ['passed', true],
    ['passed', false],
    ['failed', null],
  ]);
  expect(judged.text).not.toContain('case 3');
  expect(judged.said).toContain('2 == 3');
});

test('a test that passes once and fails once is inconclusive, one that always fails has failed', async () => {
  const flag = JSON.stringify(path.join(folder, 'flag'));
  const flaky = `const seen = fs.existsSync(${flag}); fs.writeFileSync(${flag}, ''); assert.ok(!seen);`;
  expect(valueOf(await judgeDraft(trial('flaky', [flaky])))).toMatchObject({
    verdict: 'inconclusive',
    passes: 1,
    detects_revert: null,
  });
  expect(valueOf(await judgeDraft(trial('wrong', ['assert.equal(sum(1, 1), 3);'])))).toMatchObject({
    verdict: 'failed',
    passes: 0,
    runs: 1,
  });
});

test('without a runner nothing is claimed, and a link leads no test out of the copy', async () => {
  const judged = valueOf(
    await judgeDraft(trial('none', ['assert.ok(1);'], { missing: 'go is not on PATH' })),
  );
  expect(judged).toMatchObject({
    verdict: 'unmeasured',
    runs: 0,
    detects_revert: null,
    coverage: null,
    reason: 'go is not on PATH',
  });
  mkdirSync(path.join(folder, 'outside'));
  symlinkSync(path.join(folder, 'outside'), path.join(folder, 'after/link'));
  const led = trial('link/led', ['assert.ok(1);']);
  expect(await judgeDraft(led)).toMatchObject({
    ok: false,
    failure: { message: 'link/led.test.cjs would lie outside the copy of the project' },
  });
  expect(existsSync(path.join(folder, 'outside/led.test.cjs'))).toBe(false);
});

test('coverage counts changed lines that can be run', () => {
  const report = {
    '/a.js': {
      statementMap: { 0: { start: { line: 1 } }, 1: { start: { line: 2 } }, 2: { start: { line: 9 } } },
      s: { 0: 3, 1: 0, 2: 0 },
    },
  };
  const covered = istanbulLines(JSON.stringify(report), '/a.js');
  expect(covered && percentOf(covered, new Set([1, 2, 3]))).toBe(50);
  expect(covered && percentOf(covered, new Set([4]))).toBeUndefined();
  const python = pythonLines(
    '{"files": {"a.py": {"executed_lines": [1], "missing_lines": [2, 3]}}}',
    '/x/a.py',
    'a.py',
  );
  expect(python && percentOf(python, new Set())).toBe(33.3);
});

test('exported files appear whole, and folders that were made go again when they are empty', () => {
  const project = path.join(folder, 'project');
  mkdirSync(path.join(project, 'there'), { recursive: true });
  const file = path.join(project, 'there/new/deep/a.txt');
  const made = missingFolders(path.dirname(file));
  expect(writeWhole(file, Buffer.from('text'))).toEqual(made);
  expect(hashAt(file)).toMatch(/^[0-9a-f]{64}$/);
  expect(readFileSync(file, 'utf8')).toBe('text');
  removeEmpty(made);
  expect(existsSync(file)).toBe(true);
  rmSync(file);
  removeEmpty(made);
  expect(existsSync(path.join(project, 'there/new'))).toBe(false);
  symlinkSync(folder, path.join(project, 'out'));
  expect(obstacle(project, 'out/a.txt')).toBe('its folder leads out of the project');
  expect(obstacle(project, '../a.txt')).toBe('it lies outside the project');
  expect(obstacle(project, 'there')).toBe('something that is no plain file stands there');
  expect(obstacle(project, 'there/fine/a.txt')).toBeUndefined();
});
