import { execFileSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ConfigRig, configRig, found } from '../../support/config-rig.ts';
import { cpuMs } from '../../support/cpu-time.ts';

const LIMIT_MS = 2000;

let rig: ConfigRig;
beforeAll(async () => {
  rig = await configRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

function deepBlock(): string {
  return Array.from({ length: 600 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n');
}

function aliasBomb(): string {
  const levels = Array.from({ length: 30 }, (_, level) => {
    const before = level === 0 ? 'x' : `*l${level - 1}`;
    return `x-${level}: &l${level} [${Array.from({ length: 10 }, () => before).join(', ')}]`;
  });
  return `${levels.join('\n')}\nsteps: [ls]\n`;
}

function mergeBomb(): string {
  const levels = Array.from({ length: 30 }, (_, level) => {
    const before = level === 0 ? '{a: 1}' : `*l${level - 1}`;
    return `x-${level}: &l${level} {${Array.from({ length: 10 }, (_n, key) => `k${key}: ${before}`).join(', ')}}`;
  });
  return `${levels.join('\n')}\nsteps: [ls]\n`;
}

const keys = (count: number) => Array.from({ length: count }, (_, index) => `k${index}: 1`).join(', ');

test.each([
  ['100 000 lists inside each other', `steps: ${'['.repeat(100_000)}`, 'nested deeper than 64 levels'],
  ['60 000 dashes on one line', `${'- '.repeat(60_000)}x`, 'nested deeper than 64 levels'],
  ['60 000 question marks on one line', `${'? '.repeat(60_000)}x`, 'nested deeper than 64 levels'],
  ['600 mappings inside each other', deepBlock(), 'nested deeper than 64 levels'],
  ['an alias bomb', aliasBomb(), 'more than 60000 values once its aliases are written out'],
  ['a merge bomb', mergeBomb(), 'more than 60000 values once its aliases are written out'],
  ['20 000 keys', `{${keys(20_000)}}`, 'more than 60000 YAML tokens'],
  ['200 000 commas', `[${','.repeat(200_000)}]`, 'more than 60000 YAML tokens'],
  ['200 000 closing braces', `a: ${'}'.repeat(200_000)}`, 'more than 60000 YAML tokens'],
  ['10 MB', 'a: b\n'.repeat(2_000_000), 'the file is larger than 256 KiB'],
  ['5001 lines', '#\n'.repeat(5001), 'the file has more than 5000 lines'],
  ['a binary', Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 0, 1]), 'this is a binary file'],
  ['text that is no UTF-8', Uint8Array.from([0x61, 0x3a, 0x20, 0xff, 0xfe]), 'the file is not valid UTF-8'],
])('%s is refused in time', async (_, text, message) => {
  const startedAtMs = cpuMs();
  const result = await rig.load(text);
  expect(cpuMs() - startedAtMs).toBeLessThan(LIMIT_MS);
  expect(result.ok).toBe(false);
  expect(found(result).join('\n')).toContain(message);
});

test.each([
  ['4 900 keys', Array.from({ length: 4900 }, (_, index) => `k${index}: 1`).join('\n')],
  ['9 000 keys on one line', `{${keys(9000)}}`],
  ['4 900 times the same key', 'a: 1\n'.repeat(4900)],
  ['250 000 characters of one text', `name: ${'x'.repeat(250_000)}`],
  ['a command of 250 000 quotes', `steps: ['${`"`.repeat(250_000)}']`],
  ['a command of 40 000 places', `steps: ["${'{{.a}}'.repeat(40_000)}"]`],
  ['a command of 60 000 openings', `steps: ["${'$('.repeat(60_000)}{{.a}}"]`],
  ['a condition of 100 000 brackets', `stages: [{name: a, command: ls, if: "${'('.repeat(100_000)}"}]`],
  ['1 000 stages that need all before them', manyNeeds()],
  [
    'a command of 250 lines with 8 places each',
    `steps:\n  - |\n${"    echo {{.a}}{{.a}} '{{.a}}' `{{.a}}` $(({{.a}})) {{.b}} {{.c}} {{.d}}\n".repeat(250)}`,
  ],
  ['30 000 undeclared names', `params: {}\nsteps: ["echo ${'{{.b}} '.repeat(30_000)}"]`],
  ['200 000 quotes', '"'.repeat(200_000)],
  ['60 000 anchors', '&a '.repeat(60_000)],
  ['100 000 colons', `a: ${': '.repeat(100_000)}`],
])('%s is answered in time', async (_, text) => {
  const startedAtMs = cpuMs();
  await rig.load(text);
  expect(cpuMs() - startedAtMs).toBeLessThan(LIMIT_MS);
});

function manyNeeds(): string {
  const names = Array.from({ length: 200 }, (_, index) => `s${index}`);
  const stages = names.map(
    (name, index) => `- {name: ${name}, command: x, needs: [${names.slice(0, index).join(',')}]}`,
  );
  return `stages:\n${stages.join('\n')}\n`;
}

test('a file with problems without end shows the first 500 and says that there are more', async () => {
  const result = await rig.load(`params: {}\nsteps: ["echo ${'{{.b}} '.repeat(2000)}"]`);
  expect(found(result)).toHaveLength(501);
  expect(found(result).at(-1)).toContain('more than 500 problems; the rest is not shown');
});

test('a folder, a pipe, a device, a missing file and a link to itself are named for what they are', async () => {
  await mkdir(rig.file('folder.yaml'));
  execFileSync('mkfifo', [rig.file('pipe.yaml')]);
  await symlink('loop.yaml', rig.file('loop.yaml'));
  await symlink('/dev/zero', rig.file('zero.yaml'));
  const said = async (name: string) => found(await rig.loadFile(name));
  expect(await said('folder.yaml')).toEqual(['1:1 error: this is a folder, not a file']);
  expect(await said('pipe.yaml')).toEqual(['1:1 error: this is not a regular file']);
  expect(await said('zero.yaml')).toEqual(['1:1 error: this is not a regular file']);
  expect(await said('missing.yaml')).toEqual(['1:1 error: there is no such file']);
  expect(await said('loop.yaml')).toEqual(['1:1 error: the file is a symbolic link that leads to itself']);
});

test('no file reaches the prototype of anything', async () => {
  await rig.load('__proto__: {polluted: 1}\nx: {constructor: {prototype: {polluted: 1}}}\nsteps: [ls]\n');
  expect('polluted' in {}).toBe(false);
});

test('an alias bomb inside a value that is checked is refused too', async () => {
  const result = await rig.load(aliasBomb().replace('steps: [ls]', 'steps: *l29'));
  expect(result.ok).toBe(false);
});
