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
  const begin = cursor.offset;
  const from = cursor.seen.length;
  const closed = skipUntil(cursor, '`', 1);
  if (!closed) cursor.problem('This backtick (`) is never closed.', begin);
  cursor.refuse(
    cursor.valuesSince(from),
    'Inside backticks quoting is read twice, so a value there cannot be kept as data.',
    'Write $( … ) instead of backticks.',
  );
}

/** `$'…'`: a value in it is refused. */
export function skipAnsiQuote(cursor: Cursor): void {
  const begin = cursor.offset;
  const from = cursor.seen.length;
  const closed = skipUntil(cursor, "'", 2);
  if (!closed) cursor.problem("This $' is never closed.", begin);
  cursor.refuse(
    cursor.valuesSince(from),
    "Inside $'…' one shell reads escapes where another reads plain text, so a value there cannot be kept as data.",
    'Write \'…\' or "…" around the value.',
  );
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
