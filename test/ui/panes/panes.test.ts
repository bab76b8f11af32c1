import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MAX_COPY_BYTES, MAX_OSC52_BYTES, osc52, createPaneSet } from '../../../src/ui/panes/index.ts';
import { LogRig, numbered, PANE } from './rig.ts';
import { cpuMs } from '../../support/cpu-time.ts';

describe('moving', () => {
  test('a live log is opened at its end, another one at its start', () => {
    expect(new LogRig(numbered(100), { live: true }).shown(20, 2)).toEqual(['line 99', 'line 100']);
    expect(new LogRig(numbered(100)).shown(20, 2)).toEqual(['line 1', 'line 2']);
  });

  test('rows, pages, start, end and a line number are found, and never beyond either end', async () => {
    const rig = new LogRig(numbered(100));
    const top = (): string | undefined => rig.shown(20, 10)[0];
    const press = (action: Parameters<typeof rig.panes.key>[1]): string | undefined => {
      rig.panes.key(PANE, action);
      return top();
    };
    top();
    expect(press({ type: 'scroll', rows: 3 })).toBe('line 4');
    expect(press({ type: 'page', pages: 1 })).toBe('line 13');
    expect(press({ type: 'page', pages: -0.5 })).toBe('line 9');
    expect(press({ type: 'scroll', rows: -100 })).toBe('line 1');
    expect(press({ type: 'end' })).toBe('line 91');
    expect(press({ type: 'scroll', rows: 5 })).toBe('line 91');
    expect(press({ type: 'home' })).toBe('line 1');
    await rig.settled();
    expect(press({ type: 'line', line: 50 })).toBe('line 50');
    expect(press({ type: 'line', line: 1e9 })).toBe('line 91');
    expect(rig.status()).toMatchObject({ lines: 100, top: 91, atEnd: true });
  });

  test('a pane of other size keeps its place', () => {
    const rig = new LogRig(numbered(100));
    rig.shown(20, 10);
    rig.panes.key(PANE, { type: 'scroll', rows: 30 });
    expect(rig.shown(20, 10)[0]).toBe('line 31');
    expect(rig.shown(33, 4)).toEqual(['line 31', 'line 32', 'line 33', 'line 34']);
  });

  test('wrapping shows the whole line, and scrolling counts its rows', () => {
    const rig = new LogRig(`${'abcdefghij'.repeat(3)}\nnext\n構建構建構\n`);
    rig.panes.key(PANE, { type: 'wrap' });
    expect(rig.shown(10, 6)).toEqual(['abcdefghij', 'abcdefghij', 'abcdefghij', 'next', '構建構建構', '']);
    rig.shown(10, 2);
    rig.panes.key(PANE, { type: 'scroll', rows: 2 });
    expect(rig.shown(10, 2)).toEqual(['abcdefghij', 'next']);
    rig.panes.key(PANE, { type: 'end' });
    expect(rig.shown(9, 3)).toEqual(['next', '構建構建', '構']);
  });

  test('without wrapping the rest of a line is found sideways', () => {
    const rig = new LogRig('0123456789abcdef\nshort\n');
    rig.panes.key(PANE, { type: 'columns', cells: 8 });
    expect(rig.shown(8, 2)).toEqual(['89abcdef', '']);
    rig.panes.key(PANE, { type: 'columns', cells: -100 });
    expect(rig.shown(8, 2)).toEqual(['01234567', 'short']);
  });

  test('line numbers and times stand in front, a dot where they are not known', async () => {
    const rig = new LogRig(numbered(3), { live: true, now: () => new Date(2026, 0, 2, 3, 4, 5).getTime() });
    rig.panes.key(PANE, { type: 'line-numbers' });
    rig.panes.key(PANE, { type: 'times' });
    rig.append('later\n');
    const status = await rig.until(({ lines }) => lines === 4);
    expect(status).toMatchObject({ lineNumbers: true, times: true });
    // eslint-disable-next-line no-control-regex -- colours
    expect(rig.shown(40, 4).map((row) => row.replaceAll(/\x1b\[[0-9;]*m/g, ''))).toEqual([
      '       ·    1 line 1',
      '       ·    2 line 2',
      '       ·    3 line 3',
      '03:04:05    4 later',
    ]);
  });
});

describe('a log that grows', () => {
  test('is followed, and stands still while it is paused', async () => {
    const rig = new LogRig(numbered(10), { live: true });
    expect(rig.shown(20, 2)).toEqual(['line 9', 'line 10']);
    rig.append(numbered(2, 'new'));
    await rig.until(() => rig.shown(20, 2)[1] === 'new 2');
    rig.panes.key(PANE, { type: 'follow' });
    const before = rig.shown(20, 2);
    rig.append(numbered(1000, 'more'));
    await rig.until(({ lines }) => lines === 1012);
    expect(rig.shown(20, 2)).toEqual(before);
    expect(rig.status()).toMatchObject({ follow: false, atEnd: false });
    rig.panes.key(PANE, { type: 'follow' });
    expect(rig.shown(20, 1)).toEqual(['more 1000']);
  });

  test('scrolling up pauses, reaching the end follows again', () => {
    const rig = new LogRig(numbered(50), { live: true });
    rig.shown(20, 5);
    rig.panes.key(PANE, { type: 'scroll', rows: -3 });
    expect(rig.status().follow).toBe(false);
    rig.panes.key(PANE, { type: 'scroll', rows: 2 });
    expect(rig.status().follow).toBe(false);
    rig.panes.key(PANE, { type: 'scroll', rows: 1 });
    expect(rig.status().follow).toBe(true);
  });

  test('shows the line that is being written as it stands, a progress display at its last state', async () => {
    const rig = new LogRig('start\n 10%\r 20%', { live: true });
    expect(rig.shown(20, 2)).toEqual(['start', ' 20%']);
    rig.append('\r 30%');
    await rig.until(() => rig.shown(20, 2)[1] === ' 30%');
    rig.append('\ndone');
    await rig.until(() => rig.shown(20, 3)[2] === 'done');
    expect((await rig.settled()).lines).toBe(3);
  });

  test('may appear after its pane', async () => {
    const rig = new LogRig(undefined, { live: true });
    expect(rig.status()).toMatchObject({ state: 'missing', sizeBytes: 0 });
    expect(rig.shown(10, 2)).toEqual(['', '']);
    rig.append('here\n');
    await rig.until(({ state }) => state === 'open');
    expect(rig.shown(10, 2)).toEqual(['here', '']);
  });

  test('is read anew when it was cut or replaced, with the same search', async () => {
    const rig = new LogRig(numbered(100), { live: true });
    rig.panes.key(PANE, { type: 'search', text: 'line 1' });
    await rig.until(({ search }) => search?.total === 12);
    truncateSync(rig.file, 0);
    await rig.until(({ sizeBytes }) => sizeBytes === 0);
    rig.append('line 1 again\n');
    const cut = await rig.until(({ search }) => search?.total === 1);
    expect(cut.lines).toBe(1);
    renameSync(rig.file, `${rig.file}.1`);
    writeFileSync(rig.file, 'another\nline 17\nline 18\n');
    await rig.until(({ search }) => search?.total === 2);
    expect(rig.shown(20, 3)).toEqual(['another', 'line 17', 'line 18'].map(unmarked));
    rmSync(`${rig.file}.1`);
  });
});

/** The rows above have their match in reverse video. */
function unmarked(row: string): string {
  return row.startsWith('line 1') ? `\u001b[0;7mline 1\u001b[0m${row.slice(6)}` : row;
}

describe('what is no log', () => {
  test('a link and a pipe are not opened, and nothing waits for them', () => {
    const rig = new LogRig(undefined);
    const link = `${rig.file}.link`;
    symlinkSync('/etc/passwd', link);
    rig.panes.open('link', { file: link, live: false });
    execFileSync('mkfifo', [`${rig.file}.pipe`]);
    rig.panes.open('pipe', { file: `${rig.file}.pipe`, live: true });
    expect(rig.panes.status('link')).toMatchObject({ state: 'unreadable' });
    expect(rig.panes.status('pipe')).toMatchObject({ state: 'unreadable' });
    expect(rig.panes.rows('pipe', 5, 1)).toEqual(['     ']);
  });

  test('a pane that is not open is blank and ignores keys', () => {
    const panes = createPaneSet();
    expect(panes.rows('x', 3, 2)).toEqual(['   ', '   ']);
    expect(panes.key('x', { type: 'end' })).toBeUndefined();
    expect(panes.status('x')).toBeUndefined();
    expect(panes.copyText('x', 'visible')).toBe('');
  });
});

describe('long lines', () => {
  const MB = 1024 * 1024;

  test('50 MB in one line are drawn, walked over and searched without being read at once', async () => {
    const rig = new LogRig(`before\n${'x'.repeat(50 * MB)}needle\nafter\n`);
    const began = cpuMs();
    expect(rig.shown(60, 3)[0]).toBe('before');
    rig.panes.key(PANE, { type: 'end' });
    expect(rig.shown(60, 3)[2]).toBe('after');
    // One frame, not fifty megabytes.
    expect(cpuMs() - began).toBeLessThan(300);
    rig.panes.key(PANE, { type: 'search', text: 'needle' });
    const status = await rig.settled();
    expect(status).toMatchObject({ lines: 3, search: { total: 1 }, cutLines: 1 });
    expect(rig.shown(60, 3).at(2)).toBe('after');
    rig.panes.key(PANE, { type: 'home' });
    expect(rig.shown(60, 3)).toEqual([
      'before',
      expect.stringMatching(/^x+ \[cut 52363\d{3} bytes\]$/),
      'after',
    ]);
  });

  test('wrapped they show 64 KiB and say what is missing', () => {
    const rig = new LogRig('y'.repeat(70_000));
    rig.panes.key(PANE, { type: 'wrap' });
    rig.panes.key(PANE, { type: 'end' });
    expect(rig.shown(80, 3).join('')).toContain('[cut 4464 bytes]');
  });

  test('what a late carriage return left is shown, not what it overwrote', () => {
    const rig = new LogRig(`${'1%\r'.repeat(100_000)}100%\nnext\n`);
    expect(rig.shown(20, 2)).toEqual(['100%', 'next']);
  });
});

describe('search', () => {
  const text = numbered(3000).replaceAll('line 777\n', 'line 777 Special\n');

  test('goes to the nearest match, on and back, around the ends, and counts', async () => {
    const rig = new LogRig(text);
    rig.shown(30, 10);
    rig.panes.key(PANE, { type: 'search', text: 'line 10' });
    await rig.settled();
    const at = (): number | undefined => rig.status().search?.current;
    expect(rig.status().search).toEqual({
      text: 'line 10',
      total: 111,
      complete: true,
      current: 1,
      pending: false,
    });
    rig.panes.key(PANE, { type: 'next-match' });
    expect(at()).toBe(2);
    rig.panes.key(PANE, { type: 'previous-match' });
    rig.panes.key(PANE, { type: 'previous-match' });
    expect(at()).toBe(111);
    rig.panes.key(PANE, { type: 'next-match' });
    expect(at()).toBe(1);
  });

  test('brings the match into sight, also sideways, and marks it', async () => {
    const rig = new LogRig(`${numbered(100)}${'.'.repeat(500)}HERE\n${numbered(100)}`);
    rig.shown(40, 9);
    rig.panes.key(PANE, { type: 'search', text: 'HERE' });
    await rig.settled();
    expect(rig.shown(40, 9)[3]).toContain('\u001b[0;1;4;7mHERE\u001b[0m');
    expect(rig.status().column).toBeGreaterThan(400);
    rig.panes.key(PANE, { type: 'search', text: '' });
    expect(rig.status().search).toBeUndefined();
  });

  test('capitals are told apart when the text has some', async () => {
    const rig = new LogRig(text);
    rig.panes.key(PANE, { type: 'search', text: 'special' });
    expect((await rig.settled()).search?.total).toBe(1);
    rig.panes.key(PANE, { type: 'search', text: 'SPECIAL' });
    expect((await rig.settled()).search?.total).toBe(0);
  });

  test('a jump to what is not read yet waits for it', async () => {
    const rig = new LogRig(`${'nothing here\n'.repeat(400_000)}the one\n`);
    rig.shown(30, 3);
    rig.panes.key(PANE, { type: 'search', text: 'the one' });
    expect(rig.status().search).toMatchObject({ pending: true, complete: false });
    await rig.until(({ search }) => search?.current === 1);
    expect(rig.shown(30, 3)).toContain('\u001b[0;1;4;7mthe one\u001b[0m');
  });

  test('counts what comes while it grows', async () => {
    const rig = new LogRig('hit\n', { live: true });
    rig.panes.key(PANE, { type: 'search', text: 'hit' });
    rig.append('miss\nhit');
    await rig.until(({ search }) => search?.total === 2);
    rig.append(' and\nhit\n');
    const status = await rig.until(({ search }) => search?.total === 3);
    expect(status.search?.complete).toBe(true);
  });
});

describe('filter', () => {
  test('shows only the lines that match, follows, moves, and goes away again', async () => {
    const rig = new LogRig(numbered(5000), { live: true });
    rig.panes.key(PANE, { type: 'filter', text: '99' });
    const status = await rig.settled();
    expect(status.filter).toEqual({ text: '99', total: 95, complete: true });
    expect(rig.shown(20, 3)).toEqual(['line 4997', 'line 4998', 'line 4999']);
    rig.append('line 5001\nx 99\n');
    await rig.until(({ filter }) => filter?.total === 96);
    expect(rig.shown(20, 2)).toEqual(['line 4999', 'x 99']);
    rig.panes.key(PANE, { type: 'home' });
    expect(rig.shown(20, 3)).toEqual(['line 99', 'line 199', 'line 299']);
    rig.panes.key(PANE, { type: 'scroll', rows: 2 });
    expect(rig.shown(20, 1)).toEqual(['line 299']);
    rig.panes.key(PANE, { type: 'filter', text: '' });
    expect(rig.shown(20, 2)).toEqual(['line 299', 'line 300']);
  });

  test('works on a paused pane, and keeps the numbers of the lines', async () => {
    const rig = new LogRig(numbered(1000));
    rig.panes.key(PANE, { type: 'line-numbers' });
    rig.panes.key(PANE, { type: 'filter', text: 'line 50' });
    await rig.settled();
    // eslint-disable-next-line no-control-regex -- colours
    const rows = rig.shown(30, 3).map((row) => row.replaceAll(/\x1b\[[0-9;]*m/g, ''));
    expect(rows).toEqual(['  50 line 50', ' 500 line 500', ' 501 line 501']);
  });

  test('a search in it finds what is shown', async () => {
    const rig = new LogRig('a one\nb one\na two\nb two\na one\n');
    rig.panes.key(PANE, { type: 'filter', text: 'a' });
    rig.panes.key(PANE, { type: 'search', text: 'one' });
    expect((await rig.settled()).search?.total).toBe(2);
  });

  test('a filter that lets nothing through is an empty pane that says so', async () => {
    const rig = new LogRig(numbered(10));
    rig.panes.key(PANE, { type: 'filter', text: 'nowhere' });
    expect((await rig.settled()).filter?.total).toBe(0);
    expect(rig.shown(10, 2)).toEqual(['', '']);
  });
});

test('the first error is found and shown, or said not to be there', async () => {
  const rig = new LogRig(`${'0 errors\n'.repeat(2000)}\u001b[31mFATAL\u001b[0m: disk\n${numbered(2000)}`);
  rig.shown(30, 6);
  rig.panes.key(PANE, { type: 'first-error' });
  expect((await rig.settled()).firstError).toBe('found');
  expect(rig.shown(30, 6)[2]).toContain('FATAL');
  const clean = new LogRig(numbered(10));
  clean.panes.key(PANE, { type: 'first-error' });
  expect((await clean.settled()).firstError).toBe('none');
});

describe('copy', () => {
  test('gives whole lines without colours, gutter or frame', async () => {
    const rig = new LogRig(`\u001b[31mred\u001b[0m ${'long '.repeat(20)}\n👩‍💻\tx\nlast\n`);
    rig.panes.key(PANE, { type: 'line-numbers' });
    rig.panes.key(PANE, { type: 'wrap' });
    rig.shown(30, 20);
    expect(rig.panes.copyText(PANE, 'visible')).toBe(`red ${'long '.repeat(20)}\n👩‍💻\tx\nlast`);
    expect(rig.panes.key(PANE, { type: 'copy', what: 'visible' })).toMatchObject({ lines: 3, cut: false });
  });

  test('gives the lines that were selected, by row or by moving, in sight or not', async () => {
    const rig = new LogRig(numbered(100));
    rig.shown(30, 5);
    rig.panes.key(PANE, { type: 'select', row: 1 });
    rig.panes.key(PANE, { type: 'select', row: 3, extend: true });
    expect(rig.panes.copyText(PANE, 'selection')).toBe('line 2\nline 3\nline 4');
    rig.panes.key(PANE, { type: 'select-move', lines: 7 });
    expect(rig.shown(30, 5).at(-1)).toBe(`\u001b[0;7mline 11${' '.repeat(23)}\u001b[0m`);
    await rig.settled();
    expect(rig.status().selectedLines).toBe(10);
    rig.panes.key(PANE, { type: 'select-clear' });
    expect(rig.panes.copyText(PANE, 'selection')).toBe('');
  });

  test('gives all lines that match, up to a bound', async () => {
    const rig = new LogRig(numbered(1000));
    rig.panes.key(PANE, { type: 'search', text: '99' });
    await rig.settled();
    expect(rig.panes.copyText(PANE, 'matches').split('\n')).toHaveLength(19);
    const big = new LogRig(numbered(300_000));
    big.panes.key(PANE, { type: 'filter', text: 'line' });
    await big.settled();
    const copied = big.panes.key(PANE, { type: 'copy', what: 'matches' });
    expect(copied?.cut).toBe(true);
    expect(copied?.text.length).toBeLessThanOrEqual(MAX_COPY_BYTES);
  });

  test('the sequence for the clipboard holds the text and nothing that ends it early', () => {
    expect(osc52('構 \u0007')).toBe(`\u001b]52;c;${Buffer.from('構 \u0007').toString('base64')}\u0007`);
    const [, payload = ''] = osc52('가'.repeat(MAX_OSC52_BYTES)).split(';c;');
    expect(payload.length).toBeLessThanOrEqual(74_994);
    expect(Buffer.from(payload.slice(0, -1), 'base64').toString()).toMatch(/^가+$/);
  });
});

test('nothing changed: the same rows again, so that nothing is written', async () => {
  const rig = new LogRig(numbered(100), { live: true });
  await rig.settled();
  await rig.until(() => true);
  expect(rig.panes.rows(PANE, 30, 5)).toBe(rig.panes.rows(PANE, 30, 5));
});

test('keys are told at once, growth at the pace of looking', async () => {
  const rig = new LogRig('x\n', { live: true });
  await rig.settled();
  const told: string[] = [];
  rig.panes.onChange(({ cause }) => told.push(cause));
  rig.panes.key(PANE, { type: 'scroll', rows: -1 });
  expect(told).toEqual(['input']);
});
