import type { Key } from 'ink';

/** Keys by their flag in Ink, in the order in which they are looked for. */
const NAMED = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'esc'],
  ['backspace', 'backspace'],
  ['delete', 'delete'],
] as const satisfies readonly (readonly [keyof Key, string])[];

const CONTROL: Readonly<Record<string, string>> = {
  '\r': 'enter',
  '\r\n': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u001b': 'esc',
};

/**
 * One read of the terminal as single keys: `up`, `enter`, `ctrl+c`, `alt+x`, or the character itself.
 * Keys that were typed quickly arrive together as one text, and none of them may be lost.
 */
export function toKeys(input: string, key: Key): readonly string[] {
  if (key.eventType === 'release') return [];
  if (key.tab) return [key.shift ? 'shift+tab' : 'tab'];
  const named = NAMED.find(([flag]) => key[flag]);
  if (named) return [named[1]];
  if (key.ctrl) return input === '' ? [] : [`ctrl+${input.toLowerCase()}`];
  const characters = Array.from(graphemes.segment(input), ({ segment }) => segment);
  return key.meta ? characters.map((character) => `alt+${character}`) : characters.flatMap(nameOf);
}

/** `\r\n` counts as one: enter. */
const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

function nameOf(character: string): readonly string[] {
  const name = CONTROL[character];
  if (name !== undefined) return [name];
  const code = character.codePointAt(0) ?? 0;
  return [code < 0x20 ? `ctrl+${String.fromCodePoint(code + 0x60)}` : character];
}

/** A key that puts a character into a field. */
export function isText(key: string): boolean {
  const [first, ...more] = graphemes.segment(key);
  return first !== undefined && more.length === 0;
}

const LABELS: Readonly<Record<string, string>> = {
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  ' ': 'space',
};

/** The key as it is printed: `↑`, `ctrl-c`, `space`. */
export function labelOf(key: string): string {
  return LABELS[key] ?? key.replace('+', '-');
}
