const MIN_NEEDLE_BYTES = 6;
const MASK = Buffer.from('***');
const EMPTY = Buffer.alloc(0);

interface Span {
  readonly start: number;
  end: number;
}

/**
 * Replaces secrets in a byte stream by `***`, wherever chunks end and in the encodings in which
 * programs print them. Not found: shorter than six bytes, reversed, spaced out, compressed, or
 * interrupted by escape sequences or line breaks that the secret does not have.
 * Idea of the encodings: actions/runner ValueEncoders; measured in research on leaks per split position.
 */
export class Masker {
  readonly #needles: readonly Buffer[];
  readonly #longest: number;
  /** Bytes that a needle begins with. */
  readonly #firstBytes = new Uint8Array(256);
  /** Bytes that may be the beginning of a needle; shorter than the longest one. */
  #held: Buffer = EMPTY;
  /** So many bytes of `#held` belong to a mask that is written already. */
  #maskedBytes = 0;

  constructor(secrets: readonly string[]) {
    this.#needles = needlesOf(secrets);
    this.#longest = this.#needles[0]?.length ?? 0;
    for (const needle of this.#needles) this.#firstBytes[needle[0] ?? 0] = 1;
  }

  /** What can be shown by now. Up to the length of the longest needle is held back. */
  push(chunk: Uint8Array): Buffer {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#needles.length === 0) return bytes;
    return this.#scan(this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]), false);
  }

  /** The rest. */
  end(): Buffer {
    return this.#scan(this.#held, true);
  }

  #scan(buffer: Buffer, isLast: boolean): Buffer {
    const safe = isLast ? buffer.length : this.#safeLength(buffer);
    const parts: Buffer[] = [];
    let position = 0;
    let maskedUntil = this.#maskedBytes;
    for (const span of this.#spans(buffer)) {
      if (span.start >= safe) break;
      if (span.start >= maskedUntil) {
        parts.push(buffer.subarray(Math.max(position, maskedUntil), span.start), MASK);
      }
      maskedUntil = Math.max(maskedUntil, span.end);
      position = maskedUntil;
    }
    position = Math.max(position, maskedUntil);
    if (position < safe) parts.push(buffer.subarray(position, safe));
    this.#maskedBytes = Math.max(0, maskedUntil - safe);
    // A copy: the chunk may be the reader's reused memory.
    this.#held = safe < buffer.length ? Buffer.from(buffer.subarray(safe)) : EMPTY;
    return parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts);
  }

  /** Where needles are, overlapping ones joined. */
  #spans(buffer: Buffer): Span[] {
    const found: Span[] = [];
    for (const needle of this.#needles) {
      for (let at = buffer.indexOf(needle); at >= 0; at = buffer.indexOf(needle, at + 1)) {
        found.push({ start: at, end: at + needle.length });
      }
    }
    found.sort((a, b) => a.start - b.start);
    const joined: Span[] = [];
    for (const span of found) {
      const last = joined.at(-1);
      if (last && span.start < last.end) last.end = Math.max(last.end, span.end);
      else joined.push(span);
    }
    return joined;
  }

  /** Length without the longest end that is the beginning of a needle. */
  #safeLength(buffer: Buffer): number {
    for (let at = Math.max(0, buffer.length - this.#longest + 1); at < buffer.length; at += 1) {
      if (this.#firstBytes[buffer[at] ?? 0] === 0) continue;
      const length = buffer.length - at;
      const begins = this.#needles.some(
        (needle) => needle.length > length && needle.compare(buffer, at, buffer.length, 0, length) === 0,
      );
      if (begins) return at;
    }
    return buffer.length;
  }
}

/** Every form of the secrets to look for, longest first. */
function needlesOf(secrets: readonly string[]): readonly Buffer[] {
  const forms = new Set<string>();
  for (const secret of secrets) {
    for (const form of encodingsOf(secret)) forms.add(form);
    for (const line of secret.split(/\r?\n/)) forms.add(line.trim());
  }
  return [...forms]
    .map((form) => Buffer.from(form))
    .filter((needle) => needle.length >= MIN_NEEDLE_BYTES)
    .toSorted((a, b) => b.length - a.length);
}

function encodingsOf(secret: string): readonly string[] {
  // Short ones would mask half of the text ("1", "true").
  if (Buffer.byteLength(secret) < MIN_NEEDLE_BYTES) return [];
  const bytes = Buffer.from(secret);
  const uri = encodeURIComponent(secret.toWellFormed());
  const json = JSON.stringify(secret).slice(1, -1);
  const hex = bytes.toString('hex');
  return [
    secret,
    ...[0, 1, 2].flatMap((shift) => base64At(bytes, shift)),
    uri,
    uri.replaceAll('%20', '+'),
    uri.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    json,
    json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
    hex,
    hex.toUpperCase(),
    secret.replaceAll("'", "'\\''"),
    secret.replaceAll("'", `'"'"'`),
    secret.replace(/["\\$`]/g, '\\$&'),
  ];
}

/**
 * The secret in the middle of something that was base64-encoded as a whole: from the first group of
 * three that lies in it, without the last characters, which depend on what follows.
 */
function base64At(bytes: Buffer, shift: number): readonly string[] {
  const text = bytes.subarray(shift).toString('base64').replace(/=+$/, '');
  const stable = (bytes.length - shift) % 3 === 0 ? text : text.slice(0, -1);
  return [stable, stable.replaceAll('+', '-').replaceAll('/', '_')];
}
