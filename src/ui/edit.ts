import { isText } from './keys.ts';
import type { EditedText } from './state.ts';

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });

export function textOf({ before, after }: EditedText): string {
  return before + after;
}

/** With the caret at its end. */
export function editedText(text: string): EditedText {
  return { before: text, after: '' };
}

/** The text after a key; undefined when the key does not edit. */
export function edit(text: EditedText, key: string): EditedText | undefined {
  const { before, after } = text;
  if (isText(key)) return { before: before + key, after };
  switch (key) {
    case 'left':
      return { before: withoutLast(before), after: last(before) + after };
    case 'right':
      return { before: before + first(after), after: after.slice(first(after).length) };
    case 'home':
    case 'ctrl+a':
      return { before: '', after: before + after };
    case 'end':
    case 'ctrl+e':
      return { before: before + after, after: '' };
    case 'backspace':
      return { before: withoutLast(before), after };
    case 'delete':
      return { before, after: after.slice(first(after).length) };
    case 'ctrl+u':
      return { before: '', after };
    case 'ctrl+k':
      return { before, after: '' };
    case 'ctrl+w':
      return { before: before.replace(/[^\s/]*[\s/]*$/u, ''), after };
    default:
      return undefined;
  }
}

/** What was pasted, as one line. */
export function insert({ before, after }: EditedText, pasted: string): EditedText {
  return { before: before + pasted.replaceAll(/[\r\n\t]+/g, ' ').trim(), after };
}

function last(text: string): string {
  return [...graphemes.segment(text)].at(-1)?.segment ?? '';
}

function withoutLast(text: string): string {
  return text.slice(0, text.length - last(text).length);
}

function first(text: string): string {
  for (const { segment } of graphemes.segment(text)) return segment;
  return '';
}
