import { sanitizeText } from '../../core/terminal-text.ts';

/** One line of a YAML file: what it says, and why it is there. */
export interface Line {
  /** Levels. */
  readonly indent: number;
  readonly text: string;
  readonly comment?: string;
}

/** A line; a comment is made of what files say, so it is cleaned and cut to one line. */
export function line(indent: number, text: string, comment?: string): Line {
  return { indent, text, ...(comment !== undefined && { comment: clean(comment) }) };
}

/** The same lines as a comment: a proposal that acts on nothing. */
export function proposed(lines: readonly Line[]): readonly Line[] {
  return lines.map(({ indent, text, comment }) => ({
    indent: 0,
    text: `# ${'  '.repeat(indent)}${text}${comment === undefined ? '' : ` # ${comment}`}`,
  }));
}

/** The text of a file; comments of neighbouring lines stand below each other. */
export function render(lines: readonly Line[]): string {
  const written = lines.map((each) => ({ ...each, text: `${'  '.repeat(each.indent)}${each.text}` }));
  const texts = written.map(({ text, comment }, index) => {
    if (comment === undefined) return text.trimEnd();
    const width = Math.min(
      WIDEST,
      Math.max(...blockAround(written, index).map((other) => other.text.length)),
    );
    return `${text.padEnd(width)} # ${comment}`;
  });
  return `${texts.join('\n')}\n`;
}

/** Comments further right are not read. */
const WIDEST = 44;

function blockAround(
  lines: readonly (Line & { readonly text: string })[],
  index: number,
): readonly { readonly text: string }[] {
  let first = index;
  let last = index;
  while (lines[first - 1]?.comment !== undefined) first -= 1;
  while (lines[last + 1]?.comment !== undefined) last += 1;
  return lines.slice(first, last + 1);
}

/** A value as YAML reads it back: plain where that is safe, otherwise in quotes. */
export function scalar(value: string): string {
  const isPlain = /^[A-Za-z0-9_./][\w./@%+=-]*(?: [\w./@%+=-]+)*$/.test(value);
  const isWord = /^(?:true|false|null|yes|no|on|off|~|[\d.+-][\d._eE+-]*|0[xo].*)$/i.test(value);
  return isPlain && !isWord ? value : JSON.stringify(value);
}

function clean(text: string): string {
  const flat = sanitizeText(text)
    .replaceAll(/[\s\p{C}]+/gu, ' ')
    .trim();
  return flat.length > 90 ? `${flat.slice(0, 89)}…` : flat;
}
