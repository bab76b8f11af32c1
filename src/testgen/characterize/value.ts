import { isObject } from '../../core/json.ts';

/**
 * A value of a program under test as JSON can carry it: scalars as they are, everything else as `[kind, …]`.
 * The probes of both languages write and read this form.
 */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly ['undefined']
  /** `NaN`, `Infinity`, `-0`: numbers that JSON lacks. */
  | readonly ['number', string]
  | readonly ['bigint', string]
  | readonly ['date', string]
  | readonly ['list' | 'tuple' | 'set', readonly Value[]]
  | readonly ['object' | 'map', readonly (readonly [Value, Value])[]];

/** What one call came to. */
export type Outcome =
  | { readonly kind: 'returned'; readonly value: Value; readonly isAsync: boolean }
  | {
      readonly kind: 'threw';
      readonly name: string;
      readonly message: string;
      readonly isAsync: boolean;
      /** The language itself refused what it was given: nobody wrote this error. */
      readonly isMisuse: boolean;
    }
  /** It gave something that cannot be pinned. */
  | { readonly kind: 'unusable'; readonly reason: string };

const LISTS = new Set(['list', 'tuple', 'set']);
const TEXTS = new Set(['number', 'bigint', 'date']);

/** Whether it has the form that the probes write; it comes from a process that ran code of the project. */
export function isValue(value: unknown): value is Value {
  if (value === null || ['boolean', 'number', 'string'].includes(typeof value)) return true;
  if (!Array.isArray(value)) return false;
  const [kind, content]: readonly unknown[] = value;
  if (kind === 'undefined') return true;
  if (typeof kind !== 'string') return false;
  if (TEXTS.has(kind)) return typeof content === 'string';
  if (!Array.isArray(content)) return false;
  if (LISTS.has(kind)) return content.every(isValue);
  return (kind === 'object' || kind === 'map') && content.every(isPair);
}

function isPair(pair: unknown): boolean {
  return Array.isArray(pair) && pair.length === 2 && pair.every(isValue);
}

/** Reads an outcome of a probe; undefined when it is none. */
export function readOutcome(given: unknown): Outcome | undefined {
  if (!isObject(given)) return undefined;
  const { kind, value, name, message, reason, is_async: isAsync, is_misuse: isMisuse } = given;
  if (kind === 'returned' && isValue(value)) return { kind, value, isAsync: isAsync === true };
  if (kind === 'threw' && typeof name === 'string' && typeof message === 'string') {
    return { kind, name, message, isAsync: isAsync === true, isMisuse: isMisuse === true };
  }
  return kind === 'unusable' && typeof reason === 'string' ? { kind, reason } : undefined;
}

export type Language = 'javascript' | 'typescript' | 'python' | 'go';

type Compound = Exclude<Value, null | boolean | number | string>;

function isCompound(value: Value): value is Compound {
  return Array.isArray(value);
}

/** The value as an expression of the language. */
export function literal(value: Value, language: Language): string {
  return language === 'python' ? pythonLiteral(value) : jsLiteral(value);
}

function jsLiteral(value: Value): string {
  if (typeof value === 'string') return quoted(value);
  if (!isCompound(value)) return String(value);
  const [kind, content] = value;
  switch (kind) {
    case 'undefined':
      return 'undefined';
    case 'number':
      return content;
    case 'bigint':
      return `${content}n`;
    case 'date':
      return `new Date(${quoted(content)})`;
    case 'map':
      return `new Map([${content.map(([key, one]) => `[${jsLiteral(key)}, ${jsLiteral(one)}]`).join(', ')}])`;
    case 'object':
      return content.length === 0 ? '{}' : `{ ${content.map(jsProperty).join(', ')} }`;
    case 'set':
      return `new Set([${content.map(jsLiteral).join(', ')}])`;
    default:
      return `[${content.map(jsLiteral).join(', ')}]`;
  }
}

function jsProperty([key, value]: readonly [Value, Value]): string {
  const name = String(key);
  // As a plain key it would set the prototype.
  if (name === '__proto__') return `['__proto__']: ${jsLiteral(value)}`;
  return `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name)}: ${jsLiteral(value)}`;
}

const PYTHON_NUMBERS: Readonly<Record<string, string>> = {
  NaN: "float('nan')",
  Infinity: "float('inf')",
  '-Infinity': "float('-inf')",
  '-0': '-0.0',
};

function pythonLiteral(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quoted(value);
  if (!isCompound(value)) return String(value);
  const [kind, content] = value;
  switch (kind) {
    case 'undefined':
      return 'None';
    case 'number':
      return PYTHON_NUMBERS[content] ?? content;
    case 'bigint':
      return content;
    case 'date':
      return quoted(content);
    case 'map':
    case 'object':
      return `{${content.map(([key, one]) => `${pythonLiteral(key)}: ${pythonLiteral(one)}`).join(', ')}}`;
    case 'tuple':
      return `(${content.map(pythonLiteral).join(', ')}${content.length === 1 ? ',' : ''})`;
    case 'set':
      return content.length === 0 ? 'set()' : `{${content.map(pythonLiteral).join(', ')}}`;
    default:
      return `[${content.map(pythonLiteral).join(', ')}]`;
  }
}

/** In quotes, on one line, with nothing in it that a terminal or an editor would act on; in double ones where that spares escapes. */
export function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text.replaceAll(/[\\'"\n\r\t]|[^\P{C}]|[\u2028\u2029]/gu, (character) => {
    if (character === "'" || character === '"') return character === quote ? `\\${quote}` : character;
    const known = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
    return known ?? units(character);
  });
  return `${quote}${inside}${quote}`;
}

/** As UTF-16 escapes, which JavaScript reads; Python never gets one above U+FFFF, its probe leaves those out. */
function units(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => String.raw`\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}

/** `slugify('A  B')`, cut where it would fill the screen. */
export function callText(name: string, args: readonly Value[], language: Language): string {
  return cut(`${name}(${args.map((one) => literal(one, language)).join(', ')})`, 120);
}

/** `'a-b'`, or `an error: nothing to do`. */
export function outcomeText(outcome: Outcome, language: Language): string {
  switch (outcome.kind) {
    case 'returned':
      return cut(literal(outcome.value, language), 120);
    case 'threw':
      return cut(`${outcome.name}: ${quoted(outcome.message)}`, 160);
    case 'unusable':
      return outcome.reason;
    default:
      return outcome satisfies never;
  }
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** Whether two calls came to the same. */
export function isSame(a: Outcome | undefined, b: Outcome | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
