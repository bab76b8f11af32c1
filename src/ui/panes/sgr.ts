/**
 * Colours and attributes of a cell, always written from a reset, so that a row needs at most one
 * sequence per change however many the log had. Blinking, hidden text, fonts and frames are left out.
 * Source: ECMA-48 8.3.117; xterm control sequences, "CSI Pm m".
 */
export interface Style {
  /** Bit n: attribute `ATTRIBUTES[n]`. */
  readonly attributes: number;
  readonly foreground: string;
  readonly background: string;
  /** The sequence that switches from anything to this. */
  readonly sequence: string;
}

export const RESET = '\x1b[0m';
/** Bold, dim, italic, underline, reverse, struck through, overlined. */
const ATTRIBUTES: readonly number[] = [1, 2, 3, 4, 7, 9, 53];
const REVERSE = 1 << 4;
const OFF: Readonly<Record<number, number>> = {
  22: 0b11,
  23: 0b100,
  24: 0b1000,
  27: REVERSE,
  29: 1 << 5,
  55: 1 << 6,
};

export const PLAIN: Style = { attributes: 0, foreground: '', background: '', sequence: RESET };

const MAX_CACHED = 2048;
const cache = new Map<string, Style>();

/** The style after the parameters of one SGR sequence, `1;31` or the like. What is not understood changes nothing. */
export function applySgr(style: Style, parameters: string): Style {
  if (parameters === '' || parameters === '0') return PLAIN;
  const key = `${style.sequence}${parameters}`;
  const known = cache.get(key);
  if (known) return known;
  if (cache.size >= MAX_CACHED) cache.clear();
  const next = new Reader(style, parameters).read();
  cache.set(key, next);
  return next;
}

/** The same cell with foreground and background exchanged. */
export function reversed(style: Style): Style {
  return applySgr(style, style.attributes & REVERSE ? '27' : '7');
}

class Reader {
  #attributes: number;
  #foreground: string;
  #background: string;
  readonly #fields: readonly string[];
  #at = 0;

  constructor(style: Style, parameters: string) {
    this.#attributes = style.attributes;
    this.#foreground = style.foreground;
    this.#background = style.background;
    this.#fields = parameters.split(';');
  }

  read(): Style {
    while (this.#at < this.#fields.length) this.#apply(this.#fields[this.#at++] ?? '');
    const attributes = this.#attributes;
    const codes = [
      ...ATTRIBUTES.filter((_, bit) => attributes & (1 << bit)).map(String),
      ...(this.#foreground ? [this.#foreground] : []),
      ...(this.#background ? [this.#background] : []),
    ];
    if (codes.length === 0) return PLAIN;
    return {
      attributes,
      foreground: this.#foreground,
      background: this.#background,
      sequence: `\x1b[0;${codes.join(';')}m`,
    };
  }

  #apply(field: string): void {
    const [head = '', ...rest] = field.split(':');
    const code = head === '' ? 0 : Number(head);
    if (code === 38 || code === 48) this.#extended(code, rest);
    else if (code === 4) this.#underline(rest[0] !== '0');
    else if (rest.length > 0) return;
    else if (code === 0) this.#clear();
    else this.#simple(code);
  }

  #simple(code: number): void {
    const bit = ATTRIBUTES.indexOf(code);
    if (bit >= 0) this.#attributes |= 1 << bit;
    else if (code === 21) this.#underline(true);
    else if (OFF[code] !== undefined) this.#attributes &= ~OFF[code];
    else this.#color(code);
  }

  /** 30 to 39 and 90 to 97 for the foreground, 10 more for the background. */
  #color(code: number): void {
    const isBackground = (code >= 40 && code <= 49) || code >= 100;
    const base = isBackground ? code - 10 : code;
    if ((base < 30 || base > 37) && (base < 90 || base > 97) && base !== 39) return;
    const color = base === 39 ? '' : String(code);
    if (isBackground) this.#background = color;
    else this.#foreground = color;
  }

  /** `38;5;n`, `38;2;r;g;b`, `38:5:n`, `38:2::r:g:b`, `38:2:r:g:b`. */
  #extended(code: number, colons: readonly string[]): void {
    const isColons = colons.length > 0;
    const kind = isColons ? colons[0] : this.#fields[this.#at++];
    const count = kind === '5' ? 1 : kind === '2' ? 3 : 0;
    const numbers = isColons
      ? colons.slice(kind === '2' && colons.length > 4 ? 2 : 1).slice(0, count)
      : this.#fields.slice(this.#at, this.#at + count);
    if (!isColons) this.#at += count;
    if (count === 0 || numbers.length < count || !numbers.every(isByte)) return;
    const color = [code, kind, ...numbers.map(Number)].join(';');
    if (code === 38) this.#foreground = color;
    else this.#background = color;
  }

  #underline(isOn: boolean): void {
    if (isOn) this.#attributes |= 1 << 3;
    else this.#attributes &= ~(1 << 3);
  }

  #clear(): void {
    this.#attributes = 0;
    this.#foreground = '';
    this.#background = '';
  }
}

function isByte(field: string): boolean {
  return /^\d{1,3}$/.test(field) && Number(field) <= 255;
}
