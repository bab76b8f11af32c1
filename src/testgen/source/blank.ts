import type { Language } from './language.ts';

/** What is taken out of a text: comments alone, or what stands in strings as well. */
type What = 'comments' | 'comments and strings';

const PYTHON =
  /#[^\n]*|[rRbBuUfF]{0,2}(?:"""(?:\\[^]|(?!""")[^])*(?:"""|$)|'''(?:\\[^]|(?!''')[^])*(?:'''|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?)/g;
const BRACES =
  /\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)|"""[^]*?(?:"""|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?|`[^`]*(?:`|$)/g;
/** A slash begins a regular expression where a value may stand. */
const SCRIPT =
  /\/\/[^\n]*|\/\*[^]*?(?:\*\/|$)|"(?:\\[^]|[^"\\\n])*"?|'(?:\\[^]|[^'\\\n])*'?|`(?:\\[^]|[^`\\])*(?:`|$)|(?<=(?:^|[=(,:;[!&|?{}+\n]|\breturn|=>)[ \t]*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*/g;

const PATTERNS: Readonly<Record<Language, RegExp>> = {
  typescript: SCRIPT,
  javascript: SCRIPT,
  go: BRACES,
  java: BRACES,
  python: PYTHON,
};

/** The text with spaces where something was taken out: every line and column stays where it is. */
export function blank(text: string, language: Language, what: What): string {
  return text.replaceAll(PATTERNS[language], (part) => {
    const isComment = /^(?:#|\/\/|\/\*)/.test(part);
    return isComment || what === 'comments and strings' ? part.replaceAll(/[^\n]/g, ' ') : part;
  });
}

/** Without comments and differences of spacing: two texts that are equal so do the same. */
export function essence(text: string, language: Language): string {
  const bare = blank(text, language, 'comments');
  const lines = bare.split('\n').map((line) => (language === 'python' ? line.trimEnd() : line.trim()));
  return lines.filter((line) => line.trim() !== '').join('\n');
}
