/**
 * Text of unknown origin (program output, commit messages, file names) made safe for a terminal.
 * Only colours (SGR) may pass; whatever moves the cursor, sets a title, reaches the clipboard,
 * asks the terminal a question or reorders letters is dropped or made visible.
 * The cases are those of the table in test/unit/core/terminal-text.test.ts.
 */
export interface TextOptions {
  /** Keep colours, closed at the end of each line. Default false: plain text. */
  readonly keepColor?: boolean;
}

/** Longest line that is shown, in bytes of UTF-8. */
export const MAX_LINE_BYTES = 64 * 1024;

const ESC = '\x1b';
/** Anything that needs a closer look; most lines have none of it. Lone surrogates are looked for apart. */
const SUSPECT =
  // eslint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/;

/**
 * One alternative per kind, in this order: colour; a string command (OSC, DCS, APC, PM, SOS) with its
 * end; CSI; a string command or C1 control without an end; two-character escape. A payload stops at the
 * next introducer, so a line of unfinished ones costs linear time.
 */
const SEQUENCE =
  // eslint-disable-next-line no-control-regex -- control characters are what this looks for
  /\x1b\[([0-9;:]{0,64})m|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|[\x80-\x9f]|\x1b[ -/]*[0-~]?/g;

/** What is left of control characters and of characters that cannot be seen or that reorder others. */
const INVISIBLE =
  // eslint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

/** Line feeds and tabs stay; every line is treated by itself, so no sequence reaches into the next. */
export function sanitizeText(text: string, options: TextOptions = {}): string {
  if (isHarmless(text)) return text;
  return text
    .split('\n')
    .map((line) => sanitizeLine(line, options))
    .join('\n');
}

/** The same on a single line: line feeds and tabs become blanks. */
export function oneLine(text: string): string {
  return sanitizeText(text).replaceAll(/\s*[\n\t]\s*/g, ' ');
}

/** DEL, C1 controls and characters that reorder others: JSON may hold them as they are, terminals act upon them. */
const UNESCAPED = /[\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** The value as JSON that a terminal can be shown: what would steer it stands as `\u…`. */
export function harmlessJson(value: object, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    UNESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function isHarmless(text: string): boolean {
  return !SUSPECT.test(text) && text.isWellFormed();
}

/** `line` has no line feed. */
function sanitizeLine(line: string, { keepColor = false }: TextOptions): string {
  if (isHarmless(line)) return line;
  let lastColor: string | undefined;
  const text = lastRewrite(line)
    .replace(SEQUENCE, (sequence, color: string | undefined) => {
      if (!keepColor || color === undefined) return '';
      lastColor = color;
      return sequence;
    })
    .replace(INVISIBLE, visible)
    .toWellFormed();
  return lastColor !== undefined && /[^0]/.test(lastColor) ? `${text}${ESC}[0m` : text;
}

/** A progress display writes its line again and again after a carriage return: its last state is what counts. */
function lastRewrite(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === '\r') end -= 1;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  // Zero-width space, word joiner, byte order mark and tag letters carry nothing a reader would miss.
  if (code === 0x200b || code === 0x2060 || code === 0xfeff || code >= 0xe0000) return '';
  return code === 0x2028 || code === 0x2029 ? ' ' : '\ufffd';
}

/**
 * Splits a byte stream into lines that are safe to show. Chunks may end anywhere, also inside a
 * character or an escape sequence. Holds at most one line of `maxLineBytes`; the rest of a longer
 * one is counted, dropped and mentioned: `… [cut N bytes]`. The log file keeps every byte.
 */
export class TextSanitizer {
  readonly #options: TextOptions;
  readonly #maxLineBytes: number;
  readonly #decoder = new TextDecoder();
  readonly #line: Uint8Array;
  #length = 0;
  #cutBytes = 0;
  /** The line so far ends with a carriage return: what comes next replaces it, unless it is the line's end. */
  #rewrites = false;

  constructor(options: TextOptions & { readonly maxLineBytes?: number } = {}) {
    this.#options = options;
    this.#maxLineBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
    this.#line = new Uint8Array(this.#maxLineBytes);
  }

  /** The lines that this chunk completes, without their line feeds. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      lines.push(this.#complete(chunk.subarray(start, end)));
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** As `push`, in one text, each line with its line feed. Harmless chunks are not taken apart. */
  pushText(chunk: Uint8Array): string {
    const first = chunk.indexOf(0x0a);
    const last = chunk.lastIndexOf(0x0a);
    if (last > first && chunk.length <= this.#maxLineBytes) {
      const text = this.#decoder.decode(chunk.subarray(first + 1, last + 1));
      if (isHarmless(text)) {
        const head = asText(this.push(chunk.subarray(0, first + 1)));
        this.#keep(chunk.subarray(last + 1));
        return head + text;
      }
    }
    return asText(this.push(chunk));
  }

  /** The last line, if it had no line feed. */
  end(): string[] {
    return this.#length > 0 || this.#cutBytes > 0 ? [this.#complete(new Uint8Array())] : [];
  }

  #complete(tail: Uint8Array): string {
    // Most lines lie in one chunk: no copy.
    const isWhole = this.#length === 0 && this.#cutBytes === 0 && tail.length <= this.#maxLineBytes;
    if (isWhole) return sanitizeLine(this.#decoder.decode(tail), this.#options);
    this.#keep(tail);
    const text = sanitizeLine(this.#decoder.decode(this.#line.subarray(0, this.#length)), this.#options);
    const line = this.#cutBytes > 0 ? `${text}… [cut ${this.#cutBytes} bytes]` : text;
    this.#clear();
    return line;
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return;
    let bytes = part;
    if (this.#rewrites && bytes[0] !== 0x0d) this.#clear();
    const end = trimmedLength(bytes);
    const rewrite = end > 0 ? bytes.lastIndexOf(0x0d, end - 1) : -1;
    if (rewrite >= 0) {
      this.#clear();
      bytes = bytes.subarray(rewrite + 1);
    }
    this.#rewrites = bytes.at(-1) === 0x0d;
    this.#append(bytes);
  }

  #append(bytes: Uint8Array): void {
    const room = this.#cutBytes > 0 ? 0 : this.#maxLineBytes - this.#length;
    if (bytes.length <= room) {
      this.#line.set(bytes, this.#length);
      this.#length += bytes.length;
      return;
    }
    this.#line.set(bytes.subarray(0, room), this.#length);
    const before = this.#length;
    this.#length += room;
    if (room > 0) this.#length = wholeCharacters(this.#line, this.#length);
    this.#cutBytes += bytes.length - (this.#length - before);
  }

  #clear(): void {
    this.#length = 0;
    this.#cutBytes = 0;
    this.#rewrites = false;
  }
}

function asText(lines: readonly string[]): string {
  return lines.length > 0 ? `${lines.join('\n')}\n` : '';
}

function trimmedLength(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0x0d) end -= 1;
  return end;
}

/** Length without a UTF-8 character that was cut at the end. */
function wholeCharacters(bytes: Uint8Array, length: number): number {
  for (let back = 1; back <= Math.min(3, length); back += 1) {
    const byte = bytes[length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? length - back : length;
  }
  return length;
}
