import { expect, test } from 'vitest';
import {
  harmlessJson,
  MAX_LINE_BYTES,
  oneLine,
  sanitizeText,
  TextSanitizer,
} from '../../../src/core/terminal-text.ts';
import { isMutated } from '../../support/mutated.ts';
import { cpuMs } from '../../support/cpu-time.ts';

/** What must never reach a terminal. */
const DANGEROUS =
  // eslint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[[0-9;:]*m)|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** Payload and what is shown of it, with colours kept. */
const PAYLOADS: Readonly<Record<string, readonly [string, string]>> = {
  'OSC 52 (clipboard)': ['\x1b]52;c;ZXZpbA==\x07', ''],
  'OSC 52 ended by ST': ['\x1b]52;c;ZXZpbA==\x1b\\', ''],
  'window title': ['\x1b]0;pwned\x07ok', 'ok'],
  'OSC 8 link': ['\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\', 'click'],
  'cursor up': ['\x1b[10A\x1b[2Kfake line', 'fake line'],
  'clear screen': ['\x1b[2J\x1b[H', ''],
  'alternate screen': ['\x1b[?1049l', ''],
  colour: ['\x1b[31mred\x1b[0m', '\x1b[31mred\x1b[0m'],
  'colour left open': ['\x1b[1;31mred', '\x1b[1;31mred\x1b[0m'],
  'colour that ends in a zero parameter': ['\x1b[38;5;0mblack', '\x1b[38;5;0mblack\x1b[0m'],
  DCS: ['\x1bP$q"p\x1b\\', ''],
  'tmux passthrough': ['\x1bPtmux;\x1b\x1b]52;c;ZQ==\x07\x1b\\', 'tmux;'],
  APC: ['\x1b_Gi=1;AAAA\x1b\\', ''],
  PM: ['\x1b^x\x1b\\', ''],
  SOS: ['\x1bXx\x1b\\', ''],
  'C1 CSI': ['\x9b2Ja', 'a'],
  'C1 colour': ['\x9b31ma', 'a'],
  'C1 OSC': ['\x9d52;c;ZXZpbA==\x9c', ''],
  'terminal reset': ['\x1bca', 'a'],
  'carriage return': ['good\rEVIL', 'EVIL'],
  'progress bar': ['10%\r50%\r100%\r', '100%'],
  backspace: ['good\b\b\b\bEVIL', 'good␈␈␈␈EVIL'],
  bell: ['\x07', '␇'],
  'right-to-left override': ['\u202Egnp.exe', '\ufffdgnp.exe'],
  'isolates and marks': ['\u2066a\u2069\u200f\u061c', '\ufffda\ufffd\ufffd\ufffd'],
  'zero-width space': ['a\u200bb\ufeff\u2060c', 'abc'],
  'tag letters': ['a\u{E0000}\u{E0041}\u{E007F}b', 'ab'],
  DEL: ['\x7f', '␡'],
  'OSC without an end': ['\x1b]52;c;ZXZpbA==', '52;c;ZXZpbA=='],
  'CSI without an end': ['a\x1b[', 'a'],
  'lone ESC': ['a\x1b', 'a'],
  'shift out and in': ['\x0ea\x0f', '␎a␏'],
  NUL: ['a\0b', 'a␀b'],
  'mouse mode': ['\x1b[?1003h', ''],
  'device attributes': ['\x1b[c', ''],
  'cursor report': ['\x1b[6n', ''],
  'bracketed paste': ['\x1b[201~rm -rf', 'rm -rf'],
  tab: ['a\tb', 'a\tb'],
  'line feed': ['a\nb', 'a\nb'],
  'lone surrogate': ['a\ud800b', 'a\ufffdb'],
  'line and paragraph separator': ['a\u2028b\u2029c', 'a b c'],
  emoji: ['👩‍👩‍👧 한국어 نص', '👩‍👩‍👧 한국어 نص'],
};

test.each(Object.entries(PAYLOADS))('%s is shown safely', (_name, [payload, shown]) => {
  expect(sanitizeText(payload, { keepColor: true })).toBe(shown);
  expect(shown).not.toMatch(DANGEROUS);
});

test('colours are dropped unless they are asked for', () => {
  expect(sanitizeText('\x1b[31mred\x1b[0m and \x1b[1mbold')).toBe('red and bold');
});

test('colours left open are closed on each line', () => {
  expect(sanitizeText('\x1b[31ma\nb\x1b[m', { keepColor: true })).toBe('\x1b[31ma\x1b[0m\nb\x1b[m');
});

test.each(Object.entries(PAYLOADS))(
  '%s split at any position gives the same lines',
  (_name, [payload, shown]) => {
    const bytes = Buffer.from(payload);
    const expected = shown === '' ? [''] : shown.split('\n');
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const sanitizer = new TextSanitizer({ keepColor: true });
      const lines = [
        ...sanitizer.push(bytes.subarray(0, cut)),
        ...sanitizer.push(bytes.subarray(cut)),
        ...sanitizer.end(),
      ];
      expect(lines).toEqual(expected);
    }
  },
);

test('two parts made safe one by one are safe together', () => {
  for (const [payload] of Object.values(PAYLOADS)) {
    for (let cut = 0; cut <= payload.length; cut += 1) {
      const both =
        sanitizeText(payload.slice(0, cut), { keepColor: true }) +
        sanitizeText(payload.slice(cut), { keepColor: true });
      expect(both).not.toMatch(DANGEROUS);
    }
  }
});

test('random bytes and characters are never dangerous, whole or in chunks', () => {
  let state = 11;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const likely = [27, 0x9b, 0x9d, 7, 93, 91, 92, 109, 59, 0x90, 13, 0x202e, 0xd800, 0xdc00, 48];
  for (let round = 0; round < 20_000; round += 1) {
    const codes = Array.from({ length: 20 }, () =>
      random(10) < 4 ? (likely[random(likely.length)] ?? 0) : random(256),
    );
    const text = String.fromCharCode(...codes);
    const whole = sanitizeText(text, { keepColor: true });
    expect(whole).not.toMatch(DANGEROUS);
    expect(whole.isWellFormed()).toBe(true);
    const bytes = Uint8Array.from(codes);
    const sanitizer = new TextSanitizer({ keepColor: round % 2 === 0 });
    const cut = random(20);
    const lines = [
      ...sanitizer.push(bytes.subarray(0, cut)),
      ...sanitizer.push(bytes.subarray(cut)),
      ...sanitizer.end(),
    ];
    expect(lines.join('\n')).not.toMatch(DANGEROUS);
  }
});

/** A sanitizer that is fed text. */
function fed(maxLineBytes?: number): {
  readonly push: (text: string) => string[];
  readonly end: () => string[];
} {
  const sanitizer = new TextSanitizer(maxLineBytes === undefined ? {} : { maxLineBytes });
  return { push: (text) => sanitizer.push(Buffer.from(text)), end: () => sanitizer.end() };
}

test('lines come out as they are completed, the last one at the end', () => {
  const { push, end } = fed();
  expect(push('one\ntw')).toEqual(['one']);
  expect(push('o\r\nthree')).toEqual(['two']);
  expect(end()).toEqual(['three']);
  expect(end()).toEqual([]);
});

test('a long line is cut at its cap, at a whole character, and says how much is missing', () => {
  const { push, end } = fed(8);
  expect(push('가나다라\nnext\n')).toEqual(['가나… [cut 6 bytes]', 'next']);
  expect(push('12345678\n')).toEqual(['12345678']);
  expect(push('1234')).toEqual([]);
  expect(push('56789')).toEqual([]);
  expect(push('0')).toEqual([]);
  expect(end()).toEqual(['12345678… [cut 2 bytes]']);
  // What comes after a cut never fills the room that was left.
  expect([...push('가나다'), ...push('x'), ...push('\nnext\n')]).toEqual(['가나… [cut 4 bytes]', 'next']);
  expect([...fed(2).push('가'), ...fed(2).push('가\nab\n')]).toEqual(['… [cut 3 bytes]', 'ab']);
});

test('wherever the cap lies in a character of any length, whole ones are shown and the others counted', () => {
  const text = 'aé\u0080가ก😀z\u{10000}';
  const bytes = Buffer.from(text);
  for (let cap = 1; cap < bytes.length; cap += 1) {
    const { push, end } = fed(cap);
    expect(push(text)).toEqual([]);
    const [line = ''] = end();
    const shown = line.slice(0, line.indexOf('…'));
    expect(sanitizeText(text).startsWith(shown)).toBe(true);
    const missing = Number(/cut (\d+) bytes/.exec(line)?.[1]);
    // Nothing that would have fitted is missing.
    expect(bytes.length - missing).toBeLessThanOrEqual(cap);
    expect(bytes.subarray(0, bytes.length - missing).toString()).not.toContain('\ufffd');
    const next =
      bytes
        .subarray(bytes.length - missing)
        .toString()
        .codePointAt(0) ?? 0;
    expect(bytes.length - missing + Buffer.byteLength(String.fromCodePoint(next))).toBeGreaterThan(cap);
  }
});

test('an endless line takes no more memory than its cap', () => {
  const sanitizer = new TextSanitizer();
  const chunk = Buffer.alloc(1024 * 1024, 'x');
  for (let i = 0; i < 300; i += 1) expect(sanitizer.push(chunk)).toEqual([]);
  const [line = ''] = sanitizer.push(Buffer.from('\n'));
  expect(line.slice(0, MAX_LINE_BYTES)).toBe('x'.repeat(MAX_LINE_BYTES));
  expect(line.slice(MAX_LINE_BYTES)).toBe(`… [cut ${300 * 1024 * 1024 - MAX_LINE_BYTES} bytes]`);
});

test('a progress display without line feeds keeps its last state, however long it goes on', () => {
  const { push } = fed(64);
  for (let percent = 0; percent <= 100; percent += 1) expect(push(`\rworking ${percent} %`)).toEqual([]);
  expect(push('\r\n')).toEqual(['working 100 %']);
  for (let percent = 0; percent <= 100; percent += 1) expect(push(`working ${percent} %\r`)).toEqual([]);
  expect(push('\n')).toEqual(['working 100 %']);
  // Several carriage returns are one, also one by one.
  expect([...push('done\r'), ...push('\r'), ...push('\r\n')]).toEqual(['done']);
  expect([...push('\r'), ...push('\r\n')]).toEqual(['']);
});

test('a single line has no line feeds and tabs, and no blanks around where they were', () => {
  expect(oneLine('a \n\n\tb\tc  d\x1b[31m')).toBe('a b c  d');
});

test('JSON for a terminal says what it said, with what would steer the terminal escaped', () => {
  const value = { 'k\u202e': 'a\u0007b\u007fc\u009bd\u2066e\u200ff\u061cg', n: [1] };
  const json = harmlessJson(value);
  expect(JSON.parse(json)).toEqual(value);
  expect(json).not.toMatch(DANGEROUS);
  expect(json).toContain(String.raw`b\u007fc\u009bd\u2066e\u200ff\u061cg`);
  expect(harmlessJson({ a: 1 }, 2)).toBe('{\n  "a": 1\n}');
});

test.skipIf(isMutated).each([
  ['unfinished OSC', '\x1b]'.repeat(500_000)],
  ['unfinished C1 OSC', '\x9d'.repeat(500_000)],
  ['one long OSC', `\x1b]${'a'.repeat(1e6)}`],
  ['CSI parameters', `\x1b[${'1;'.repeat(500_000)}`],
  ['CSI intermediates', `\x1b[${'  '.repeat(500_000)}\x07`],
  ['escapes with intermediates', `\x1b${' '.repeat(1e6)}\x07`],
])('a megabyte of %s takes linear time', (_name, payload) => {
  const start = cpuMs();
  expect(sanitizeText(payload)).not.toMatch(DANGEROUS);
  // Some 50 ms here; work that grows with the square would take minutes.
  expect(cpuMs() - start).toBeLessThan(10_000);
});

test.skipIf(isMutated)('coloured output is made safe faster than programs print it', () => {
  const line = `\x1b[32mINFO\x1b[0m compiled module ${'x'.repeat(100)}\n`;
  const chunk = Buffer.from(line.repeat(500));
  const sanitizer = new TextSanitizer({ keepColor: true });
  const start = cpuMs();
  let bytes = 0;
  for (; bytes < 5e6; bytes += chunk.length) sanitizer.push(chunk);
  const megabytesPerSecond = bytes / 1e3 / (cpuMs() - start);
  // The aim is 50; a busy machine has been seen at 5.
  expect(megabytesPerSecond).toBeGreaterThan(1);
});

test('text passed on in one piece is the same as its lines one by one, wherever the chunks end', () => {
  const sources = [
    'plain\nlines\n\nwith \ttabs\n',
    'a\x1b[31mred\nline\x1b]0;t\x07\n',
    'half\rwritten\r\nü€😀\nend',
  ];
  for (const source of [...sources, sources.join('').repeat(50)]) {
    const bytes = new TextEncoder().encode(source);
    for (const size of [1, 2, 3, 7, 64, bytes.length]) {
      const whole = new TextSanitizer({ keepColor: true });
      const single = new TextSanitizer({ keepColor: true });
      let text = '';
      const lines: string[] = [];
      for (let start = 0; start < bytes.length; start += size) {
        text += whole.pushText(bytes.subarray(start, start + size));
        lines.push(...single.push(bytes.subarray(start, start + size)));
      }
      expect(text).toBe(lines.map((line) => `${line}\n`).join(''));
      expect(whole.end()).toEqual(single.end());
    }
  }
});

test('text passed on in one piece is cut where its lines would be', () => {
  const text = new TextSanitizer({ maxLineBytes: 8 }).pushText(Buffer.from('ab\n0123456789\ncd\n'));
  expect(text).toBe('ab\n01234567… [cut 2 bytes]\ncd\n');
});
