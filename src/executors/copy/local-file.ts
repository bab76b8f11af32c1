import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { sha256Of } from './copy-file.ts';
import { BLOCK_BYTES, type CopyObstacle, refuse, type SinkFile, type SourceFile } from './ends.ts';

const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;

const LANES = 4;
const READ_BYTES = 1024 * 1024;

/** Throws `CopyObstacle` for what is not a file. */
export async function openLocalSource(file: string, signal: AbortSignal): Promise<SourceFile> {
  const handle = await orRefuse(file, () => open(file, 'r'));
  const facts = await orRefuse(file, () => handle.stat());
  if (!facts.isFile()) {
    await handle.close();
    throw refuse(`${file} is not a file`);
  }
  const { size } = facts;
  return {
    label: file,
    size,
    mode: facts.mode & 0o7777,
    lanes: LANES,
    read: (offset, length) => readExactly({ handle, file }, offset, length),
    sha256: () => hashFile({ handle, file }, size, signal),
    blockHashes: async (count) => {
      const hashes: string[] = [];
      for (let block = 0; block < count; block += 1) {
        signal.throwIfAborted();
        const offset = block * BLOCK_BYTES;
        const length = Math.min(BLOCK_BYTES, size - offset);
        hashes.push(sha256Of(await readExactly({ handle, file }, offset, length)));
      }
      return hashes;
    },
    close: () => handle.close(),
  };
}

/** Written to `<file>.part`, which takes the file's name when it is whole. */
export function openLocalSink(file: string, signal: AbortSignal): SinkFile {
  const part = `${file}.part`;
  let handle: FileHandle | undefined;
  const opened = (): FileHandle => {
    if (!handle) throw new Error(`${part} is written before it was opened`);
    return handle;
  };
  return {
    label: file,
    lanes: LANES,
    begin: async (size) => {
      const before = await stat(file).catch(() => undefined);
      if (before?.isDirectory()) throw refuse(`${file} is a folder`);
      await orRefuse(file, () => mkdir(path.dirname(file), { recursive: true }));
      const whole = before?.isFile() && before.size === size ? await hashOf(file, signal) : undefined;
      // Never through a link that somebody has put there.
      handle = await orRefuse(part, () => open(part, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600));
      return { whole, blocks: await blocksOf({ handle, file: part }, size, signal) };
    },
    write: async (offset, bytes, onBytes) => {
      await orRefuse(part, () => writeAll(opened(), bytes, offset));
      onBytes(bytes.length);
    },
    discard: () => orRefuse(part, () => rm(part, { force: true })),
    finish: async ({ size, mode, sha256 }) => {
      await orRefuse(part, async () => {
        await opened().truncate(size);
        await opened().chmod(mode);
        await opened().sync();
      });
      const written = await hashFile({ handle: opened(), file: part }, size, signal);
      if (written !== sha256) throw changed(file);
      await orRefuse(file, () => rename(part, file));
    },
    close: async () => {
      await handle?.close();
    },
  };
}

/** What has arrived is not what was sent; another try may heal that. */
export function changed(label: string): CopyObstacle {
  return refuse(
    `${label} does not have the checksum of what was sent: the source changed while it was read, or a disk is bad`,
    true,
  );
}

async function writeAll(handle: FileHandle, bytes: Buffer, offset: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, offset + at);
    at += bytesWritten;
  }
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly file: string;
}

async function readExactly({ handle, file }: OpenFile, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  for (let at = 0; at < length;) {
    const { bytesRead } = await orRefuse(file, () => handle.read(buffer, at, length - at, offset + at));
    if (bytesRead === 0) throw refuse(`${file} became shorter while it was read`, true);
    at += bytesRead;
  }
  return buffer;
}

async function hashFile(file: OpenFile, size: number, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < size; at += READ_BYTES) {
    signal.throwIfAborted();
    hash.update(await readExactly(file, at, Math.min(READ_BYTES, size - at)));
  }
  return hash.digest('hex');
}

async function hashOf(file: string, signal: AbortSignal): Promise<string> {
  const handle = await orRefuse(file, () => open(file, 'r'));
  try {
    return await hashFile({ handle, file }, (await handle.stat()).size, signal);
  } finally {
    await handle.close();
  }
}

async function blocksOf(part: OpenFile, size: number, signal: AbortSignal): Promise<readonly string[]> {
  const there = Math.min(size, (await part.handle.stat()).size);
  const hashes: string[] = [];
  for (let at = 0; at < there; at += BLOCK_BYTES) {
    signal.throwIfAborted();
    hashes.push(sha256Of(await readExactly(part, at, Math.min(BLOCK_BYTES, there - at))));
  }
  return hashes;
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'no space left',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  ELOOP: 'it is a link that leads nowhere',
  ENAMETOOLONG: 'the name is too long',
};

/** What the file system refuses, in words. A bug is thrown on. */
async function orRefuse<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    const code = String(error.code);
    throw refuse(`${file}: ${WORDS[code] ?? code}`, code === 'ENOSPC');
  }
}
