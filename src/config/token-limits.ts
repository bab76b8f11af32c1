import { Lexer } from 'yaml';
import { DEEPEST } from './yaml-tree.ts';

/** Measured: the parser takes 8 µs and more per token once a file is wrong at every token. */
const MOST_TOKENS = 60_000;

/** The lexer's own marks, which are not part of the text. Source: yaml, parse/cst.ts. */
const SCALAR_FOLLOWS = '\u001F';
const MARKS = new Set([SCALAR_FOLLOWS, '\u0002', '\u0018']);

/** Change of the flow nesting by a token. */
const NESTING: Readonly<Record<string, number>> = { '[': 1, '{': 1, ']': -1, '}': -1 };

export interface Refusal {
  readonly offset: number;
  readonly code: string;
  readonly message: string;
}

/** Looks at one token after another, without recursion, for what would take the parser for ever or exhaust its stack. */
export class TokenLimits {
  #offset = 0;
  #count = 0;
  #flowDepth = 0;
  #lineDepth = 0;
  #before = '';

  /** Why the file is refused at this token; the next ones do not count any more. */
  refuse(token: string): Refusal | undefined {
    if (this.#before !== SCALAR_FOLLOWS) {
      this.#flowDepth = Math.max(0, this.#flowDepth + (NESTING[token] ?? 0));
      if (token === '-' || token === '?') this.#lineDepth += 1;
    }
    if (token.includes('\n')) this.#lineDepth = 0;
    const offset = this.#offset;
    if (Math.max(this.#flowDepth, this.#lineDepth) > DEEPEST) {
      return { offset, code: 'too-deep', message: `nested deeper than ${DEEPEST} levels` };
    }
    this.#count += 1;
    if (this.#count > MOST_TOKENS) {
      return { offset, code: 'too-large', message: `more than ${MOST_TOKENS} YAML tokens` };
    }
    if (!MARKS.has(token)) this.#offset += token.length;
    this.#before = token;
    return undefined;
  }
}

/** Of a whole text. */
export function firstRefusal(text: string): Refusal | undefined {
  const limits = new TokenLimits();
  for (const token of new Lexer().lex(text)) {
    const refusal = limits.refuse(token);
    if (refusal) return refusal;
  }
  return undefined;
}
