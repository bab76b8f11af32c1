import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FileTarget, temporaryName } from '../../../src/streams/pump/file-target.ts';
import { measureSize } from '../../../src/streams/pump/size.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const BLOCK = Buffer.alloc(3 * 1024 * 1024, 'block');

describe('a file of a stream', () => {
  test('that goes to the disk while it grows is whole, and has its name only at the end', async () => {
    const name = path.join(folder, 'out');
    const target = FileTarget.open(name, 'token');
    for (let block = 0; block < 4; block++) {
      writeSync(target.fd, BLOCK);
      target.settleAhead();
    }
    await target.settle();
    expect(readdirSync(folder)).toEqual([path.basename(temporaryName(name, 'token'))]);
    target.publish();
    await target.settleFolder();
    // Its end may be told once more; the next file may have its descriptor by now.
    target.settleAhead();
    expect(readdirSync(folder)).toEqual(['out']);
    expect(readFileSync(name).equals(Buffer.concat([BLOCK, BLOCK, BLOCK, BLOCK]))).toBe(true);
  });

  test('that is given up leaves the one of an earlier run as it was', () => {
    const name = path.join(folder, 'out');
    writeFileSync(name, 'earlier');
    const target = FileTarget.open(name, 'token');
    writeSync(target.fd, BLOCK);
    target.settleAhead();
    target.discard();
    expect(readdirSync(folder)).toEqual(['out']);
    expect(readFileSync(name, 'utf8')).toBe('earlier');
  });

  test('is read back: another length and other bytes are told', async () => {
    const target = FileTarget.open(path.join(folder, 'out'), 'token');
    writeSync(target.fd, 'abcd');
    const sum = crc32(Buffer.from('abcd'));
    expect(await target.difference({ bytes: 4, crc32: sum })).toBeUndefined();
    expect(await target.difference({ bytes: 5, crc32: sum })).toBe('has 4 bytes where 5 were written');
    writeSync(target.fd, 'x', 0);
    expect(await target.difference({ bytes: 4, crc32: sum })).toBe(
      'reads back differently than it was written',
    );
    target.discard();
  });

  test('cannot have the name of a folder, or one in a folder that is not there', () => {
    expect(() => FileTarget.open(folder, 'token')).toThrow(expect.objectContaining({ code: 'EISDIR' }));
    const lost = path.join(folder, 'missing', 'out');
    expect(() => FileTarget.open(lost, 'token')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});

describe('the size that a command prints', () => {
  const measure = (script: string): Promise<number | string> =>
    measureSize({ script, env: { VALUE: '12' } }, folder, { PATH: process.env['PATH'] });

  test.each([
    ['echo 2048', 2048],
    ['echo "$VALUE of them"', 12],
    ['head -c 5 /dev/zero > five; wc -c < five', 5],
    ['echo none', 'its command printed no number'],
    ['echo 7; exit 3', 'its command failed (3)'],
    ['kill -9 $$', 'its command failed (SIGKILL)'],
  ])('%s: %s', async (script, size) => {
    expect(await measure(script)).toBe(size);
  });
});
