import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { FAILURE_TRAITS } from '../../src/core/failure.ts';
import { referencePages, ROOT } from './reference.ts';

const FOLDER = path.join(ROOT, 'docs/reference');
const pages = referencePages();

test.each([...pages])('docs/reference/%s is what the sources say now; if not: npm run docs', (name, text) => {
  expect(readFileSync(path.join(FOLDER, name), 'utf8')).toBe(text);
});

test('docs/reference holds no page that is no longer made', () => {
  const there = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  );
  expect(there.toSorted()).toEqual([...pages.keys()].toSorted());
});

test('every key has a meaning, and a default where it may be left out', () => {
  const rows = [...pages].flatMap(([name, text]) =>
    text
      .split('\n')
      .filter((line) => /^\| `.* \|.*\|.*\|.*\|$/.test(line) && !/events|exit-codes/.test(name)),
  );
  expect(rows.length).toBeGreaterThan(60);
  expect(rows.filter((row) => /\| +\|/.test(row))).toEqual([]);
});

test('every failure reason has a row with a meaning', () => {
  const text = pages.get('exit-codes.md') ?? '';
  for (const reason of Object.keys(FAILURE_TRAITS)) {
    expect(text).toMatch(new RegExp(`^\\| \`${reason}\` \\| \\d+ \\| [^|]+ \\| [^| ][^|]+ \\|`, 'm'));
  }
});

test('every event says what it announces', () => {
  const sections = (pages.get('events.md') ?? '')
    .split('\n## ')
    .filter((part) => /^[a-z]+\.[a-z]+\n/.test(part));
  expect(sections.length).toBeGreaterThan(18);
  expect(sections.filter((part) => /^\S+\n\n\|/.test(part)).map((part) => part.split('\n')[0])).toEqual([]);
});
