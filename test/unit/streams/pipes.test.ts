import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { makePipes, type Pipe } from '../../../src/streams/pump/pipes.ts';

/** More than one shell makes. */
const MANY = 9;
const SYSTEMS = ['linux', 'darwin'] as const;
const isLinux = process.platform === 'linux';

function sendThrough({ readFd, writeFd }: Pipe, text: string): string {
  writeSync(writeFd, text);
  closeSync(writeFd);
  const got = readFileSync(readFd, 'utf8');
  closeSync(readFd);
  return got;
}

/** Descriptors of this process on the same object, those of the runtime left aside: they come and go. */
function fdsOn({ dev, ino }: Stats): readonly number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => {
      try {
        const of = fstatSync(fd);
        return of.dev === dev && of.ino === ino;
      } catch {
        return false;
      }
    });
}

test.each(SYSTEMS)(
  'pipes as %s makes them are empty, apart from each other, and end with their writer',
  async (system) => {
    const pipes = await makePipes(MANY, system);
    expect(pipes).toHaveLength(MANY);
    const texts = pipes.map((_, index) => `through ${index}`);
    expect(pipes.map((pipe, index) => sendThrough(pipe, texts[index] ?? ''))).toEqual(texts);
  },
);

test('no pipe is no work', async () => {
  expect(await makePipes(0)).toEqual([]);
});

test.skipIf(!isLinux).each(SYSTEMS)(
  'pipes as %s makes them leave no descriptor and no name behind',
  async (system) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-pipes-'));
    vi.stubEnv('TMPDIR', folder);
    try {
      for (const { readFd, writeFd } of await makePipes(MANY, system)) {
        const pipe = fstatSync(readFd);
        expect(new Set(fdsOn(pipe))).toEqual(new Set([readFd, writeFd]));
        closeSync(readFd);
        closeSync(writeFd);
        expect(fdsOn(pipe)).toEqual([]);
      }
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  },
);

test.skipIf(!isLinux)(
  'whoever opens a pipe by name after its writer has ended finds its bytes and its end',
  async () => {
    const [pipe] = await makePipes(1, 'linux');
    if (!pipe) throw new Error('no pipe');
    writeSync(pipe.writeFd, 'late');
    closeSync(pipe.writeFd);
    // Where pipes have names this would wait for ever.
    const again = openSync(`/proc/self/fd/${pipe.readFd}`, 'r');
    closeSync(pipe.readFd);
    const bytes = Buffer.alloc(8);
    expect(bytes.toString('utf8', 0, readSync(again, bytes))).toBe('late');
    expect(readSync(again, bytes)).toBe(0);
    closeSync(again);
  },
);
