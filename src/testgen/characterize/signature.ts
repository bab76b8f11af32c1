import { readLiteral } from './read-literal.ts';
import type { Value } from './value.ts';

/** One parameter of a function, as far as its text says. */
export interface Parameter {
  readonly name: string;
  readonly type?: string;
  readonly default?: Value;
  readonly isOptional: boolean;
}

/** Longest text of a module that is searched, characters. */
const MOST_TEXT = 400_000;

/**
 * Parameters of a function of JavaScript or TypeScript: types come from TypeScript or JSDoc, defaults from the text.
 * Undefined when the text has no such function.
 */
export function parametersIn(text: string, name: string): readonly Parameter[] | undefined {
  const place = declarationOf(text.slice(0, MOST_TEXT), name);
  if (place === undefined) return undefined;
  const list = balanced(text, place.open);
  if (list === undefined) return undefined;
  const documented = documentedTypes(text.slice(0, place.start));
  return topLevel(list, ',').flatMap((one) => parameter(one.trim(), documented) ?? []);
}

/** Where a function is declared, and its opening parenthesis. */
function declarationOf(
  text: string,
  name: string,
): { readonly start: number; readonly open: number } | undefined {
  const word = name.replaceAll('$', String.raw`\$`);
  const generic = String.raw`(?:<[^()]{0,200}>)?`;
  const ways = [
    String.raw`\bfunction\s*\*?\s*${word}\s*${generic}\s*\(`,
    String.raw`\b(?:const|let|var)\s+${word}\s*(?::[^=\n]{0,200})?=\s*(?:async\s+)?(?:function\s*\w*\s*)?${generic}\s*\(`,
    String.raw`(?:\bexports\.|^\s*)${word}\s*[:=]\s*(?:async\s+)?(?:function\s*\w*\s*)?\(`,
  ];
  for (const way of ways) {
    const match = new RegExp(way, 'm').exec(text);
    if (match) return { start: match.index, open: match.index + match[0].length - 1 };
  }
  return undefined;
}

/** What stands between a bracket and its partner. */
function balanced(text: string, open: number): string | undefined {
  let depth = 0;
  for (let at = open; at < Math.min(text.length, open + 2000); at++) {
    const character = text[at] ?? '';
    if ('([{'.includes(character)) depth++;
    if (')]}'.includes(character) && --depth === 0) return text.slice(open + 1, at);
  }
  return undefined;
}

/** Splits where no bracket and no string is open; `>` of an arrow closes none. */
export function topLevel(text: string, separator: string): readonly string[] {
  const parts: string[] = [];
  let [depth, from] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (`'"\``.includes(character)) at = endOfString(text, at);
    else if (character === separator && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    } else depth += depthOf(character, text[at - 1]);
  }
  parts.push(text.slice(from));
  return parts.filter((part) => part.trim() !== '');
}

function endOfString(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === text[open]) return at;
  }
  return text.length;
}

function depthOf(character: string, before: string | undefined): number {
  if ('([{<'.includes(character)) return 1;
  return ')]}'.includes(character) || (character === '>' && before !== '=') ? -1 : 0;
}

function parameter(text: string, documented: ReadonlyMap<string, string>): Parameter | undefined {
  if (text.startsWith('...') || text.startsWith('this')) return undefined;
  const [left = '', ...right] = topLevel(text.replaceAll('=>', '\u0000'), '=');
  const [written = '', ...types] = topLevel(left.replaceAll('\u0000', '=>'), ':').map((part) => part.trim());
  const name = written.replace(/\?$/, '');
  const type = types.join(':') || documented.get(name) || undefined;
  return {
    name: /^[\w$]+$/.test(name) ? name : 'options',
    ...(type !== undefined && { type }),
    ...initialOf(right),
    isOptional: right.length > 0 || written.endsWith('?') || type?.endsWith('=') === true,
  };
}

function initialOf(right: readonly string[]): Pick<Parameter, 'default'> {
  const initial = right.length > 0 ? readLiteral(right.join('=').trim()) : undefined;
  return initial === undefined ? {} : { default: initial };
}

/** `@param {string} name` of the comment that ends just before. */
function documentedTypes(before: string): ReadonlyMap<string, string> {
  const end = before
    .trimEnd()
    .replace(/(?:export|default|async|const|let|var|\s)+$/, '')
    .trimEnd();
  if (!end.endsWith('*/')) return new Map();
  const comment = end.slice(end.lastIndexOf('/**'));
  return new Map(
    [...comment.matchAll(/@param\s+\{([^}\n]{1,200})\}\s+\[?([\w$]+)/g)].map(([, type = '', name = '']) => [
      name,
      type.trim(),
    ]),
  );
}
