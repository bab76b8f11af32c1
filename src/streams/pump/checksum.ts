import path from 'node:path';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A checksum that grows with the stream. */
export interface Digest {
  readonly update: (bytes: Buffer) => void;
  /** Lower-case hex; once. */
  readonly hex: () => string;
}

/** For an algorithm out of `CHECKSUM_ALGORITHMS`. Source: OpenSSL, which uses the processor's own instructions. */
export function createDigest(algorithm: string): Digest {
  if (algorithm === 'crc32') {
    let sum = 0;
    return {
      update: (bytes) => void (sum = crc32(bytes, sum)),
      hex: () => sum.toString(16).padStart(8, '0'),
    };
  }
  const hash = createHash(algorithm === 'blake2b' ? 'blake2b512' : algorithm);
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
}

/** `sha256:ABC…`, `ABC…  name`: the checksum alone, lower case. */
export function expectedHex(written: string): string {
  const [first = ''] = written.trim().split(/\s+/, 1);
  return first.slice(first.indexOf(':') + 1).toLowerCase();
}

/** A line as `sha256sum` writes it. In `x.tar.zst.sha256` it is that of `x.tar.zst` beside it, so that `sha256sum -c` finds it; elsewhere of the input, `-`. */
export function sumLine(hex: string, algorithm: string, file = ''): string {
  const { base, ext, name } = path.parse(file);
  if (ext !== `.${algorithm}` || name === '' || base.startsWith('.')) return `${hex}  -\n`;
  // As coreutils write names with these characters.
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `${escaped === name ? '' : '\\'}${hex}  ${escaped}\n`;
}
