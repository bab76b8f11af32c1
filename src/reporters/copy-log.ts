import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { TextSanitizer } from '../core/terminal-text.ts';

const PIECE_BYTES = 64 * 1024;

/**
 * A log as text that is safe to show, piece by piece, whole lines in each; memory does not grow
 * with the file. With `lines` only the last so many. A file that is not there is empty.
 */
export async function* copyLog(
  file: string,
  options: { readonly lines?: number; readonly keepColor: boolean },
): AsyncGenerator<string> {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch {
    return;
  }
  try {
    const sanitizer = new TextSanitizer({ keepColor: options.keepColor });
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    let offset = options.lines === undefined ? 0 : offsetOfLastLines(fd, options.lines);
    for (;;) {
      const read = readSync(fd, buffer, 0, PIECE_BYTES, offset);
      if (read === 0) break;
      offset += read;
      const text = sanitizer.pushText(buffer.subarray(0, read));
      if (text !== '') yield text;
    }
    for (const line of sanitizer.end()) yield `${line}\n`;
  } finally {
    closeSync(fd);
  }
}

/** Reads backwards until it has passed so many line feeds. */
function offsetOfLastLines(fd: number, lines: number): number {
  const { size } = fstatSync(fd);
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  if (lines === 0) return size;
  let left = lines;
  // The line feed at the very end ends the last line; it does not begin another one.
  let end = size;
  for (let start = Math.max(0, end - PIECE_BYTES); end > 0; start = Math.max(0, end - PIECE_BYTES)) {
    const read = readSync(fd, buffer, 0, end - start, start);
    const from = end === size ? read - 2 : read - 1;
    for (let at = lastLineFeed(buffer, from); at >= 0; at = lastLineFeed(buffer, at - 1)) {
      left -= 1;
      if (left === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** Buffer.lastIndexOf counts a negative offset from the end. */
function lastLineFeed(buffer: Buffer, from: number): number {
  return from < 0 ? -1 : buffer.lastIndexOf(0x0a, from);
}
