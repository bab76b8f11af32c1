import type { Scalar } from 'yaml';

/** What the escapes of a double-quoted scalar are long, backslash included. Source: YAML 1.2.2, 5.7. */
const ESCAPE_LENGTH: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };

/** How far a scalar was walked: many problems in one text come in its order, and must not cost its square. */
const progress = new WeakMap<Scalar, { readonly at: number; readonly read: number }>();

/**
 * Where the character at `index` of a scalar's value stands in the file: quotes, escapes, folds and
 * the indentation of block scalars are taken into account. Inside a run of folded blanks: its beginning.
 */
export function offsetInScalar(text: string, scalar: Scalar, index: number): number {
  const [start, end] = scalar.range ?? [0, 0, 0];
  const value = typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? '');
  const reached = progress.get(scalar);
  const goesOn = reached !== undefined && reached.read <= index;
  let at = goesOn ? reached.at : contentStart(text, scalar, start);
  let read = goesOn ? reached.read : 0;
  while (read < index && at < end) {
    const { raw, decoded } =
      foldAt({ text, at, end }, { value, read }) ?? unitAt(text, at, scalar.type, value.charCodeAt(read));
    if (read + decoded > index) break;
    at += raw;
    read += decoded;
  }
  progress.set(scalar, { at, read });
  return Math.min(at, end);
}

function contentStart(text: string, { type }: Scalar, start: number): number {
  if (type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE') return start + 1;
  return type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED' ? firstContent(text, start) : start;
}

/** How much of the file stands for how much of the value. */
interface Span {
  readonly raw: number;
  readonly decoded: number;
}

/** Blanks with a line break among them: their number in the value depends on folding and indentation. */
function foldAt(
  { text, at, end }: { readonly text: string; readonly at: number; readonly end: number },
  { value, read }: { readonly value: string; readonly read: number },
): Span | undefined {
  if (!isBlank(text, at) || !isBlank(value, read)) return undefined;
  const raw = runLength(text, at, end);
  const breaks = text.slice(at, at + raw).includes('\n');
  return breaks ? { raw, decoded: runLength(value, read, value.length) } : undefined;
}

function unitAt(text: string, at: number, type: Scalar['type'], code: number): Span {
  const char = text.charAt(at);
  if (type === 'QUOTE_SINGLE' && char === "'") return { raw: 2, decoded: 1 };
  if (type !== 'QUOTE_DOUBLE' || char !== '\\') return { raw: 1, decoded: 1 };
  const raw = ESCAPE_LENGTH[text.charAt(at + 1)] ?? 2;
  // Only \U can write a character that takes two units.
  return { raw, decoded: raw === 10 && code >= 0xd800 && code <= 0xdbff ? 2 : 1 };
}

function firstContent(text: string, start: number): number {
  const newline = text.indexOf('\n', start);
  if (newline === -1) return text.length;
  const [blanks = ''] = /^[ \r\n]*/.exec(text.slice(newline + 1)) ?? [];
  return newline + 1 + blanks.length;
}

function isBlank(text: string, at: number): boolean {
  const char = text.charAt(at);
  return char === ' ' || char === '\n' || char === '\t' || char === '\r';
}

function runLength(text: string, at: number, end: number): number {
  let length = 0;
  while (at + length < end && isBlank(text, at + length)) length += 1;
  return length;
}
