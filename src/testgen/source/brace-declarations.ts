import { balanceOf, type Found } from './found.ts';
import type { Language } from './language.ts';

type Rule = readonly [pattern: RegExp, kind: Found['kind'], isExported: (match: RegExpExecArray) => boolean];

const SCRIPT_RULES: readonly Rule[] = [
  [/^(export\s+)?(?:default\s+)?(?:declare\s+)?(?:async\s+)?function\s*\*?\s*([\w$]+)/, 'function', isMarked],
  [/^(export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?class\s+([\w$]+)/, 'class', isMarked],
  [/^(export\s+)?(?:declare\s+)?(?:interface|type|(?:const\s+)?enum)\s+([\w$]+)/, 'type', isMarked],
  [
    /^(export\s+)?(?:const|let|var)\s+([\w$]+)\s*(?::[^=]+)?=\s*(?:async\s*)?(?:function\b|\([^)]*$|\([^)]*\)\s*(?::[^=]+)?=>|[\w$]+\s*=>|<[\w$])/,
    'function',
    isMarked,
  ],
  [/^(export\s+)?(?:const|let|var)\s+([\w$]+)/, 'constant', isMarked],
  [/^(module\.exports|exports)\s*=\s*(?:async\s+)?function\s*\*?\s*([\w$]+)/, 'function', isMarked],
  [/^(?:module\.)?(exports)\.([\w$]+)\s*=/, 'function', isMarked],
  [/^()([\w$]+\.prototype\.[\w$]+)\s*=/, 'method', isMarked],
];
/** Modifiers, then the name; a signature alone is none. */
const SCRIPT_METHOD =
  /^\s*((?:(?:public|private|protected|static|async|override|readonly|get|set|abstract)\s+)*)\*?\s*(#?[\w$]+)\s*(?:<[^>]*>)?\s*\((?!.*\)[^{]*;\s*$)/;

const GO_RULES: readonly Rule[] = [
  [/^func\s+()([A-Za-z_]\w*)\s*[[(]/, 'function', isUpper],
  [/^func\s+\(\s*(?:\w+\s+)?\*?([A-Za-z_]\w*)(?:\[[^\]]*\])?\s*\)\s*([A-Za-z_]\w*)/, 'method', isUpper],
  [/^type\s+()([A-Za-z_]\w*)/, 'type', isUpper],
  [/^(?:const|var)\s+()([A-Za-z_]\w*)/, 'constant', isUpper],
];

const JAVA_RULES: readonly Rule[] = [
  [
    /^\s*((?:(?:public|protected|private|abstract|final|static|sealed|non-sealed|strictfp)\s+)*)(?:class|record|interface|enum|@interface)\s+(\w+)/,
    'class',
    isPublic,
  ],
];
const JAVA_METHOD =
  /^\s*((?:(?:public|protected|private|static|final|synchronized|abstract|native|default|strictfp)\s+)*)(?:<[^>]+>\s*)?(?:[\w.<>[\],? ]+\s+)?(\w+)\s*\([^;]*$/;

/** Words that stand before a parenthesis and name no method. */
const NO_METHODS = new Set([
  'if',
  'for',
  'while',
  'switch',
  'catch',
  'return',
  'function',
  'super',
  'new',
  'throw',
  'try',
  'else',
  'do',
  'await',
  'synchronized',
]);

function isMarked([, mark = '']: RegExpExecArray): boolean {
  return mark !== '';
}

function isUpper([, , name = '']: RegExpExecArray): boolean {
  return /^[A-Z]/.test(name);
}

function isPublic([, modifiers = '']: RegExpExecArray): boolean {
  return modifiers.includes('public');
}

/** Declarations of a language with braces; `rows` without comments and strings, `depths` of each. */
export function inBraces(
  rows: readonly string[],
  depths: readonly number[],
  { language, bare }: { readonly language: Exclude<Language, 'python'>; readonly bare: string },
): readonly Found[] {
  const rules = { go: GO_RULES, java: JAVA_RULES, typescript: SCRIPT_RULES, javascript: SCRIPT_RULES }[
    language
  ];
  const exported = rules === SCRIPT_RULES ? exportedNames(bare) : new Set<string>();
  const found: Found[] = [];
  let owner: Found | undefined;
  for (const [row, line] of rows.entries()) {
    if (depths[row] === 0) {
      const declared = firstMatch(rules, exported, line, row);
      if (declared) found.push(declared);
      if (declared || line.trim().startsWith('}')) owner = declared;
    } else if (depths[row] === 1 && owner?.kind === 'class') {
      const method = methodOf(line, row, owner, language);
      if (method) found.push(method);
    }
  }
  return found;
}

function firstMatch(
  rules: readonly Rule[],
  exported: ReadonlySet<string>,
  line: string,
  row: number,
): Found | undefined {
  for (const [pattern, kind, isExported] of rules) {
    const match = pattern.exec(line);
    const name = match?.[2];
    if (!match || name === undefined) continue;
    // The receiver of Go, the prototype of scripts.
    const owner = kind === 'method' && match[1] ? `${match[1]}.` : '';
    const whole = owner + name.replace('.prototype', '');
    const isSeen = isExported(match) || exported.has(whole.split('.')[0] ?? '');
    return { row, name: whole, kind, is_exported: isSeen };
  }
  return undefined;
}

function methodOf(line: string, row: number, owner: Found, language: Language): Found | undefined {
  const [, modifiers = '', name] = (language === 'java' ? JAVA_METHOD : SCRIPT_METHOD).exec(line) ?? [];
  if (name === undefined || NO_METHODS.has(name)) return undefined;
  const isHidden = name.startsWith('#') || modifiers.includes('private');
  return {
    row,
    name: `${owner.name}.${name}`,
    kind: 'method',
    is_exported: owner.is_exported && !isHidden,
  };
}

/** Braces, brackets and parentheses that are open where each line begins. */
export function depthsOf(rows: readonly string[]): readonly number[] {
  const depths: number[] = [];
  let depth = 0;
  for (const row of rows) {
    depths.push(depth);
    depth = Math.max(0, depth + balanceOf(row));
  }
  return depths;
}

/** The last row of what begins in a row. */
export function endByDepth(rows: readonly string[], depths: readonly number[], start: number): number {
  const own = depths[start] ?? 0;
  for (let row = start + 1; row <= rows.length; row += 1) {
    if ((depths[row] ?? 0) > own) continue;
    const before = rows[row - 1] ?? '';
    const next = rows[row] ?? '';
    // A statement goes on where its line cannot end, or the next one cannot begin.
    if (
      /(?:=>|[=,+\-*/&|?:(<.]|\)\s*)$/.test(before.trimEnd()) &&
      !/[};]\s*$/.test(before) &&
      /^\s+\S/.test(next)
    )
      continue;
    if (/^\s*(?:\{|[.?:&|+]|throws\b)/.test(next) && !/[};]\s*$/.test(before)) continue;
    return row - 1;
  }
  return rows.length - 1;
}

/** `export { a, b as c }`, `export default a`, `module.exports = a` or `= { a, b }`. */
function exportedNames(bare: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, list = ''] of bare.matchAll(/^\s*(?:export\s*|module\.exports\s*=\s*)\{([^}]*)\}/gm)) {
    for (const [, name = ''] of list.matchAll(/(?:^|,)\s*(?:type\s+)?([\w$]+)/g)) names.add(name);
  }
  for (const [, name = ''] of bare.matchAll(
    /^(?:export\s+default|module\.exports\s*=)\s+(?:new\s+)?([\w$]+)\s*;?\s*$/gm,
  )) {
    names.add(name);
  }
  return names;
}
