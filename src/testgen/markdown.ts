import { sanitizeText } from '../core/terminal-text.ts';

/** Text of unknown origin as words of Markdown: it makes no link, no markup and no line of its own. */
export function words(text: string): string {
  return sanitizeText(text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\`*{}[\]<>#|~]|(?<!\w)_|_(?!\w)/g, String.raw`\$&`)
    .trim();
}

/** The same as code, in as many backticks as it takes. */
export function code(text: string): string {
  const plain = sanitizeText(text)
    .replaceAll(/[\n\t]+/g, ' ')
    .replaceAll('|', String.raw`\|`);
  const longest = Math.max(0, ...[...plain.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 || plain === '' ? `${fence} ${plain} ${fence}` : `${fence}${plain}${fence}`;
}
