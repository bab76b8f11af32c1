import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { LineIndex } from '../../../src/ui/panes/line-index.ts';
import { AllLines, type Lines } from '../../../src/ui/panes/lines.ts';
import { LogFile } from '../../../src/ui/panes/log-file.ts';
import { MatchScan } from '../../../src/ui/panes/match-scan.ts';
import { errorMatcher, lineMatcher, type Matcher } from '../../../src/ui/panes/matcher.ts';
import { nearMatch } from '../../../src/ui/panes/near-match.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-scan-'));
const logPath = path.join(folder, 'a.log');
afterAll(() => rmSync(folder, { recursive: true }));

/** Lines of all sizes, up to some that no piece of a scan holds; some of them match `NEEDLE`. */
const lineText = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom('', 'x', 'ordinary', 'needle', 'a Needle', 'two needle needle') },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'nee\u001b[31mdle\u001b[0m',
      '\u001b]0;needle\u0007',
      '10%\r90%',
      'needle\rgone',
    ),
  },
  { weight: 3, arbitrary: fc.integer({ min: 1000, max: 40_000 }).map((length) => 'y'.repeat(length)) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 120_000, max: 300_000 }).map((length) => `${'z'.repeat(length)}needle`),
  },
  { weight: 1, arbitrary: fc.integer({ min: 120_000, max: 300_000 }).map((length) => 'w'.repeat(length)) },
);
const content = fc
  .tuple(fc.array(fc.tuple(lineText, fc.constantFrom(1, 1, 1, 300)), { maxLength: 12 }), fc.boolean())
  .map(([parts, isOpen]) => {
    const text = parts
      .flatMap(([line, times]) => Array.from({ length: line.length > 1000 ? 1 : times }, () => line))
      .join('\n');
    return isOpen || text === '' ? text : `${text}\n`;
  });

interface Known {
  readonly start: number;
  readonly text: string;
}

/** What is meant, at any cost. */
function linesOf(text: string): Known[] {
  const lines: Known[] = [];
  let start = 0;
  for (const line of text.split('\n')) {
    if (start < text.length) lines.push({ start, text: line });
    start += line.length + 1;
  }
  return lines;
}

function reads(line: string): string {
  // eslint-disable-next-line no-control-regex -- what a screen would not show
  return (line.split('\r').at(-1) ?? '').replaceAll(/\x1b\[[0-9;]*m|\x1b\][^\x07]*\x07/g, '');
}

function open(text: string): { readonly file: LogFile; readonly index: LineIndex; readonly all: Lines } {
  writeFileSync(logPath, text);
  const file = new LogFile(logPath);
  const index = new LineIndex(file);
  return { file, index, all: new AllLines(file, index) };
}

function run(scan: { readonly step: () => boolean }): void {
  for (let steps = 0; scan.step(); steps += 1) if (steps > 1000) throw new Error('no end');
}

const starts = (lines: readonly { readonly start: number }[]): number[] => lines.map(({ start }) => start);

test('the index counts and finds every line, before and after it was built, however the file grew', () => {
  fc.assert(
    fc.property(content, content, (first, second) => {
      const { file, index, all } = open(first);
      run(index);
      appendFileSync(logPath, second);
      file.look();
      const lines = linesOf(first + second);
      const check = (): void => {
        expect(starts(all.forward(0, 1e6))).toEqual(starts(lines));
        expect(starts(all.backward(file.sizeBytes, 1e6))).toEqual(starts(lines));
      };
      check();
      run(index);
      check();
      expect(index.lines).toBe(lines.length);
      for (const number of [0, lines.length >> 1, lines.length - 1]) {
        const line = lines[number];
        if (!line) continue;
        expect(index.lineAt(line.start)).toBe(number);
        expect(index.offsetOf(number)).toBe(line.start);
      }
      file.close();
    }),
    { numRuns: 60 },
  );
});

test.each<[string, Matcher, (text: string) => boolean]>([
  ['in both cases', lineMatcher(['needle']), (text) => text.toLowerCase().includes('needle')],
  ['in one case', lineMatcher(['Needle']), (text) => text.includes('Needle')],
  ['with both texts', lineMatcher(['needle', 'two']), (text) => /two.*needle/i.test(text)],
])(
  'a scan finds every line that matches %s, as it reads on the screen, in bounded memory',
  (_, matcher, matches) => {
    fc.assert(
      fc.property(content, content, fc.constantFrom(4, 16, 65_536), (first, second, maxEntries) => {
        const { file, all } = open(first);
        const scan = new MatchScan({ file, all }, matcher, maxEntries);
        run(scan);
        appendFileSync(logPath, second);
        file.look();
        run(scan);
        const known = linesOf(first + second).filter(({ text }) => matches(reads(text)));
        expect(scan.total).toBe(known.length);
        expect(starts(scan.forward(0, 1e6))).toEqual(starts(known));
        expect(starts(scan.backward(file.sizeBytes, 1e6))).toEqual(starts(known));
        const half = known.length >> 1;
        const middle = known[half]?.start ?? file.sizeBytes;
        expect(scan.ordinal(middle)).toBe(known.length === 0 ? 0 : half + 1);
        expect(starts(scan.forward(middle, 2))).toEqual(starts(known.slice(half, half + 2)));
        expect(starts(scan.forward(middle + 1, 1))).toEqual(starts(known.slice(half + 1, half + 2)));
        expect(starts(scan.backward(middle, 2))).toEqual(starts(known.slice(Math.max(0, half - 2), half)));
        file.close();
      }),
      { numRuns: 40 },
    );
  },
);

test.each([
  ['needle', '10%\r90%', 0],
  ['needle', '\r', 1],
  ['needle\r', '90%', 0],
  ['', '10%\r90% needle', 1],
])(
  'a line longer than a piece, %j and then %j, is found %i times, as it reads at its end',
  (begin, end, count) => {
    for (const tail of ['', '\n', '\nnext\n']) {
      const { file, all } = open('z'.repeat(300_000) + begin);
      const scan = new MatchScan({ file, all }, lineMatcher(['needle']), 4);
      run(scan);
      appendFileSync(logPath, end + tail);
      file.look();
      run(scan);
      expect(scan.total).toBe(count);
      expect(scan.forward(0, 10)).toHaveLength(count);
      file.close();
    }
  },
);

test('a match that is near is found without a scan, in both directions', () => {
  const text = `${'far\n'.repeat(1000)}needle 1\n${'between\n'.repeat(50_000)}needle 2\n${'end\n'.repeat(1000)}`;
  const { file } = open(text);
  const from = text.indexOf('between\n', 200_000);
  const matcher = lineMatcher(['needle']);
  expect(nearMatch(file, matcher, { from, forward: true })).toBe(text.indexOf('needle 2'));
  expect(nearMatch(file, matcher, { from, forward: false })).toBe(text.indexOf('needle 1'));
  expect(nearMatch(file, lineMatcher(['nowhere']), { from, forward: true })).toBeUndefined();
  file.close();
});

test.each([
  ['ERROR in main.c', true],
  ['java.lang.NullPointerException', true],
  ['2 tests failed', true],
  ['kernel panic', true],
  ['\u001b[31mer\u001b[1mror\u001b[0m', true],
  ['0 errors, 0 warnings', false],
  ['no failures', false],
  ['failed: 0', false],
  ['errors=0 in 3 s', false],
  ['0 errors, but 1 failed', true],
  ['all is well', false],
])('%j is an error: %s', (line, isError) => {
  const { file, all } = open(`${line}\n`);
  const scan = new MatchScan({ file, all }, errorMatcher);
  run(scan);
  expect(scan.total > 0).toBe(isError);
  file.close();
});
