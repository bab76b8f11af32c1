import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packFolder } from '../../src/delivery/pack.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'pipewright-pack-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function writeTree(folder: string): void {
  mkdirSync(path.join(folder, 'deep', 'x'.repeat(90), 'y'.repeat(90)), { recursive: true });
  writeFileSync(path.join(folder, 'deep', 'x'.repeat(90), 'y'.repeat(90), 'ünï\ncode.txt'), 'long name');
  writeFileSync(path.join(folder, 'run.sh'), '#!/bin/sh\n');
  chmodSync(path.join(folder, 'run.sh'), 0o755);
  writeFileSync(path.join(folder, 'empty'), '');
  writeFileSync(path.join(folder, 'big'), Buffer.alloc(1_000_001, 'ab'));
  symlinkSync('run.sh', path.join(folder, 'link'));
  mkdirSync(path.join(folder, '.git'));
  writeFileSync(path.join(folder, '.git', 'config'), 'secret');
  mkdirSync(path.join(folder, 'state'));
  writeFileSync(path.join(folder, 'state', 'x'), '1');
}

test('tar unpacks it to the same tree, without version control and what is left out', async () => {
  writeTree(path.join(root, 'a'));
  const archive = path.join(root, 'a.tgz');
  const packed = await packFolder(path.join(root, 'a'), archive, {
    leaveOut: [path.join(root, 'a', 'state')],
  });
  expect(packed.files_count).toBe(5);
  mkdirSync(path.join(root, 'out'));
  execFileSync('tar', ['xzf', archive, '-C', path.join(root, 'out')]);
  rmSync(path.join(root, 'a', '.git'), { recursive: true });
  rmSync(path.join(root, 'a', 'state'), { recursive: true });
  expect(
    execFileSync('diff', ['-r', '--no-dereference', path.join(root, 'a'), path.join(root, 'out')], {
      encoding: 'utf8',
    }),
  ).toBe('');
  expect(readFileSync(path.join(root, 'out', 'link'), 'utf8')).toBe('#!/bin/sh\n');
});

test('equal trees give equal digests, whenever and wherever they were written', async () => {
  for (const name of ['a', 'b']) writeTree(path.join(root, name));
  utimesSync(path.join(root, 'b', 'empty'), 1, 1);
  const [a, b] = await Promise.all(
    ['a', 'b'].map((name) => packFolder(path.join(root, name), path.join(root, `${name}.tgz`))),
  );
  expect(a?.digest).toBe(b?.digest);
  writeFileSync(path.join(root, 'b', 'empty'), '!');
  const changed = await packFolder(path.join(root, 'b'), path.join(root, 'b.tgz'));
  expect(changed.digest).not.toBe(a?.digest);
});
