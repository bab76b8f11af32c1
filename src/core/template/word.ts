import type { Cursor } from './cursor.ts';
import { WAY_OUT } from './hints.ts';
import type { Place } from './places.ts';
import type { Word } from './shell-model.ts';

/** A word of which nothing has been read. */
export function emptyWord(offset: number): Word {
  return { offset, text: '', prefix: '', begun: false, bare: true, places: [], leading: [] };
}

/** Whether it can stand in front of the `=` of an assignment, or of `+=`. */
export function isName(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z_][A-Za-z0-9_]*\+?$/.test(text);
}

/** Takes characters that the shell leaves as they are. */
export function addLiteral(word: Word, text: string): void {
  word.begun ||= text !== '';
  if (word.text === undefined) return;
  word.text += text;
  word.prefix += text;
}

/** What the word says is known only when it runs. */
export function becomeDynamic(word: Word): void {
  word.bare = false;
  word.text = undefined;
}

/** Takes the place under the cursor as a part of the word. */
export function takeInWord(
  cursor: Cursor,
  word: Word,
  place: Place,
  spelling: 'bare' | 'double' | 'single',
): void {
  // Without a letter in front the value begins the word, also after `$x` or "", which may be empty.
  if (!word.begun) word.leading.push(place);
  becomeDynamic(word);
  cursor.take(place, spelling);
}

/** A backslash: `escapes` tells for which characters it is one. */
export function readEscape(cursor: Cursor, word: Word | undefined, escapes: (next: string) => boolean): void {
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
