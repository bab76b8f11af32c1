import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errorCode } from '../core/error-code.ts';
import type { Result } from '../core/failure.ts';
import { type Diagnostic, fileDiagnostic } from './diagnostic.ts';

/** Larger files are refused before they are parsed. Measured: a parser's time grows faster than its input. */
const LARGEST_BYTES = 256 * 1024;
const MOST_LINES = 5000;

/** A configuration file as text, without its byte order mark. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  /** Of the bytes, hex. */
  readonly sha256: string;
}

/** Reads a file's bytes; rejects with an errno error. */
export type ReadBytes = (file: string) => Promise<Uint8Array>;

/** Reads a regular file, at most one byte beyond the limit: devices and pipes are refused, not read. */
export const readBytesBounded: ReadBytes = async (file) => {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = await handle.stat();
    if (facts.isDirectory()) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
    if (!facts.isFile()) throw Object.assign(new Error('is not a regular file'), { code: 'ENXIO' });
    const buffer = Buffer.alloc(Math.min(facts.size, LARGEST_BYTES) + 1);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled);
      if (bytesRead === 0) return buffer.subarray(0, filled);
      filled += bytesRead;
    }
  } finally {
    await handle.close();
  }
};

/** The file's text, or why it cannot be one. `missing` tells an absent file from a bad one. */
export async function readSource(
  file: string,
  readBytes: ReadBytes,
): Promise<Result<SourceText, { readonly missing: boolean; readonly diagnostic: Diagnostic }>> {
  let bytes: Uint8Array;
  try {
    bytes = await readBytes(file);
  } catch (error) {
    const { missing, message } = explainReadError(error);
    return { ok: false, failure: { missing, diagnostic: fileDiagnostic(file, 'unreadable', message) } };
  }
  return decodeSource(file, bytes);
}

function decodeSource(
  file: string,
  bytes: Uint8Array,
): Result<SourceText, { readonly missing: boolean; readonly diagnostic: Diagnostic }> {
  const refuse = (code: string, message: string) => ({
    ok: false as const,
    failure: { missing: false, diagnostic: fileDiagnostic(file, code, message) },
  });
  if (bytes.length > LARGEST_BYTES) return refuse('too-large', 'the file is larger than 256 KiB');
  if (bytes.includes(0)) return refuse('binary', 'this is a binary file, not YAML (it holds a NUL byte)');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('binary', 'the file is not valid UTF-8');
  }
  if (text.split(/\r\n|\r|\n/, MOST_LINES + 2).length > MOST_LINES + 1) {
    return refuse('too-large', 'the file has more than 5000 lines');
  }
  return { ok: true, value: { file, text, sha256: createHash('sha256').update(bytes).digest('hex') } };
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'this is a folder, not a file',
  ENXIO: 'this is not a regular file',
  EACCES: 'the file may not be read (permission denied)',
  EPERM: 'the file may not be read (permission denied)',
  ELOOP: 'the file is a symbolic link that leads to itself',
  ENAMETOOLONG: 'the file name is too long',
};

function explainReadError(error: unknown): { readonly missing: boolean; readonly message: string } {
  const code = errorCode(error) ?? '';
  const missing = code === 'ENOENT' || code === 'ENOTDIR';
  return { missing, message: READ_ERRORS[code] ?? `the file cannot be read (${code || String(error)})` };
}
