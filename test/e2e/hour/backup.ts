import { createHash, randomBytes } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  readdirSync,
  statfsSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { formatBytes } from '../../../src/core/quantities.ts';
import { expectThat, type Hour, sh, write } from './hour.ts';
import type { Program } from './packed.ts';

/** Backs a folder up with the shipped pipeline, unpacks the archive with tar, and compares each byte. */
export async function backUpAndRestore(hour: Hour, program: Program, sizeBytes: number): Promise<void> {
  const { bavail, bsize } = statfsSync(hour.folder);
  // The folder, what was packed of it, and what was restored.
  const neededBytes = sizeBytes * 2.6;
  expectThat(
    bavail * bsize > neededBytes,
    `a backup of ${formatBytes(sizeBytes)} needs ${formatBytes(neededBytes)} of free disk: choose a smaller --size`,
  );
  const cwd = path.join(hour.folder, 'backup');
  mkdirSync(path.join(cwd, 'data'), { recursive: true });
  await hour.step(`a folder of ${formatBytes(sizeBytes)}`, () => fill(path.join(cwd, 'data'), sizeBytes));
  await hour.step(
    'backup-with-verification',
    async () => {
      const files = ['--source', 'data', '--backup_file', 'backup.tar.gz'];
      await program.run(['run', 'backup-with-verification', ...files], cwd);
      return program.lastRun(cwd);
    },
    ({ status }) => status,
  );
  await hour.step('restored with tar', async () => {
    mkdirSync(path.join(cwd, 'restored'));
    await sh('tar', ['xzf', '../backup.tar.gz'], { cwd: path.join(cwd, 'restored') });
  });
  await hour.step(
    'compared byte by byte',
    async () => {
      await sh('diff', ['--recursive', '--no-dereference', 'data', 'restored/data'], { cwd });
      const [before, after] = [
        await digest(path.join(cwd, 'data')),
        await digest(path.join(cwd, 'restored/data')),
      ];
      expectThat(before === after, 'what was restored is not what was backed up');
      return before;
    },
    (sha256) => `identical, SHA-256 of all of it ${sha256.slice(0, 16)}…`,
  );
}

/** Half of it can be compressed, half cannot; names as people give them; a link, an empty file, an empty folder. */
async function fill(folder: string, sizeBytes: number): Promise<void> {
  const each = Math.ceil(sizeBytes / 4);
  for (const [index, kind] of ['noise', 'text', 'noise', 'text'].entries()) {
    const file = path.join(folder, `part ${index}`, `${kind} ü'"$(x) -rf.bin`);
    mkdirSync(path.dirname(file), { recursive: true });
    await pipeline(Readable.from(pieces(kind, each)), createWriteStream(file));
  }
  write(path.join(folder, '-n'), '');
  mkdirSync(path.join(folder, 'nothing in it'));
  symlinkSync('../-n', path.join(folder, 'part 0/link'));
}

function* pieces(kind: string, bytes: number): Generator<Buffer> {
  const line = Buffer.from(
    '2026-02-06 16:00:00 INFO a line as logs have them, over and over\n'.repeat(16_384),
  );
  for (let left = bytes; left > 0; left -= line.length) {
    const piece = kind === 'noise' ? randomBytes(line.length) : line;
    yield piece.subarray(0, Math.min(left, piece.length));
  }
}

/** Over names and contents of all files, in the order of their names. */
async function digest(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const entry of readdirSync(folder, {
    recursive: true,
    withFileTypes: true,
    encoding: 'utf8',
  }).toSorted((a, b) => (path.join(a.parentPath, a.name) < path.join(b.parentPath, b.name) ? -1 : 1))) {
    const file = path.join(entry.parentPath, entry.name);
    hash.update(`${path.relative(folder, file)}\0`);
    if (entry.isFile()) for await (const chunk of createReadStream(file)) hash.update(chunk);
  }
  return hash.digest('hex');
}
