import type { Cursor } from './cursor.ts';
import type { Place } from './places.ts';

/** After the first letter of a variable's name. */
export const NAME_CHARACTER = /^[A-Za-z0-9_]$/;

/** `$name`, `$1`, `$?`: from the `$` to behind it. */
export function skipName(cursor: Cursor): void {
  cursor.at += 1;
  const first = cursor.peek();
  cursor.at += 1;
  if (typeof first !== 'string' || !/^[A-Za-z_]$/.test(first)) return;
  for (
    let unit = cursor.peek();
    typeof unit === 'string' && NAME_CHARACTER.test(unit);
    unit = cursor.peek()
  ) {
    cursor.at += 1;
  }
}

/** From the first of two `(` to the `)` that closes it; returns the places in between. */
export function skipArithmetic(cursor: Cursor, begin: number): Place[] {
  const from = cursor.seen.length;
  let open = 0;
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (typeof unit !== 'string') {
      cursor.take(unit, 'bare');
      continue;
    }
    cursor.at += unit === '\\' && typeof cursor.peek(1) === 'string' ? 2 : 1;
    if (unit === '(') open += 1;
    if (unit === ')') open -= 1;
    if (open === 0) return cursor.valuesSince(from);
  }
  cursor.problem('This `((` is never closed.', begin);
  return cursor.valuesSince(from);
}

/** From a backtick to behind the one that closes it; a value in between is refused. */
export function skipBackticks(cursor: Cursor): void {
  skipWithout(cursor, {
    closer: '`',
    width: 1,
    unclosed: 'This backtick (`) is never closed.',
    why: 'Inside backticks quoting is read twice, so a value there cannot be kept as data.',
    hint: 'Write $( … ) instead of backticks.',
  });
}

/** `$'…'`: a value in it is refused. */
export function skipAnsiQuote(cursor: Cursor): void {
  skipWithout(cursor, {
    closer: "'",
    width: 2,
    unclosed: "This $' is never closed.",
    why: "Inside $'…' one shell reads escapes where another reads plain text, so a value there cannot be kept as data.",
    hint: 'Write \'…\' or "…" around the value.',
  });
}

interface WithoutValues {
  readonly closer: string;
  /** Of the opener, in characters. */
  readonly width: number;
  readonly unclosed: string;
  readonly why: string;
  readonly hint: string;
}

function skipWithout(cursor: Cursor, { closer, width, unclosed, why, hint }: WithoutValues): void {
  const begin = cursor.offset;
  const from = cursor.seen.length;
  if (!skipUntil(cursor, closer, width)) cursor.problem(unclosed, begin);
  cursor.refuse(cursor.valuesSince(from), why, hint);
}

/** Past the next unescaped `closer`, after an opener of `width` characters; false when there is none. */
function skipUntil(cursor: Cursor, closer: string, width: number): boolean {
  cursor.at += width;
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (typeof unit !== 'string') {
      cursor.take(unit, 'bare');
      continue;
    }
    cursor.at += unit === '\\' && typeof cursor.peek(1) === 'string' ? 2 : 1;
    if (unit === closer) return true;
  }
  return false;
}
