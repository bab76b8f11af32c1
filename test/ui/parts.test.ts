import { expect, test } from 'vitest';
import type { Key } from 'ink';
import { edit, editedText, textOf } from '../../src/ui/edit.ts';
import { toKeys } from '../../src/ui/keys.ts';
import { KEYMAP } from '../../src/ui/keymap.ts';
import { bodyOf, runLayout } from '../../src/ui/layout.ts';
import { move, windowStart } from '../../src/ui/list.ts';
import { commonPrefix } from '../../src/ui/model/form.ts';
import { createScreenPrompter } from '../../src/ui/prompter.ts';
import { initialState, type Question } from '../../src/ui/state.ts';
import { clip, foldLine, pad, spread, widthOf, wrap } from '../../src/ui/text.ts';
import { ageOf, clockOf } from '../../src/ui/times.ts';

const NO_KEY: Key = {
  upArrow: false,
  downArrow: false,
  leftArrow: false,
  rightArrow: false,
  pageDown: false,
  pageUp: false,
  home: false,
  end: false,
  return: false,
  escape: false,
  ctrl: false,
  shift: false,
  tab: false,
  backspace: false,
  delete: false,
  meta: false,
  super: false,
  hyper: false,
  capsLock: false,
  numLock: false,
};

test.each([
  ['abc', 3],
  ['中文', 4],
  ['한글', 4],
  ['🎉', 2],
  ['👩‍👩‍👧', 2],
  ['e\u0301', 1],
  ['\u001b[31mred\u001b[39m', 3],
  ['✓ ok', 4],
])('%j takes %i columns', (text, width) => {
  expect(widthOf(text)).toBe(width);
  expect(widthOf(pad(text, 10))).toBe(10);
});

test('clipping never splits a wide character and keeps the colours behind the cut', () => {
  expect(clip('中文字', 4)).toBe('中…');
  expect(widthOf(clip('中文字', 4))).toBeLessThanOrEqual(4);
  expect(clip('\u001b[31mabcdef\u001b[39m', 4)).toBe('\u001b[31mabc…\u001b[39m');
  expect(clip('abc', 0)).toBe('');
  expect(widthOf(spread('left', 'right', 30))).toBe(30);
  expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
});

test('a long line of a page is folded between words, later lines stand further in, and nothing is lost', () => {
  expect(foldLine('short', 8)).toEqual(['short']);
  expect(foldLine('  one  two three', 11)).toEqual(['  one  two', '    three']);
  expect(foldLine('abcdefghij', 6)).toEqual(['abcd', '  efgh', '  ij']);
  expect(foldLine('한글 한글', 6)).toEqual(['한글', '  한글']);
  const line = 'run_all = "no category knows a changed file (index.js, very/long/path/of/a/file.js)"';
  for (const width of [12, 20, 40]) {
    const folded = foldLine(line, width);
    expect(folded.every((each) => widthOf(each) <= width)).toBe(true);
    expect(folded.join('').replaceAll(' ', '')).toBe(line.replaceAll(' ', ''));
  }
});

test('one read of the terminal becomes single keys', () => {
  expect(toKeys('jjj', NO_KEY)).toEqual(['j', 'j', 'j']);
  expect(toKeys('a\r\t\u007f\u0003', NO_KEY)).toEqual(['a', 'enter', 'tab', 'backspace', 'ctrl+c']);
  expect(toKeys('👩‍👩‍👧한', NO_KEY)).toEqual(['👩‍👩‍👧', '한']);
  expect(toKeys('c', { ...NO_KEY, ctrl: true })).toEqual(['ctrl+c']);
  expect(toKeys('', { ...NO_KEY, tab: true, shift: true })).toEqual(['shift+tab']);
});

test('a text is edited by characters, not by code units', () => {
  const keys = ['left', 'backspace', 'x', 'end', 'delete', 'home', 'right', 'ctrl+k'];
  const after = keys.reduce((text, key) => edit(text, key) ?? text, editedText('a👩‍👩‍👧b'));
  expect(textOf(after)).toBe('a');
  expect(textOf(edit(editedText('one two/three'), 'ctrl+w') ?? editedText(''))).toBe('one two/');
  expect(edit(editedText('x'), 'pageup')).toBe(undefined);
});

test('a list keeps its choice inside, and the window keeps the choice in sight', () => {
  expect(move(['a', 'b', 'c'], 'b', 5)).toBe('c');
  expect(move(['a', 'b', 'c'], 'gone', 1)).toBe('a');
  expect(move(['a', 'b', 'c'], 'c', -Infinity)).toBe('a');
  for (let at = 0; at < 50; at++) {
    const start = windowStart(50, at, 7);
    expect(at >= start && at < start + 7).toBe(true);
  }
});

test.each([
  [80, 24],
  [200, 60],
  [40, 10],
])('panes at %i by %i lie side by side, inside the body, none over another', (columns, rows) => {
  const state = { ...initialState('', 0), size: { columns, rows } };
  const body = bodyOf(state, 1);
  for (const paneCount of [1, 2, 3, 4]) {
    const { tree, panes } = runLayout(body, { paneCount });
    const all = [...(tree ? [tree] : []), ...panes];
    const cells = new Set<string>();
    let area = 0;
    for (const { x, y, width, height } of all) {
      expect(x + width).toBeLessThanOrEqual(columns);
      expect(y + height).toBeLessThanOrEqual(body.y + body.height);
      area += width * height;
      for (let cx = x; cx < x + width; cx++) for (let cy = y; cy < y + height; cy++) cells.add(`${cx},${cy}`);
    }
    expect(cells.size).toBe(area);
  }
});

test('every key of a mode is bound once, or else tells apart when it acts', () => {
  for (const [mode, bindings] of Object.entries(KEYMAP)) {
    const own = mode === 'question' ? bindings.slice(0, 5) : bindings;
    const keys = own.flatMap(({ keys: bound, disabled }) => (disabled ? [] : bound));
    const twice = keys.filter((key, at) => keys.indexOf(key) !== at);
    expect({ mode, twice }).toEqual({ mode, twice: [] });
    for (const { description } of bindings) expect(description).toMatch(/^[A-Z].*\.$/);
  }
});

test('a question that is open when another prompter takes over is asked by that one', async () => {
  const shown: (Question | undefined)[] = [];
  const prompter = createScreenPrompter((question) => void shown.push(question));
  const asked = prompter.confirm(
    { stage: 'deploy', message: 'Now?', details: () => [] },
    new AbortController().signal,
  );
  prompter.handOver({
    confirm: async ({ stage }) => ({ answer: 'approved', comment: `plain ${stage}` }),
    interrupted: async () => 'nobody',
  });
  expect(await asked).toEqual({ answer: 'approved', comment: 'plain deploy' });
  const later = await prompter.interrupted(
    { stage: 'a', step: 'b', detail: '' },
    new AbortController().signal,
  );
  expect(later).toBe('nobody');
  expect(shown.map((question) => question?.type)).toEqual(['confirm', undefined]);
});

test('an aborted question is nobody’s', async () => {
  const prompter = createScreenPrompter(() => {});
  const abort = new AbortController();
  const asked = prompter.confirm({ stage: 'deploy', message: 'Now?', details: () => [] }, abort.signal);
  abort.abort();
  expect(await asked).toEqual({ answer: 'nobody' });
});

test('times are short and say enough', () => {
  expect([400, 9_949, 12_300, 185_000, 7_620_000].map(clockOf)).toEqual([
    '0.4s',
    '9.9s',
    '12s',
    '3m05s',
    '2h07m',
  ]);
  const nowMs = Date.parse('2026-02-06T16:00:00Z');
  expect(ageOf('2026-02-06T15:59:30Z', nowMs)).toBe('just now');
  expect(ageOf('2026-02-06T13:00:00Z', nowMs)).toBe('3 h ago');
  expect(ageOf('2026-02-05T13:00:00Z', nowMs)).toBe('yesterday');
  expect(ageOf('2025-12-05T13:00:00Z', nowMs)).toBe('2025-12-05');
  expect(commonPrefix(['src/', 'src-old/'])).toBe('src');
});
