import type { Cursor } from './cursor.ts';
import { readDocumentText, type ReadSubstitution } from './quoting.ts';
import type { Input } from './shell-model.ts';

/** A `<<` whose body begins after the line that it stands in. */
export interface PendingDocument {
  readonly offset: number;
  readonly delimiter: string;
  /** Its delimiter was quoted: the body is taken as it stands, nothing in it is expanded. */
  readonly quoted: boolean;
  readonly stripTabs: boolean;
  /** Gets the places of the body. */
  readonly input: Input;
}

const DELIMITER_END = new Set([' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>']);

/** Reads the word after `<<`, which is not expanded but may be quoted. */
export function readDelimiter(cursor: Cursor): { readonly text: string; readonly quoted: boolean } {
  let text = '';
  let quote = '';
  let quoted = false;
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (typeof unit !== 'string') {
      cursor.refuse(
        [unit],
        'A value cannot be the delimiter of a here-document.',
        'Write a fixed word such as EOF.',
      );
      cursor.take(unit, 'bare');
      continue;
    }
    if (quote === '' && DELIMITER_END.has(unit)) break;
    cursor.at += 1;
    if (quote !== '') {
      if (unit === quote) quote = '';
      else text += unit;
    } else if (unit === "'" || unit === '"') {
      quote = unit;
      quoted = true;
    } else if (unit === '\\') {
      quoted = true;
      const next = cursor.peek();
      if (typeof next === 'string') {
        text += next;
        cursor.at += 1;
      }
    } else text += unit;
  }
  return { text, quoted };
}

/** Reads one body; the cursor stands at the beginning of its first line. */
export function readDocument(
  cursor: Cursor,
  document: PendingDocument,
  substitution: ReadSubstitution,
): void {
  const from = cursor.seen.length;
  const outerEnd = cursor.end;
  const { bodyEnd, next } = findEnd(cursor, document);
  cursor.end = bodyEnd;
  if (document.quoted) skipQuotedBody(cursor, document);
  else readDocumentText(cursor, substitution);
  cursor.end = outerEnd;
  cursor.at = next;
  document.input.places.push(...cursor.valuesSince(from));
}

function skipQuotedBody(cursor: Cursor, document: PendingDocument): void {
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (typeof unit === 'string') {
      cursor.at += 1;
      continue;
    }
    cursor.refuse(
      [unit],
      'In a here-document whose delimiter is quoted nothing is filled in by the shell.',
      `Write <<${document.delimiter} without quotes, with \\$ for each dollar sign that is meant.`,
    );
    cursor.take(unit, 'bare');
  }
}

/** The units where the body ends and where reading goes on, by lines, as the shell looks for the delimiter. */
function findEnd(
  cursor: Cursor,
  document: PendingDocument,
): { readonly bodyEnd: number; readonly next: number } {
  let line = 0;
  let continued = false;
  while (cursor.peek(line) !== undefined) {
    const end = endOfLine(cursor, line);
    if (isDelimiter(cursor, line, end, document)) {
      if (!continued) return { bodyEnd: cursor.at + line, next: Math.min(cursor.at + end + 1, cursor.end) };
      cursor.problem(
        'Shells disagree whether this here-document ends after a line that ends in a backslash.',
        document.offset,
      );
    }
    continued = !document.quoted && endsInBackslash(cursor, line, end);
    line = end + 1;
  }
  cursor.problem(
    `This here-document is never ended by a line that says only ${document.delimiter}.`,
    document.offset,
  );
  return { bodyEnd: cursor.end, next: cursor.end };
}

function endOfLine(cursor: Cursor, line: number): number {
  let end = line;
  for (let unit = cursor.peek(end); unit !== undefined && unit !== '\n'; unit = cursor.peek(end)) end += 1;
  return end;
}

function endsInBackslash(cursor: Cursor, line: number, end: number): boolean {
  let count = 0;
  while (end - 1 - count >= line && cursor.peek(end - 1 - count) === '\\') count += 1;
  return count % 2 === 1;
}

function isDelimiter(cursor: Cursor, line: number, end: number, document: PendingDocument): boolean {
  let begin = line;
  while (document.stripTabs && begin < end && cursor.peek(begin) === '\t') begin += 1;
  if (end - begin !== document.delimiter.length) return false;
  for (let index = begin; index < end; index++) {
    if (cursor.peek(index) !== document.delimiter[index - begin]) return false;
  }
  return true;
}
