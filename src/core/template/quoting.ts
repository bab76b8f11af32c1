import type { Cursor } from './cursor.ts';
import type { Place } from './places.ts';
import type { Word } from './shell-model.ts';

/** Reads the commands of a `$(…)` up to and with its `)`. */
export type ReadSubstitution = (cursor: Cursor) => void;

/** Where a `$` stands: what ends there and which quotes count differs. */
type Around = 'bare' | 'double' | 'document';

const NAME_CHARACTER = /^[A-Za-z0-9_]$/;
const SPECIAL_PARAMETER = /^[*@#?$!-]$/;
const WORD_END = new Set([' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>']);

/** The ways out that every refusal names. */
export const WAY_OUT =
  'Put the value into an `env:` entry and use that variable, or write {{raw .name}} to paste it as code.';

/** Where even a variable would be read as code. */
export const CODE_HINT = 'Write {{raw .name}} if it may be code, as a checked `int` parameter may.';

/** Reads one word; undefined where none begins. */
export function readWord(cursor: Cursor, substitution: ReadSubstitution): Word | undefined {
  const word: Word = {
    offset: cursor.offset,
    text: '',
    prefix: '',
    begun: false,
    bare: true,
    places: [],
    leading: [],
  };
  const begin = cursor.at;
  const from = cursor.seen.length;
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (typeof unit !== 'string') takeInWord(cursor, word, unit, 'bare');
    else if (WORD_END.has(unit)) break;
    else readPart(cursor, word, unit, substitution);
  }
  if (cursor.at === begin) return undefined;
  word.places.push(...cursor.valuesSince(from));
  return word;
}

function readPart(cursor: Cursor, word: Word, unit: string, substitution: ReadSubstitution): void {
  switch (unit) {
    case '\\':
      word.bare = false;
      readEscape(cursor, word, () => true);
      return;
    case "'":
      word.bare = false;
      readSingle(cursor, word);
      return;
    case '"':
      word.bare = false;
      readDouble(cursor, word, substitution);
      return;
    case '`':
      skipBackticks(cursor);
      becomeDynamic(word);
      return;
    case '$':
      readDollar(cursor, 'bare', substitution, word);
      return;
    default:
      if (unit === '=' && word.bare && isName(word.text)) word.assigns ??= word.text.replace(/\+$/, '');
      addLiteral(word, unit);
      cursor.at += 1;
  }
}

function isName(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z_][A-Za-z0-9_]*\+?$/.test(text);
}

function addLiteral(word: Word, text: string): void {
  word.begun ||= text !== '';
  if (word.text === undefined) return;
  word.text += text;
  word.prefix += text;
}

function becomeDynamic(word: Word): void {
  word.bare = false;
  word.text = undefined;
}

function takeInWord(cursor: Cursor, word: Word, place: Place, spelling: 'bare' | 'double' | 'single'): void {
  // Without a letter in front the value begins the word, also after `$x` or "", which may be empty.
  if (!word.begun) word.leading.push(place);
  becomeDynamic(word);
  cursor.take(place, spelling);
}

/** A backslash: `escapes` tells for which characters it is one. */
function readEscape(cursor: Cursor, word: Word | undefined, escapes: (next: string) => boolean): void {
  const next = cursor.peek(1);
  if (next === undefined) {
    cursor.at += 1;
  } else if (typeof next !== 'string') {
    cursor.refuse(
      [next],
      'A backslash stands right before the value and would change how it is quoted.',
      WAY_OUT,
    );
    if (word) becomeDynamic(word);
    cursor.at += 1;
    cursor.take(next, 'bare');
  } else {
    if (next !== '\n' && word) addLiteral(word, escapes(next) ? next : `\\${next}`);
    cursor.at += 2;
  }
}

function readSingle(cursor: Cursor, word: Word): void {
  const begin = cursor.offset;
  cursor.at += 1;
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (typeof unit !== 'string') {
      takeInWord(cursor, word, unit, 'single');
      continue;
    }
    cursor.at += 1;
    if (unit === "'") return;
    addLiteral(word, unit);
  }
  cursor.problem("This single quote (') is never closed.", begin);
}

const ESCAPED_IN_DOUBLE = new Set(['$', '`', '"', '\\', '\n']);

function readDouble(cursor: Cursor, word: Word, substitution: ReadSubstitution): void {
  const begin = cursor.offset;
  cursor.at += 1;
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (typeof unit !== 'string') {
      takeInWord(cursor, word, unit, 'double');
    } else if (unit === '"') {
      cursor.at += 1;
      return;
    } else if (unit === '\\') {
      readEscape(cursor, word, (next) => ESCAPED_IN_DOUBLE.has(next));
    } else if (unit === '$') {
      readDollar(cursor, 'double', substitution, word);
    } else if (unit === '`') {
      skipBackticks(cursor);
      becomeDynamic(word);
    } else {
      addLiteral(word, unit);
      cursor.at += 1;
    }
  }
  cursor.problem('This double quote (") is never closed.', begin);
}

/** Reads what an unquoted here-document holds, up to `cursor.end`. */
export function readDocumentText(cursor: Cursor, substitution: ReadSubstitution): void {
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (typeof unit !== 'string') cursor.take(unit, 'double');
    else if (unit === '\\') readEscape(cursor, undefined, () => true);
    else if (unit === '$') readDollar(cursor, 'document', substitution);
    else if (unit === '`') skipBackticks(cursor);
    else cursor.at += 1;
  }
}

function readDollar(cursor: Cursor, around: Around, substitution: ReadSubstitution, word?: Word): void {
  const next = cursor.peek(1);
  if (typeof next === 'object') {
    cursor.refuse(
      [next],
      'A `$` stands right before `{{`, and the shell would read both together.',
      'Write \\$ if a dollar sign is meant.',
    );
  }
  if (typeof next !== 'string' || !beginsExpansion(next, around)) {
    // A lone `$`, or $"…", which is a plain string in a POSIX shell.
    if (word) addLiteral(word, '$');
    cursor.at += 1;
    return;
  }
  if (word) becomeDynamic(word);
  if (next === '(') skipOrReadParentheses(cursor, substitution);
  else if (next === '{') skipBraces(cursor, around, substitution);
  else if (next === "'") skipAnsiQuote(cursor);
  else skipName(cursor);
}

function beginsExpansion(next: string, around: Around): boolean {
  if (next === "'") return around === 'bare';
  return next === '(' || next === '{' || NAME_CHARACTER.test(next) || SPECIAL_PARAMETER.test(next);
}

function skipName(cursor: Cursor): void {
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

function skipOrReadParentheses(cursor: Cursor, substitution: ReadSubstitution): void {
  if (cursor.peek(2) !== '(') {
    cursor.at += 2;
    cursor.nested(() => substitution(cursor));
    return;
  }
  const begin = cursor.offset;
  cursor.at += 1;
  const values = skipArithmetic(cursor, begin);
  cursor.refuse(
    values,
    'A value inside `$(( ))` would be calculated as an expression, and so could run code.',
    CODE_HINT,
  );
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

/** `${…}`: no value may stand in it, because there it would be a name, a pattern or an expression. */
function skipBraces(cursor: Cursor, around: Around, substitution: ReadSubstitution): void {
  const begin = cursor.offset;
  const from = cursor.seen.length;
  cursor.at += 2;
  cursor.nested(() => {
    if (!skipToBrace(cursor, around, substitution)) cursor.problem('This `${` is never closed.', begin);
  });
  cursor.refuse(
    cursor.valuesSince(from),
    'A value inside `${…}` would be a variable name, a pattern or an expression, not data.',
    WAY_OUT,
  );
}

function skipToBrace(cursor: Cursor, around: Around, substitution: ReadSubstitution): boolean {
  const inside: Word = {
    offset: cursor.offset,
    text: '',
    prefix: '',
    begun: false,
    bare: false,
    places: [],
    leading: [],
  };
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (typeof unit !== 'string') cursor.take(unit, 'bare');
    else if (unit === '}') {
      cursor.at += 1;
      return true;
    } else if (unit === '\\') readEscape(cursor, inside, () => true);
    else if (unit === '"' && around !== 'document') readDouble(cursor, inside, substitution);
    else if (unit === "'" && around === 'bare') readSingle(cursor, inside);
    else if (unit === '`') skipBackticks(cursor);
    else if (unit === '$') readDollar(cursor, around, substitution, inside);
    else cursor.at += 1;
  }
  return false;
}

function skipBackticks(cursor: Cursor): void {
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

function skipAnsiQuote(cursor: Cursor): void {
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
