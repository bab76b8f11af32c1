import { shellQuote } from '../../core/shell-quote.ts';

/** The text of an instance's `env` file, read by its supervisor. */
export function environmentText(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${shellQuote(value)}`);
  return shellFile(lines.join('\n'));
}

/** One line break at the end, whatever was there. */
export function shellFile(text: string): string {
  return `${text.replace(/\n+$/, '')}\n`;
}
