/** East Asian wide and emoji: two cells in a terminal. Source: Unicode UAX #11, the common blocks. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]|\p{Emoji_Presentation}/u;
/** Everything a terminal could act on, and what turns the reading direction; not the tab. */
const UNSAFE = /(?!\t)\p{Cc}|[\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/gu;
const ZERO_WIDTH = /^(?:\p{Mn}|\p{Me})+$/u;
/** Made when a problem is shown: it costs as much as reading a pipeline. */
let graphemes: Intl.Segmenter | undefined;

const BEFORE = 80;
const LONGEST = 160;

/** The text with control and direction characters replaced by U+FFFD; tabs stay. */
export function visible(text: string): string {
  return text.replaceAll(UNSAFE, '\uFFFD');
}

/**
 * A source line fit for a terminal, cut around the column (from 1), and the padding that puts a caret
 * under it: tabs stay tabs, wide characters count two.
 */
export function displayColumn(
  source: string,
  column: number,
): { readonly text: string; readonly pad: string } {
  const at = Math.min(column - 1, source.length);
  const start = source.length > LONGEST ? Math.max(0, at - BEFORE) : 0;
  const cut = source
    .slice(start, start + LONGEST)
    .replace(/^[\uDC00-\uDFFF]/, '')
    .replace(/[\uD800-\uDBFF]$/, '');
  const head = start > 0 ? '…' : '';
  const tail = start + LONGEST < source.length ? '…' : '';
  const text = `${head}${visible(cut)}${tail}`;
  const before = visible(head + source.slice(start, at).replace(/^[\uDC00-\uDFFF]/, ''));
  graphemes ??= new Intl.Segmenter();
  const pad = Array.from(graphemes.segment(before), ({ segment }) => padding(segment)).join('');
  return { text, pad };
}

function padding(grapheme: string): string {
  if (grapheme === '\t') return '\t';
  if (ZERO_WIDTH.test(grapheme)) return '';
  return WIDE.test(grapheme) ? '  ' : ' ';
}
