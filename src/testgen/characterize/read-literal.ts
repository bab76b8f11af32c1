import type { Value } from './value.ts';

/** Deepest nesting that is read. */
const MOST_DEPTH = 6;

/**
 * The value of a literal of JavaScript or Python: strings, numbers, lists, objects, and the words for true, false and
 * nothing. Undefined for everything that would have to be run.
 */
export function readLiteral(text: string): Value | undefined {
  const reader = new LiteralReader(text);
  const value = reader.value(0);
  return value !== undefined && reader.isAtEnd() ? value : undefined;
}

/** The literals between the parentheses of a call that begins at `open`; undefined when one of them is none. */
export function readArguments(text: string, open: number): readonly Value[] | undefined {
  return new LiteralReader(text.slice(open, open + 600)).list(')', 0);
}

const WORDS: Readonly<Record<string, Value>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  null: null,
  None: null,
  undefined: ['undefined'],
};

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\n': '' };

class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    this.#skip();
    return this.#at >= this.#text.length;
  }

  value(depth: number): Value | undefined {
    this.#skip();
    if (depth > MOST_DEPTH) return undefined;
    const character = this.#text[this.#at] ?? '';
    if (character === "'" || character === '"' || character === '`') return this.#string(character);
    if (character === '[') {
      const items = this.list(']', depth);
      return items && ['list', items];
    }
    if (character === '{') return this.#object(depth);
    const word = this.#match(/[A-Za-z_]\w*/y);
    if (word !== undefined) return Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
    const number = this.#match(/-?(?:\d[\d_]*)(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])/iy);
    return number === undefined ? undefined : Number(number.replaceAll('_', ''));
  }

  /** From an opening bracket to its partner. */
  list(close: string, depth: number): readonly Value[] | undefined {
    this.#at++;
    const items: Value[] = [];
    for (;;) {
      if (this.#take(close)) return items;
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      if (!this.#take(',') && !this.#peek(close)) return undefined;
    }
  }

  #object(depth: number): Value | undefined {
    this.#at++;
    const pairs: [Value, Value][] = [];
    for (;;) {
      if (this.#take('}')) return ['object', pairs];
      this.#skip();
      const key = this.#match(/[A-Za-z_$][\w$]*(?=\s*:)/y) ?? this.value(depth + 1);
      if (typeof key !== 'string' || !this.#take(':')) return undefined;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      pairs.push([key, value]);
      if (!this.#take(',') && !this.#peek('}')) return undefined;
    }
  }

  #string(quote: string): string | undefined {
    let text = '';
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at] ?? '';
      if (character === quote) {
        this.#at++;
        return text;
      }
      // A template with something in it, and a string that does not end on its line, are not read.
      if (character === '\n' || (quote === '`' && character === '$')) return undefined;
      if (character === '\\') {
        const next = this.#text[++this.#at] ?? '';
        if (/[ux0-9]/.test(next)) return undefined;
        text += ESCAPES[next] ?? next;
      } else text += character;
    }
    return undefined;
  }

  #skip(): void {
    this.#match(/\s+/y);
  }

  #peek(character: string): boolean {
    this.#skip();
    return this.#text[this.#at] === character;
  }

  #take(character: string): boolean {
    if (!this.#peek(character)) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at += match[0].length;
    return match[0];
  }
}
