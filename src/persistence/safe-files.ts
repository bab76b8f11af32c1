import fs, { constants } from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { hasCode } from '../core/error-code.ts';
import { crashPoint } from './crash-point.ts';

/** Flags that keep a planted link from being followed and a planted pipe from hanging us. */
const SAFE = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** No write takes this long, milliseconds. */
const LEFTOVER_AGE_MS = 60_000;

/**
 * Opens a plain file and nothing else; created files get mode 0600. The caller closes it.
 * Throws `ELOOP` for a symbolic link, `ENXIO` or `ENOTREGULAR` for pipes, devices and folders.
 */
export function openRegular(file: string, flags: number): number {
  const fd = fs.openSync(file, flags | SAFE, 0o600);
  if (fs.fstatSync(fd).isFile()) return fd;
  fs.closeSync(fd);
  throw Object.assign(new Error(`not a plain file: ${file}`), { code: 'ENOTREGULAR' });
}

/** Reads a plain file from byte `from`, at most `limit` bytes; empty when it is shorter. */
export function readRegular(file: string, from = 0, limit = Number.MAX_SAFE_INTEGER): Buffer {
  const fd = openRegular(file, constants.O_RDONLY);
  try {
    return readAt(fd, from, Math.min(limit, Math.max(0, fs.fstatSync(fd).size - from)));
  } finally {
    fs.closeSync(fd);
  }
}

/** Reads up to `length` bytes at `from`; fewer where the file ends. */
export function readAt(fd: number, from: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = fs.readSync(fd, buffer, filled, length - filled, from + filled);
    if (count === 0) break;
    filled += count;
  }
  return buffer.subarray(0, filled);
}

/** Like `readRegular`, as text; undefined when the file is not there. */
export function readTextIfPresent(file: string, limit?: number): string | undefined {
  try {
    return readRegular(file, 0, limit).toString('utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * Writes every byte: a full disk may accept a part of a write without an error (measured: 680 of 717 bytes).
 * Without `position` where the file stands.
 */
export function writeAll(fd: number, data: Uint8Array, position?: number): void {
  let written = 0;
  while (written < data.length) {
    const at = position === undefined ? null : position + written;
    const count = fs.writeSync(fd, data, written, data.length - written, at);
    if (count === 0) throw Object.assign(new Error('the disk accepted no byte'), { code: 'ENOSPC' });
    written += count;
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const fd = fs.openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await new Promise<void>((resolve, reject) => {
      fs.fsync(fd, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    fs.closeSync(fd);
  }
}

/** Creates a folder, mode 0700; true when it was not there before. */
export function makeFolder(folder: string): boolean {
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    if (!fs.lstatSync(folder).isDirectory())
      throw Object.assign(new Error(`not a folder: ${folder}`), { code: 'ENOTDIR' });
    return false;
  }
}

/**
 * Creates a folder, mode 0700, and those above it that are not there. Not Node's own `recursive`: where the system takes
 * no folders and says ENOENT (as below `/proc`), it tries for ever.
 */
export function makePath(folder: string): void {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !fs.existsSync(at); at = path.dirname(at)) missing.push(at);
  for (const at of missing.toReversed()) {
    try {
      makeFolder(at);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      throw Object.assign(new Error(`no folder can be made: ${at}`), { code: 'ENOFOLDER' });
    }
  }
}

/** Names in a folder; none when it is not there. */
export function listFolder(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Removes a file if it is there. Errors are left to the next reader. */
export function removeQuietly(file: string): void {
  try {
    fs.unlinkSync(file);
  } catch {
    // Already gone, or read-only: nothing depends on it.
  }
}

/** Removes temporary files in `folder` that processes killed long ago (over a minute) left behind. */
export function sweepTemporaries(folder: string): void {
  for (const name of listFolder(folder)) {
    if (!/^\..*\.[0-9a-f]{12}\.tmp$/.test(name)) continue;
    const file = path.join(folder, name);
    const age = Date.now() - (fs.lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > LEFTOVER_AGE_MS) removeQuietly(file);
  }
}

/** A name beside `file` that no other process uses. */
export function temporaryName(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
}

/**
 * Replaces `file` as a whole, mode 0600: a reader sees the old or the new text, also after a power cut; which of them
 * is certain only with `isLasting`. A failed write leaves the old file as it was and no temporary one.
 */
export async function replaceFile(file: string, text: string, isLasting = true): Promise<void> {
  const temporary = temporaryName(file);
  try {
    const handle = await fs.promises.open(temporary, 'wx', 0o600);
    crashPoint('snapshot:opened');
    try {
      // FileHandle.writeFile loops over short writes.
      await handle.writeFile(text);
      crashPoint('snapshot:written');
      await handle.sync();
      crashPoint('snapshot:synced');
    } finally {
      await handle.close();
    }
    await fs.promises.rename(temporary, file);
    crashPoint('snapshot:renamed');
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
  if (!isLasting) return;
  const folder = await fs.promises.open(path.dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
