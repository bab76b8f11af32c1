import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-table.ts';
import { helpText } from '../../../src/cli/help.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../../docs/commands');

test.each(COMMANDS.map(({ name }) => name))('the page of %s holds its help as it is printed', (name) => {
  expect(readFileSync(path.join(FOLDER, `${name}.md`), 'utf8')).toContain(`\n${helpText(name)}\n`);
});

test('there is no page of a command that is not there', () => {
  expect(readdirSync(FOLDER).toSorted()).toEqual(COMMANDS.map(({ name }) => `${name}.md`).toSorted());
});

test('help fits a terminal of 110 columns', () => {
  const lines = [helpText(), ...COMMANDS.map(({ name }) => helpText(name))].join('\n').split('\n');
  expect(lines.filter((line) => line.length > 110)).toEqual([]);
});
