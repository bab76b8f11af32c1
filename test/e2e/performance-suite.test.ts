import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { PINNED_NODE, temporaryProject } from '../support/cli.ts';

// Lighthouse is the user's and takes 8 s a run: a program that writes its reports stands in for it here. The report it
// writes has the shape of test/fixtures/reports/lighthouse-13.5.json, which Lighthouse itself has made.
const LIGHTHOUSE = `#!${PINNED_NODE}
const fs = require('node:fs');
const out = process.argv.find((word) => word.startsWith('--output-path=')).slice('--output-path='.length);
fs.appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');
const score = JSON.parse(fs.readFileSync('scores', 'utf8'))[fs.readFileSync('calls', 'utf8').trim().split('\\n').length - 1];
fetch(process.argv[2]).then(async (answer) => {
  if ((await answer.text()) !== 'here' || score === null) process.exit(1);
  fs.writeFileSync(out, JSON.stringify({ lighthouseVersion: '13.5.0', categories: { performance: { score } } }));
});
`;
const SERVER = `require('node:fs').writeFileSync('server.pid', String(process.pid));
setTimeout(() => require('node:http').createServer((_, answer) => answer.end('here')).listen(Number(process.argv[2]), '127.0.0.1'), 300);
`;

/** Measures a page that the project serves itself, with these scores, run by run. */
async function measure(scores: readonly (number | null)[], more = '') {
  const port = await freePort();
  using target = temporaryProject({
    'pipelines/check.yaml': 'name: check\nstages:\n  - {name: test, uses: test-suite}\n',
    'pipewright.yaml': `test:
  performance: {url: "http://127.0.0.1:${port}/", serve: "cd . && ${PINNED_NODE} server.js ${port}", runs: ${scores.length}, thresholds: {performance: 0.8}${more}}
`,
    'server.js': SERVER,
    scores: JSON.stringify(scores),
  });
  const bin = path.join(target.root, 'node_modules/.bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(path.join(bin, 'lighthouse'), LIGHTHOUSE);
  chmodSync(path.join(bin, 'lighthouse'), 0o755);
  const { code, stdout } = await target.run(['run', 'check', '--output', 'json'], {
    env: { CHROME_PATH: '/bin/true' },
  });
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const artifacts = path.join(target.root, 'state/runs', events[0].run_id, 'artifacts/test');
  const { tests } = JSON.parse(readFileSync(path.join(artifacts, 'tests.json'), 'utf8'));
  const pid = Number(readFileSync(path.join(target.root, 'server.pid'), 'utf8'));
  return {
    code,
    result: tests.performance,
    stage: events.find(({ type }) => type === 'stage.finished'),
    leftovers: events.filter(({ type }) => type === 'leftovers.stopped'),
    calls: readFileSync(path.join(target.root, 'calls'), 'utf8').trim().split('\n'),
    isServerAlive: existsSync(`/proc/${pid}`) && !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')),
  };
}

test('the application is served, measured, and ended; the median of the runs counts', async () => {
  const { code, result, calls, leftovers, isServerAlive } = await measure([0.2, 0.9, 0.85]);
  expect(result).toMatchObject({ verdict: 'passed', level: 'warning', scores: { performance: 0.85 } });
  expect({ code, isServerAlive, leftovers, runs: calls.length }).toEqual({
    code: 0,
    isServerAlive: false,
    leftovers: [],
    runs: 3,
  });
  expect(calls[0]).toContain('--only-categories=performance');
  expect(calls[0]).toContain('--headless=new');
});

test('a median below the threshold is a warning, or critical where the project says so', async () => {
  const warned = await measure([0.2, 0.9, 0.3]);
  expect(warned).toMatchObject({
    code: 0,
    stage: { status: 'warning' },
    result: { verdict: 'failed', reason: 'performance is 0.3, less than 0.8 (median of 3)' },
  });
  expect((await measure([0.2], ', verdict: critical')).code).toBe(1);
});

test('one run of three that fails is left out, two of three leave no answer', async () => {
  const one = await measure([null, 0.9, 0.95]);
  expect(one.result).toMatchObject({ verdict: 'passed', scores: { performance: 0.9 } });
  const two = await measure([null, 0.9, null]);
  expect(two.result).toMatchObject({
    verdict: 'inconclusive',
    reason: 'fewer than half of 3 runs gave a score for performance',
  });
});
