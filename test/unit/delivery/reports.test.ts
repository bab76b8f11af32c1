import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { median } from '../../../src/delivery/median.ts';
import { readCoverage } from '../../../src/delivery/reports/coverage.ts';
import { readJsonReport } from '../../../src/delivery/reports/json-report.ts';
import { readJunit, writeJunit } from '../../../src/delivery/reports/junit.ts';
import { medianScores, readLighthouse } from '../../../src/delivery/reports/lighthouse.ts';
import { liveLines } from '../../../src/delivery/reports/live-lines.ts';
import { readAudit, sortFindings } from '../../../src/delivery/reports/npm-audit.ts';
import { tapReader } from '../../../src/delivery/reports/tap.ts';
import { type ReportReader, type TestCase, TestResults } from '../../../src/delivery/reports/test-results.ts';

// Captured from jest 30.5.2, mocha 12.0.3, playwright 1.65.1, node 20.20.2 and 24.21.0, lighthouse 13.5.0; only paths were changed.
const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures/reports');

function fixture(name: string): string {
  return readFileSync(path.join(FIXTURES, name), 'utf8');
}

function readAll(reader: ReportReader, text: string): TestResults {
  const results = new TestResults();
  for (const line of text.split('\n')) for (const one of reader.line(line)) results.add(one);
  for (const one of reader.end()) results.add(one);
  return results;
}

function fold(cases: readonly TestCase[] | undefined): TestResults {
  const results = new TestResults();
  for (const one of cases ?? []) results.add(one);
  return results;
}

test.each([
  ['jest.live', { passed: 2, failed: 2, skipped: 1 }],
  ['mocha.live', { passed: 2, failed: 1, skipped: 1 }],
  ['playwright.live', { passed: 2, failed: 1, skipped: 1 }],
])(
  'the live report of %s tells each test once, a file that cannot be loaded as a failed one',
  (name, counts) => {
    const results = readAll(liveLines(), fixture(name));
    expect(results.counts).toEqual(counts);
    expect(results.cases.find(({ status }) => status === 'failed')?.message).toBeTruthy();
  },
);

test('a live line that is cut, no test, or somebody else’s says nothing', () => {
  const reader = liveLines();
  for (const line of [
    '{"id":"a","name":"x","sta',
    '{"id":1}',
    'null',
    '',
    '{"id":"a","name":"b","status":"?"}',
  ])
    expect(reader.line(line)).toEqual([]);
});

test.each([
  ['node-20.tap', 2],
  // It says of a test with tests of its own that it is one, too.
  ['node-24.tap', 3],
])('%s: groups are no tests, a parent is not failed for its child', (name, passed) => {
  const { cases, counts } = readAll(tapReader(), fixture(name));
  const failing = cases.filter(({ status }) => status === 'failed').map((one) => one.name);
  expect(failing).toEqual(['group > two bad', expect.stringContaining('c.test.mjs')]);
  expect(counts).toEqual({ passed, failed: 2, skipped: 2 });
  expect(cases.find((one) => one.name === 'group > two bad')?.message).toBe('1 == 2');
  expect(cases.map((one) => one.name)).toContain('parent > child');
});

test('TAP between other output, without numbers, with nothing behind ok, with a directive', () => {
  const text = [
    'building…',
    'ok',
    'not ok second',
    'okay, done',
    'ok 3 - third # SKIP no network',
    'bye',
    '1..3',
  ].join('\n');
  expect(readAll(tapReader(), text).cases.map(({ name, status }) => [name, status])).toEqual([
    ['test 1', 'passed'],
    ['second', 'failed'],
    ['third', 'skipped'],
  ]);
});

test.each([
  ['playwright.xml', { passed: 2, failed: 1, skipped: 1 }],
  ['node-24.xml', { passed: 2, failed: 2, skipped: 2 }],
])('JUnit of %s', (name, counts) => {
  expect(fold(readJunit(fixture(name))).counts).toEqual(counts);
});

test.each([
  ['jest.json', { passed: 2, failed: 2, skipped: 1 }],
  ['mocha.json', { passed: 2, failed: 1, skipped: 1 }],
])('JSON of %s', (name, counts) => {
  expect(fold(readJsonReport(fixture(name))).counts).toEqual(counts);
});

test('what we write as JUnit is read back as it was, whatever the names hold', () => {
  const cases: readonly TestCase[] = [
    { id: 'a', name: `<b> & "c" 'd' ]]> \n e`, file: 'x.ts', status: 'passed', duration_ms: 1500 },
    { id: 'b', name: 'bad', status: 'failed', message: 'line <1>\nline 2' },
    { id: 'c', name: 'bell\u0007', status: 'skipped' },
  ];
  const xml = writeJunit('unit', cases, {
    counts: { passed: 1, failed: 1, skipped: 1 },
    durationMs: 2000,
    at: '2026-01-01T00:00:00+00:00',
  });
  expect(xml).not.toContain('\u0007');
  expect(readJunit(xml)?.map(({ name, status, duration_ms }) => [name, status, duration_ms])).toEqual([
    [cases[0]?.name, 'passed', 1500],
    ['tests > bad', 'failed', 0],
    ['tests > bell', 'skipped', 0],
  ]);
  expect(readJunit(xml)?.[1]?.message).toBe('line <1>');
});

test.each(['', '<html><body>no</body></html>', '{"a":1}', '[]', 'null', '<testsuite><testcase'])(
  'no report is no result: %s',
  (text) => {
    expect(fold(readJunit(text)).isEmpty && fold(readJsonReport(text)).isEmpty).toBe(true);
  },
);

test('lighthouse: the median over the runs, and none where a run gave no score', () => {
  const run = readLighthouse(fixture('lighthouse-13.5.json'));
  expect(run?.scores).toEqual({ performance: 1, accessibility: 0.94 });
  const runs = [0.4, 0.9, 0.8].map((performance) => ({ scores: { performance, seo: null } }));
  expect(medianScores(runs, ['performance', 'seo'])).toEqual({
    performance: { score: 0.8, runs: 3 },
    seo: { score: undefined, runs: 0 },
  });
  expect([median([]), median([0.2, 0.8])]).toEqual([undefined, 0.2]);
  expect(readLighthouse('{"error":1}')).toBeUndefined();
  expect(readLighthouse('{"categories":{},"runtimeError":{"message":"no page"}}')?.error).toBe('no page');
});

const REFUSED = JSON.stringify({
  message: 'Method Not Allowed',
  statusCode: 405,
  error: { summary: '', detail: '' },
});

test('an answer that is no audit report is not a clean one', () => {
  expect(readAudit(REFUSED)).toEqual({
    kind: 'no-report',
    reason: 'the registry gave no audit report (HTTP 405): Method Not Allowed',
  });
  expect(readAudit('').kind).toBe('no-report');
  expect(readAudit('{"auditReportVersion":2}').kind).toBe('no-report');
  expect(readAudit('{"auditReportVersion":2,"vulnerabilities":{}}')).toEqual({
    kind: 'report',
    findings: [],
  });
});

const ADVISORY = {
  source: 1094,
  name: 'left',
  title: 'bad left',
  url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
  severity: 'high',
  range: '<2',
};
const REPORT = JSON.stringify({
  auditReportVersion: 2,
  vulnerabilities: {
    left: { name: 'left', severity: 'high', via: [ADVISORY], effects: ['right'] },
    right: { name: 'right', severity: 'high', via: ['left'] },
    low: { via: [{ ...ADVISORY, source: 7, url: 'x', name: 'low', severity: 'low' }] },
  },
});

test('a finding counts once, from the level on, unless it is allowed and the day has not passed', () => {
  const answer = readAudit(REPORT);
  const findings = answer.kind === 'report' ? answer.findings : [];
  expect(findings.map(({ id }) => id)).toEqual(['GHSA-aaaa-bbbb-cccc', '7']);
  const allow = [{ id: 'ghsa-AAAA-bbbb-cccc', reason: 'not reached', until: '2026-03-01' }];
  const sorted = (today: string) => sortFindings(findings, { level: 'high', allow, today });
  expect(sorted('2026-03-01')).toMatchObject({
    counted: [],
    allowed: [{ id: 'GHSA-aaaa-bbbb-cccc', reason: 'not reached' }],
  });
  expect(sorted('2026-03-02')).toMatchObject({ counted: [{ package: 'left' }], allowed: [], expired: allow });
  const byNumber = sortFindings(findings, {
    level: 'low',
    allow: [{ ...allow[0]!, id: '1094' }],
    today: '2026-01-01',
  });
  expect(byNumber.counted.map(({ id }) => id)).toEqual(['7']);
});

test('coverage of lines, as istanbul and as lcov tell it', () => {
  expect(readCoverage('{"total":{"lines":{"pct":81.5}}}')).toBe(81.5);
  expect(readCoverage('SF:a\nLF:10\nLH:8\nend_of_record\nSF:b\nLF:2\nLH:1\n')).toBe(75);
  expect([readCoverage('{}'), readCoverage('nothing')]).toEqual([undefined, undefined]);
});
