import type { Cursor } from './cursor.ts';
import { CODE_HINT, WAY_OUT } from './hints.ts';
import type { Word } from './shell-model.ts';
import { NAME_CHARACTER, skipAnsiQuote, skipArithmetic, skipBackticks, skipName } from './skip.ts';
import { addLiteral, becomeDynamic, emptyWord, isName, readEscape, takeInWord } from './word.ts';

/** Reads the commands of a `$(…)` up to and with its `)`. */
export type ReadSubstitution = (cursor: Cursor) => void;

/** Where a `$` stands: what ends there and which quotes count differs. */
type Around = 'bare' | 'double' | 'document';

const SPECIAL_PARAMETER = /^[*@#?$!-]$/;
const WORD_END = new Set([' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>']);

/** Reads one word; undefined where none begins. */
export function readWord(cursor: Cursor, substitution: ReadSubstitution): Word | undefined {
  const word = emptyWord(cursor.offset);
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
  const inside = emptyWord(cursor.offset);
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
