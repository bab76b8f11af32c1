import { Cursor } from './cursor.ts';
import { readDelimiter, readDocument } from './here-document.ts';
import type { PendingDocument } from './here-document.ts';
import type { SplitTemplate } from './places.ts';
import { CODE_HINT, WAY_OUT } from './hints.ts';
import { readWord } from './quoting.ts';
import { skipArithmetic } from './skip.ts';
import { applyReservedWord, closeFrame, newFrame, separate } from './frames.ts';
import type { Frame, List } from './frames.ts';
import type { Input, Word } from './shell-model.ts';

/**
 * Reads POSIX shell text far enough to know of every place how it is quoted and to which command it
 * belongs. Not a parser that refuses bad scripts: what it does not know it passes over, the shell will say so.
 * Source: POSIX.1-2024, Shell Command Language, 2.2, 2.3, 2.7, 2.9, 2.10.
 */
export function readShell(split: SplitTemplate): Cursor {
  const cursor = new Cursor(split.units, split.offsets);
  readList(cursor, false);
  return cursor;
}

/** Reads commands to the end, or to the `)` of a command substitution. */
function readList(cursor: Cursor, inSubstitution: boolean): void {
  const begin = cursor.offset;
  const list: List = { frames: [newFrame(cursor, 'list')], documents: [] };
  for (let unit = cursor.peek(); unit !== undefined; unit = cursor.peek()) {
    if (unit === ')' && inSubstitution && list.frames.length === 1) {
      endList(cursor, list);
      cursor.at += 1;
      return;
    }
    readNext(cursor, list, unit);
  }
  endList(cursor, list);
  if (inSubstitution) cursor.problem('This `$(` is never closed.', begin);
}

function endList(cursor: Cursor, list: List): void {
  while (list.frames.length > 1) closeFrame(cursor, list);
  separate(cursor, list, 'end');
  for (const document of list.documents) {
    cursor.pendingDocuments -= 1;
    cursor.problem('This here-document has no body.', document.offset);
  }
}

function readNext(cursor: Cursor, list: List, unit: unknown): void {
  switch (unit) {
    case ' ':
    case '\t':
      cursor.at += 1;
      return;
    case '\\':
      if (cursor.peek(1) === '\n') cursor.at += 2;
      else acceptWord(cursor, list);
      return;
    case '#':
      skipComment(cursor);
      return;
    case '\n':
      cursor.at += 1;
      separate(cursor, list, 'newline');
      readDocuments(cursor, list);
      return;
    case ';':
    case '&':
    case '|':
    case '(':
    case ')':
    case '<':
    case '>':
      readOperator(cursor, list, unit);
      return;
    default:
      acceptWord(cursor, list);
  }
}

function skipComment(cursor: Cursor): void {
  for (let unit = cursor.peek(); unit !== undefined && unit !== '\n'; unit = cursor.peek()) {
    if (typeof unit === 'string') cursor.at += 1;
    else cursor.take(unit, 'dropped');
  }
}

function readDocuments(cursor: Cursor, list: List): void {
  if (cursor.pendingDocuments > list.documents.length) {
    cursor.problem(
      'A here-document is begun and a command substitution with several lines follows on the same line: shells disagree where the document is.',
      cursor.offset,
      'Let the line end after the here-document.',
    );
  }
  for (const document of list.documents.splice(0)) {
    cursor.pendingDocuments -= 1;
    readDocument(cursor, document, substitution);
  }
}

const substitution = (cursor: Cursor): void => readList(cursor, true);

function acceptWord(cursor: Cursor, list: List): void {
  const word = readWord(cursor, substitution);
  if (!word) {
    cursor.at += 1;
    return;
  }
  const next = cursor.peek();
  const isFileNumber = word.bare && /^\d+$/.test(word.text ?? '') && (next === '<' || next === '>');
  if (isFileNumber) return;
  placeWord(cursor, list, word);
}

function placeWord(cursor: Cursor, list: List, word: Word): void {
  const frame = topOf(list);
  switch (frame.mode) {
    case 'name':
      cursor.refuse(
        word.places,
        'A value cannot be the name of a variable or function.',
        'Write a fixed name.',
      );
      frame.mode = frame.next ?? 'start';
      return;
    case 'for-in':
      frame.mode = word.text === 'in' ? 'for-list' : 'start';
      if (word.text !== 'in') placeWord(cursor, list, word);
      return;
    case 'case-subject':
      frame.mode = 'case-in';
      return;
    case 'case-in':
      frame.mode = 'case-pattern';
      return;
    case 'case-pattern':
      if (word.bare && word.text === 'esac') closeFrame(cursor, list);
      return;
    case 'for-list':
      return;
    default:
      if (mayBeReserved(frame, word) && applyReservedWord(cursor, list, word.text ?? '')) return;
      addToCommand(cursor, frame, word);
  }
}

/** Behind `fi` or `}` too, as in `if a; then if b; then c; fi fi`. */
function mayBeReserved(frame: Frame, word: Word): boolean {
  return word.bare && ((frame.mode === 'start' && !frame.command) || frame.mode === 'after');
}

function addToCommand(cursor: Cursor, frame: Frame, word: Word): void {
  const command = commandOf(cursor, frame, word.offset);
  if (frame.mode === 'start' && word.assigns !== undefined) command.assignments.push(word);
  else {
    command.words.push(word);
    frame.mode = 'words';
  }
}

function commandOf(cursor: Cursor, frame: Frame, offset: number) {
  if (!frame.command) {
    frame.command = { offset, assignments: [], words: [] };
    frame.owner = { first: cursor.commands.length, end: cursor.commands.length + 1 };
    cursor.commands.push(frame.command);
  }
  return frame.command;
}

function readOperator(cursor: Cursor, list: List, unit: string): void {
  if (unit === '(' || unit === ')') readParenthesis(cursor, list, unit);
  else if (unit === '<' || unit === '>' || cursor.startsWith('&>')) readRedirection(cursor, list);
  else readSeparator(cursor, list, unit);
}

function readSeparator(cursor: Cursor, list: List, unit: string): void {
  const operator = ['&&', '||', ';;', ';&', '|&'].find((two) => cursor.startsWith(two)) ?? unit;
  cursor.at += operator.length;
  const frame = topOf(list);
  if (frame.mode === 'case-pattern') return;
  separate(cursor, list, operator === '|' || operator === '|&' ? 'pipe' : 'end');
  if (frame.kind === 'case' && (operator === ';;' || operator === ';&')) {
    if (cursor.peek() === '&') cursor.at += 1;
    frame.mode = 'case-pattern';
  }
}

function readParenthesis(cursor: Cursor, list: List, unit: string): void {
  const frame = topOf(list);
  if (unit === ')') {
    cursor.at += 1;
    if (frame.mode === 'case-pattern') frame.mode = 'start';
    else if (list.frames.some((open) => open.kind === 'parentheses')) {
      while (topOf(list).kind !== 'parentheses') closeFrame(cursor, list);
      closeFrame(cursor, list);
    } else cursor.problem('This `)` closes nothing.', cursor.offset - 1);
    return;
  }
  if (frame.mode === 'case-pattern') {
    cursor.at += 1;
    return;
  }
  if (frame.command?.words.length === 1 && cursor.startsWith('()')) {
    // A function definition: what follows is its body, a command of its own.
    cursor.at += 2;
    separate(cursor, list, 'end');
    return;
  }
  if (cursor.startsWith('((')) refuseArithmetic(cursor);
  cursor.at += 1;
  list.frames.push(newFrame(cursor, 'parentheses'));
}

/** `((` is two subshells to one shell and arithmetic to another; looks ahead, then goes on where it was. */
function refuseArithmetic(cursor: Cursor): void {
  const { at } = cursor;
  const known = cursor.seen.length;
  const problems = cursor.problems.length;
  const values = skipArithmetic(cursor, cursor.offset);
  cursor.refuse(
    values,
    'Inside `(( ))` some shells calculate a value as an expression, and so could run code.',
    CODE_HINT,
  );
  cursor.at = at;
  cursor.seen.length = known;
  cursor.problems.length = problems;
}

const REDIRECTIONS = ['&>>', '&>', '<<-', '<<<', '<<', '<&', '<>', '<', '>>', '>&', '>|', '>'];

function readRedirection(cursor: Cursor, list: List): void {
  const begin = cursor.offset;
  const operator = REDIRECTIONS.find((candidate) => cursor.startsWith(candidate)) ?? '<';
  cursor.at += operator.length;
  skipBlanks(cursor);
  const frame = topOf(list);
  if (frame.mode === 'start' || !frame.owner) commandOf(cursor, frame, begin);
  const { first, end } = frame.owner ?? { first: cursor.commands.length, end: cursor.commands.length };
  const input: Input = { places: [], first, end };
  if (operator.startsWith('<')) cursor.inputs.push(input);
  if (operator === '<<' || operator === '<<-') {
    const { text, quoted } = readDelimiter(cursor);
    const document: PendingDocument = {
      offset: begin,
      delimiter: text,
      quoted,
      stripTabs: operator === '<<-',
      input,
    };
    list.documents.push(document);
    cursor.pendingDocuments += 1;
    return;
  }
  const target = readWord(cursor, substitution);
  if (!target) return;
  input.places.push(...target.places);
  if (operator.endsWith('&')) {
    cursor.refuse(
      target.places,
      `A value after \`${operator}\` would choose an open file by number, or close one.`,
      WAY_OUT,
    );
  }
}

function skipBlanks(cursor: Cursor): void {
  for (;;) {
    if (cursor.peek() === ' ' || cursor.peek() === '\t') cursor.at += 1;
    else if (cursor.startsWith('\\\n')) cursor.at += 2;
    else return;
  }
}

function topOf(list: List): Frame {
  const frame = list.frames.at(-1);
  if (!frame) throw new Error('a list of commands always has a frame');
  return frame;
}
