import stringWidth from 'string-width';

/**
 * Text as terminal cells, code point by code point. What terminals measure differently is written
 * so that they agree: joined and skin-toned emoji as their parts, flags as two letters, no variation
 * selectors, no invisible fillers. The width of the rest is that of string-width, as in Ink.
 */
export interface Cells {
  readonly text: string;
  readonly cells: number;
}

const PRINTABLE = /^[\x20-\x7e]*$/;
const TAB_STOP = 8;
/** More marks on one letter are dropped: they cost the terminal time and say nothing. */
const MAX_MARKS = 4;
/** Joining Hangul letters: composed where Unicode has the syllable, else not shown. */
const JAMO = /[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]/;
const JAMO_TAIL = /[\u1160-\u11ff\ud7b0-\ud7fb]/g;

const MARK = 0;
const WIDE = 2;
const DROP = 3;
const FLAG = 4;
const JOINER = 8;
const UNKNOWN = 9;
const TABLE_SIZE = 0x20000;
const table = new Uint8Array(TABLE_SIZE).fill(UNKNOWN);

export function isPrintableAscii(text: string): boolean {
  return PRINTABLE.test(text);
}

/** Cells of one code point that `toCells` let through: 0, 1 or 2. */
export function cellsOf(codePoint: number): number {
  if (codePoint >= 0x20 && codePoint < 0x7f) return 1;
  return kindOf(codePoint) & 3;
}

/** `text` has no line feed, no escape sequence and no lone surrogate; `column` is where it starts, for tabs. */
export function toCells(text: string, column: number): Cells {
  if (PRINTABLE.test(text)) return { text, cells: text.length };
  return new CellWriter(JAMO.test(text) ? compose(text) : text, column).write();
}

function compose(text: string): string {
  return text.normalize('NFC').replaceAll(JAMO_TAIL, '\ufffd');
}

function kindOf(codePoint: number): number {
  if (codePoint >= TABLE_SIZE) return computeKind(codePoint);
  let kind = table[codePoint] ?? UNKNOWN;
  if (kind === UNKNOWN) {
    kind = computeKind(codePoint);
    table[codePoint] = kind;
  }
  return kind;
}

const isMark = /^\p{M}$/u;

function computeKind(codePoint: number): number {
  if (isWithin(codePoint, 0x1f1e6, 0x1f1ff)) return FLAG;
  // Skin tones; the enclosing keycap: wide only where the terminal knows the sequence.
  if (isWithin(codePoint, 0x1f3fb, 0x1f3ff) || codePoint === 0x20e3) return DROP;
  if (codePoint === 0x200c || codePoint === 0x200d) return JOINER;
  const character = String.fromCodePoint(codePoint);
  const width = stringWidth(character);
  if (width > 0) return Math.min(width, WIDE);
  const isSelector = isWithin(codePoint, 0xfe00, 0xfe0f) || isWithin(codePoint, 0xe0100, 0xe01ef);
  return isMark.test(character) && !isSelector && codePoint !== 0x34f ? MARK : DROP;
}

function isWithin(codePoint: number, first: number, last: number): boolean {
  return codePoint >= first && codePoint <= last;
}

class CellWriter {
  readonly #text: string;
  readonly #column: number;
  #out = '';
  /** Where the part starts that can be taken as it is. */
  #from = 0;
  #at = 0;
  #cells = 0;
  #marks = 0;
  #before = 0;

  constructor(text: string, column: number) {
    this.#text = text;
    this.#column = column;
  }

  write(): Cells {
    const { length } = this.#text;
    while (this.#at < length) {
      const codePoint = this.#text.codePointAt(this.#at) ?? 0;
      const size = codePoint > 0xffff ? 2 : 1;
      const kind = codePoint >= 0x20 && codePoint < 0x7f ? 1 : kindOf(codePoint);
      if (kind === 1 || kind === WIDE) {
        this.#cells += kind;
        this.#marks = 0;
        this.#at += size;
      } else this.#special(codePoint, kind, size);
      this.#before = codePoint;
    }
    return { text: this.#out + this.#text.slice(this.#from), cells: this.#cells };
  }

  #special(codePoint: number, kind: number, size: number): void {
    if (codePoint === 0x09) {
      const spaces = TAB_STOP - ((this.#column + this.#cells) % TAB_STOP);
      this.#cells += spaces;
      this.#marks = 0;
      this.#replace(' '.repeat(spaces), size);
    } else if (kind === FLAG) {
      this.#cells += 1;
      this.#marks = 0;
      this.#replace(String.fromCodePoint(codePoint - 0x1f1e6 + 0x41), size);
    } else if (kind === MARK && this.#cells > 0 && this.#marks < MAX_MARKS) {
      this.#marks += 1;
      this.#at += size;
    } else if (kind === JOINER && this.#cells > 0 && this.#marks < MAX_MARKS && this.#before < 0x2190) {
      // Between letters, not between pictures.
      this.#marks += 1;
      this.#at += size;
    } else this.#replace('', size);
  }

  #replace(by: string, size: number): void {
    this.#out += this.#text.slice(this.#from, this.#at) + by;
    this.#at += size;
    this.#from = this.#at;
  }
}
