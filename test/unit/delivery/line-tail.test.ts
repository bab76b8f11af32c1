import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LineTail } from '../../../src/delivery/reports/line-tail.ts';

let folder = '';
let lines: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'pipewright-tail-'));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const take = (line: string): void => void lines.push(line);

test('lines come once, when they are finished, whatever the pieces are that the file grows by', () => {
  const file = path.join(folder, 'report');
  const tail = new LineTail(file);
  tail.read(take);
  expect(lines).toEqual([]);
  writeFileSync(file, 'one\r\ntw');
  tail.read(take);
  // In the middle of a character.
  const [first = 0, ...rest] = Buffer.from('é\nthree');
  appendFileSync(file, Buffer.from([0x6f, first]));
  tail.read(take);
  expect(lines).toEqual(['one']);
  appendFileSync(file, Buffer.from(rest));
  tail.read(take);
  expect(lines).toEqual(['one', 'twoé']);
  tail.end(take);
  tail.end(take);
  expect(lines).toEqual(['one', 'twoé', 'three']);
});

test('a line that does not end is cut, and those behind it are whole', () => {
  const file = path.join(folder, 'report');
  const tail = new LineTail(file);
  writeFileSync(file, `${'a'.repeat(1_000_000)}b\nnext\n`);
  tail.read(take);
  expect(lines.map((line) => line.length)).toEqual([256 * 1024, 4]);
  expect(lines[0]).toBe('a'.repeat(256 * 1024));
});
