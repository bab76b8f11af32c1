import { Lexer } from 'yaml';
import { DEEPEST } from './yaml-tree.ts';

/** Measured: the parser takes 8 µs and more per token once a file is wrong at every token. */
const MOST_TOKENS = 60_000;

/** The lexer's own marks, which are not part of the text. Source: yaml, parse/cst.ts. */
const SCALAR_FOLLOWS = '\u001F';
const MARKS = new Set([SCALAR_FOLLOWS, '\u0002', '\u0018']);

/** Change of the flow nesting by a token. */
const NESTING: Readonly<Record<string, number>> = { '[': 1, '{': 1, ']': -1, '}': -1 };

interface Refusal {
  readonly offset: number;
  readonly code: string;
  readonly message: string;
}

/** Looks at the tokens, without recursion, for what would take the parser for ever or exhaust its stack. */
export function refuseTokens(text: string): Refusal | undefined {
  let offset = 0;
  let count = 0;
  let flowDepth = 0;
  let lineDepth = 0;
  let before = '';
  for (const token of new Lexer().lex(text)) {
    if (before !== SCALAR_FOLLOWS) {
      flowDepth = Math.max(0, flowDepth + (NESTING[token] ?? 0));
      if (token === '-' || token === '?') lineDepth += 1;
    }
    if (token.includes('\n')) lineDepth = 0;
    if (Math.max(flowDepth, lineDepth) > DEEPEST) {
      return { offset, code: 'too-deep', message: `nested deeper than ${DEEPEST} levels` };
    }
    count += 1;
    if (count > MOST_TOKENS) {
      return { offset, code: 'too-large', message: `more than ${MOST_TOKENS} YAML tokens` };
    }
    if (!MARKS.has(token)) offset += token.length;
    before = token;
  }
  return undefined;
}
