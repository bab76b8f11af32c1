import { readArguments } from './read-literal.ts';
import { type Parameter, topLevel } from './signature.ts';
import type { Value } from './value.ts';

/** What inputs are chosen from; the same in gives the same out. */
export interface InputSources {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** Of the function, before and after: their constants are what a branch may hang on. */
  readonly bodies: readonly string[];
  /** Texts of the project that may call it, tests first. */
  readonly callers: readonly string[];
  /** Most calls. */
  readonly limit: number;
}

const STRINGS: readonly Value[] = ['Hello, World!', '', 'A  B', ' padded ', 'ÄÖ_ß-9', 'a'];
const NUMBERS: readonly Value[] = [1, 0, -1, 2.5, 100, 3];
const BOOLEANS: readonly Value[] = [true, false];
const TEXT_LISTS: readonly Value[] = [
  ['list', ['b', 'a', 'b']],
  ['list', []],
  ['list', ['one']],
];
const NUMBER_LISTS: readonly Value[] = [
  ['list', [3, 1, 2, 1]],
  ['list', []],
  ['list', [5]],
];
const OBJECTS: readonly Value[] = [
  [
    'object',
    [
      ['a', 1],
      ['b', 'two'],
    ],
  ],
  ['object', []],
];
const DATES: readonly Value[] = [
  ['date', '2024-02-29T12:30:00.000Z'],
  ['date', '1999-12-31T23:59:59.000Z'],
];
const ANYTHING: readonly Value[] = ['A  B', 3, '', 0, ['list', [1, 2]]];

type Domain = 'string' | 'number' | 'boolean' | 'texts' | 'numbers' | 'object' | 'date' | 'any';

const VALUES: Readonly<Record<Domain, readonly Value[]>> = {
  string: STRINGS,
  number: NUMBERS,
  boolean: BOOLEANS,
  texts: TEXT_LISTS,
  numbers: NUMBER_LISTS,
  object: OBJECTS,
  date: DATES,
  any: ANYTHING,
};

/** Tested in this order, in lower case. */
const BY_TYPE: readonly (readonly [RegExp, Domain])[] = [
  [
    /^(?:readonly\s+)?(?:number|int|float)\s*\[\]|^(?:readonly)?array<number>|^(?:list|sequence|iterable)\[(?:int|float)\]/,
    'numbers',
  ],
  [/\[\]|^(?:readonly)?array\b|^(?:list|sequence|iterable|tuple|set)\b/, 'texts'],
  [/^(?:string|str)\b/, 'string'],
  [/^(?:number|int|float|integer|decimal)\b/, 'number'],
  [/^(?:boolean|bool)\b/, 'boolean'],
  [/^date\b/, 'date'],
  [/^(?:object|record|dict|mapping|partial)\b|^\{/, 'object'],
];

const BY_NAME: readonly (readonly [RegExp, Domain])[] = [
  [/^(?:is|has|should|with|allow|enable)[A-Z_]|flag$|enabled$|strict$/, 'boolean'],
  [/^(?:numbers|nums|prices|amounts|scores|sizes|totals)$/i, 'numbers'],
  [/(?:list|items|array|values|entries|rows|names|words|tags|lines|parts)$/i, 'texts'],
  [/^(?:options|opts|config|settings|props|attributes|data|params|obj|object|record|user|order)$/i, 'object'],
  [
    /^(?:[abnxyijk]|min|max|from|to|start|end|width|height|left|right)$|(?:count|number|num|size|len|length|index|amount|price|total|sum|qty|quantity|age|limit|step|seconds|minutes|hours|days|ms|percent|percentage|rate|ratio|year|month|day|value|digits|level|score|weight|bytes)$/i,
    'number',
  ],
  [
    /^(?:s|str|c)$|(?:text|string|name|title|word|input|slug|path|url|email|key|message|label|line|prefix|suffix|separator|sep|char|code|phrase|sentence|content|html|pattern|currency|locale|description)$/i,
    'string',
  ],
];

/** Argument lists worth trying: what the project itself passes first, then values at the edges of each type. */
export function chooseInputs(sources: InputSources): readonly (readonly Value[])[] {
  const { limit } = sources;
  const parameters = guessable(sources.parameters);
  const calls = callSites(sources).slice(0, Math.ceil(limit / 3));
  const constants = constantsOf(sources.bodies);
  const choices = parameters.map((one) => candidates(one, constants));
  const required = parameters.filter(({ isOptional }) => !isOptional).length;
  const made: (readonly Value[])[] = [];
  const base = choices.map((values) => values[0] ?? null);
  if (required < parameters.length) made.push(base.slice(0, required));
  made.push(base);
  const most = Math.max(0, ...choices.map((values) => values.length));
  for (let round = 1; round < most; round++) {
    for (const [at, values] of choices.entries()) {
      const value = values[round];
      if (value === undefined) continue;
      made.push(base.map((kept, index) => (index === at ? value : kept)));
    }
    if (choices.length > 1)
      made.push(choices.map((values, at) => values[(round + at) % values.length] ?? null));
  }
  return distinct([...calls, ...made]).slice(0, limit);
}

/** Up to the first one that may be left away and that nothing says the values of: a guess would be of a wrong type. */
function guessable(parameters: readonly Parameter[]): readonly Parameter[] {
  const end = parameters.findIndex(
    (one) =>
      one.isOptional &&
      literalTypes(one.type ?? '').length === 0 &&
      domainOf(one.type, one.name, one.default) === 'any',
  );
  return end < 0 ? parameters : parameters.slice(0, end);
}

function candidates(parameter: Parameter, constants: Constants): readonly Value[] {
  const { type, name } = parameter;
  const literals = type === undefined ? [] : literalTypes(type);
  if (literals.length > 0) return literals;
  const domain = domainOf(type, name, parameter.default);
  const seeds = domain === 'string' ? constants.texts : domain === 'number' ? constants.numbers : [];
  const own = parameter.default === undefined ? [] : [parameter.default];
  const empty: readonly Value[] =
    type !== undefined && /\|\s*null\b|^optional\[|\|\s*none\b/i.test(type) ? [null] : [];
  const [first, ...rest] = VALUES[domain];
  return distinct([...own, ...(first === undefined ? [] : [first]), ...seeds, ...rest, ...empty]);
}

/** `'short' | 'long'` of TypeScript, `Literal['short', 'long']` of Python. */
function literalTypes(type: string): readonly Value[] {
  const inner = /^(?:typing\.)?Literal\[(.*)\]$/.exec(type)?.[1];
  const parts = inner === undefined ? topLevel(type, '|') : topLevel(inner, ',');
  const texts = parts.map((part) => /^\s*(?:'([^'\\]*)'|"([^"\\]*)")\s*$/.exec(part));
  return texts.every((match) => match !== null) ? texts.map((match) => match?.[1] ?? match?.[2] ?? '') : [];
}

function domainOf(type: string | undefined, name: string, initial: Value | undefined): Domain {
  if (type !== undefined) {
    const plain = type
      .toLowerCase()
      .replace(/^(?:typing\.)?optional\[(.*)\]$/, '$1')
      .replace(/^typing\./, '');
    const found = BY_TYPE.find(([pattern]) => pattern.test(plain));
    if (found) return found[1];
  }
  if (typeof initial === 'string') return 'string';
  if (typeof initial === 'number') return 'number';
  if (typeof initial === 'boolean') return 'boolean';
  if (Array.isArray(initial) && initial[0] === 'number') return 'number';
  if (Array.isArray(initial)) return initial[0] === 'object' ? 'object' : 'texts';
  return BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? 'any';
}

interface Constants {
  readonly texts: readonly Value[];
  readonly numbers: readonly Value[];
}

/** Strings and numbers that stand in the function; numbers with their neighbours, where a comparison turns. */
function constantsOf(bodies: readonly string[]): Constants {
  const text = bodies.join('\n').replaceAll(/\/\/.*|#.*|\/\*[\s\S]*?\*\//g, '');
  const texts = [...text.matchAll(/'([^'\\\n]{1,30})'|"([^"\\\n]{1,30})"/g)].map(([, a, b]) => a ?? b ?? '');
  const numbers = [...text.matchAll(/(?<![\w.'"-])\d{1,9}(?:\.\d{1,6})?(?![\w'"])/g)]
    .map(([number]) => Number(number))
    .flatMap((number) => (Number.isInteger(number) ? [number - 1, number, number + 1] : [number]));
  return { texts: [...new Set(texts)].slice(0, 4), numbers: [...new Set(numbers)].slice(0, 9) };
}

/** Calls with literals only, in the order in which they stand. */
function callSites({ name, callers, parameters }: InputSources): readonly (readonly Value[])[] {
  if (!/^[\w$]+$/.test(name)) return [];
  const call = new RegExp(String.raw`(?<![\w$])${name.replaceAll('$', String.raw`\$`)}\(`, 'g');
  const found = callers.flatMap((text) =>
    [...text.matchAll(call)].flatMap(({ index, 0: match }) => {
      const values = readArguments(text, index + match.length - 1);
      // Neither the declaration itself nor a function of the same name elsewhere.
      return values && values.length > 0 && values.length <= parameters.length ? [values] : [];
    }),
  );
  return distinct(found);
}

function distinct<T extends Value | readonly Value[]>(values: readonly T[]): readonly T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
