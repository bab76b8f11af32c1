import stringWidth from 'string-width';
import xterm from '@xterm/headless';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sanitizeText } from '../../../src/core/terminal-text.ts';
import { fitLine, parseLine, wrapPlaces } from '../../../src/ui/panes/fit.ts';
import { LogRig, PANE } from './rig.ts';

const ESC = '\u001b';
/** Everything in a row that is no colour. */
function bare(row: string): string {
  // eslint-disable-next-line no-control-regex -- colours are what this removes
  return row.replaceAll(/\x1b\[[0-9;]*m/g, '');
}

/** Rows that cannot move the cursor, ask, ring, or keep their colour on behind their end. */
function expectHarmless(row: string): void {
  // eslint-disable-next-line no-control-regex -- nothing of this may be left
  expect(bare(row)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/);
  // eslint-disable-next-line no-control-regex -- colours are what this looks for
  const last = [...row.matchAll(/\x1b\[[0-9;]*m/g)].at(-1)?.[0];
  expect([undefined, `${ESC}[0m`]).toContain(last);
}

const hostile = fc.constantFrom(
  `${ESC}[2J`,
  `${ESC}[10;10H`,
  `${ESC}[?1049h`,
  `${ESC}[6n`,
  `${ESC}]0;title\u0007`,
  `${ESC}]52;c;aGFjaw==\u0007`,
  `${ESC}]8;;http://x\u0007`,
  `${ESC}P$q${ESC}\\`,
  `${ESC}c`,
  `${ESC}[`,
  `${ESC}]52;c;`,
  '\u009b2J',
  '\u0090',
  '\u0007',
  '\b\b\b',
  '\u000b',
  '\t',
  '\r',
  '\u0000',
  '\u202e',
);
const colour = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 110 }).map(String),
      fc.constantFrom('', '38;5;200', '38;2;1;2;3', '48:2::9:9:9', '4:3', '38;5', '999'),
    ),
    {
      maxLength: 4,
    },
  )
  .map((codes) => `${ESC}[${codes.join(';')}m`);
const letters = fc.constantFrom(
  'a',
  ' ',
  'ü',
  '構',
  '가',
  'あ',
  '🚀',
  '👩‍💻',
  '👍🏽',
  '🇰🇷',
  '⚠️',
  '1️⃣',
  'e\u0301',
  'ᄀ',
  'ﾞ',
  '\u00ad',
  '\u200d',
  '\ufe0f',
  '\u0300',
  '\u115f',
);
const noise = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.string({ maxLength: 12 }),
      hostile,
      colour,
      letters,
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join('').replaceAll('\n', ''));

describe('a row', () => {
  test('is exactly as wide as asked for, harmless, and ends without colour, whatever the line holds', () => {
    fc.assert(
      fc.property(
        noise,
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 30 }),
        (text, width, column) => {
          const line = parseLine(sanitizeText(text, { keepColor: true }));
          const row = fitLine(line, { column, width });
          expectHarmless(row);
          expect(cellsByCodePoint(bare(row))).toBe(width);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('is as wide as string-width says, for the scripts on which terminals agree', () => {
    const agreed = fc
      .array(
        fc.oneof(
          letters,
          fc.string({ maxLength: 5 }),
          fc.constantFrom('ж', 'λ', '漢字', 'ﾊﾝｶｸ', 'Ａ', 'שלום', 'é', '…', '█'),
        ),
        { maxLength: 40 },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(agreed, fc.integer({ min: 1, max: 60 }), (text, width) => {
        const row = fitLine(parseLine(sanitizeText(text, { keepColor: true })), { column: 0, width });
        expect(stringWidth(row)).toBe(width);
      }),
      { numRuns: 1000 },
    );
  });

  test('is as wide in a terminal as we count, also for Thai and Hindi', async () => {
    const term = new xterm.Terminal({ cols: 80, rows: 2, allowProposedApi: true });
    const lines = ['กำลังดาวน์โหลด น้ำ', 'क्षत्रिय हिन्दी', '構建完成 テスト', `${ESC}[31m오류${ESC}[0m 성공`];
    for (const text of lines) {
      const line = parseLine(text);
      await new Promise<void>((resolve) => term.write(`${ESC}[H${ESC}[2J${line.text}`, resolve));
      expect([text, term.buffer.active.cursorX]).toEqual([text, line.cells]);
    }
  });

  test('keeps colours, and what they were when the row begins further right', () => {
    const line = parseLine(
      sanitizeText(`${ESC}[1;31mred ${ESC}[32mgreen${ESC}[0m plain`, { keepColor: true }),
    );
    expect(fitLine(line, { column: 0, width: 16 })).toBe(
      `${ESC}[0;1;31mred ${ESC}[0;1;32mgreen${ESC}[0m plain `,
    );
    expect(fitLine(line, { column: 6, width: 3 })).toBe(`${ESC}[0;1;32meen${ESC}[0m`);
  });

  test('does not blink and hides nothing', () => {
    const line = parseLine(sanitizeText(`${ESC}[5mblink${ESC}[8mhidden${ESC}[0m`, { keepColor: true }));
    expect(fitLine(line, { column: 0, width: 11 })).toBe('blinkhidden');
  });

  test('shows half of a wide character as a space, on both sides', () => {
    const line = parseLine('構建完');
    expect(fitLine(line, { column: 1, width: 4 })).toBe(' 建 ');
    expect(fitLine(line, { column: 2, width: 2 })).toBe('建');
  });

  test('costs the terminal a bounded number of bytes, however many colours a line has', () => {
    const line = parseLine(sanitizeText(`${ESC}[31m${ESC}[1m`.repeat(5000) + 'x', { keepColor: true }));
    expect(fitLine(line, { column: 0, width: 80 }).length).toBeLessThan(120);
    const marks = parseLine(`a${'\u0300'.repeat(30_000)}b`);
    expect(marks.text.length).toBeLessThan(10);
  });

  test('marks what was found, the current line differently', () => {
    const line = parseLine('one two one');
    const highlights = [
      [0, 3],
      [8, 11],
    ] as const;
    expect(fitLine(line, { column: 0, width: 11, highlights })).toBe(
      `${ESC}[0;7mone${ESC}[0m two ${ESC}[0;7mone${ESC}[0m`,
    );
    expect(fitLine(line, { column: 0, width: 3, highlights, isCurrent: true })).toBe(
      `${ESC}[0;1;4;7mone${ESC}[0m`,
    );
  });
});

test('wrapped rows together are the line, none wider than the pane', () => {
  fc.assert(
    fc.property(noise, fc.integer({ min: 2, max: 40 }), (text, width) => {
      const line = parseLine(sanitizeText(text, { keepColor: true }));
      const places = wrapPlaces(line, width);
      const rows = places.map((start) => fitLine(line, { start, column: start.column, width }));
      for (const row of rows) {
        expectHarmless(row);
        expect(cellsByCodePoint(bare(row))).toBe(width);
      }
      expect(rows.map(bare).join('').replaceAll(' ', '')).toBe(line.text.replaceAll(' ', ''));
    }),
    { numRuns: 1000 },
  );
});

test('a pane of binary rubbish is as many rows as asked for, each as wide as asked for, in every mode', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 4000 }),
      fc.array(noise, { maxLength: 8 }),
      fc.record({
        width: fc.integer({ min: 1, max: 120 }),
        height: fc.integer({ min: 1, max: 40 }),
        wrap: fc.boolean(),
        numbers: fc.boolean(),
        times: fc.boolean(),
        column: fc.integer({ min: 0, max: 50 }),
      }),
      (bytes, lines, { width, height, wrap, numbers, times, column }) => {
        const rig = new LogRig(Buffer.concat([Buffer.from(bytes), Buffer.from(lines.join('\n'))]));
        rig.panes.key(PANE, { type: 'wrap', on: wrap });
        rig.panes.key(PANE, { type: 'line-numbers', on: numbers });
        rig.panes.key(PANE, { type: 'times', on: times });
        rig.panes.key(PANE, { type: 'columns', cells: column });
        rig.panes.key(PANE, { type: 'search', text: 'a' });
        const rows = rig.panes.rows(PANE, width, height);
        expect(rows).toHaveLength(height);
        for (const row of rows) {
          expectHarmless(row);
          expect(cellsByCodePoint(bare(row))).toBe(width);
        }
        rig.panes.closeAll();
      },
    ),
    { numRuns: 150 },
  );
});

/** What a terminal does that knows no clusters: each character for itself. */
function cellsByCodePoint(text: string): number {
  let cells = 0;
  for (const character of text) cells += stringWidth(character);
  return cells;
}
