/** Bytes that one step of a scan reads: a fraction of a millisecond of work. */
export const SCAN_BYTES = 128 * 1024;

let buffer: Buffer | undefined;

/** One for all scans: each step uses it up before it returns. */
export function scanBuffer(): Buffer {
  buffer ??= Buffer.allocUnsafeSlow(SCAN_BYTES);
  return buffer;
}
