import type { ParameterDefinition } from './definition.ts';
import { ok } from './failure.ts';
import type { Result } from './failure.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { closest } from './closest.ts';
import { withTimeLimit } from './time-limit.ts';

/** What is wrong with one parameter, for the person who gave it. */
export interface ParameterProblem {
  readonly name: string;
  readonly message: string;
  readonly hint?: string;
}

/** As it comes from the command line: text, a flag without a value, or a flag given several times. */
export type GivenParameter = string | boolean | readonly string[];

export interface ParameterOptions {
  /** What `~/` at the beginning of a path stands for; without it such a path stays as it is. */
  readonly home?: string;
}

/** A pattern is tried on no longer text, in UTF-16 units. */
const MAX_PATTERN_INPUT = 4096;
/** Some patterns take exponential time on some texts, milliseconds. */
const PATTERN_LIMIT_MS = 250;

type Parsed = Result<JsonValue | undefined, Omit<ParameterProblem, 'name'>>;

/**
 * Checks what was given against what a pipeline declares; defaults are filled in.
 * Fails with all problems at once. An optional parameter without a default that was not given is "" for
 * `string`, false for `bool`, [] for `list`, and is left out for `int`, `path` and `choice`.
 */
export function parseParameters(
  definitions: Readonly<Record<string, ParameterDefinition>>,
  given: Readonly<Record<string, GivenParameter>>,
  options: ParameterOptions = {},
): Result<JsonObject, readonly ParameterProblem[]> {
  const problems: ParameterProblem[] = [];
  const values: [string, JsonValue][] = [];
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(definitions, name)) problems.push(unknownParameter(name, Object.keys(definitions)));
  }
  for (const [name, definition] of Object.entries(definitions)) {
    const input = Object.hasOwn(given, name) ? given[name] : undefined;
    const parsed =
      input === undefined ? withoutInput(name, definition) : parseOne(definition, input, options);
    if (!parsed.ok) problems.push({ name, ...parsed.failure });
    else if (parsed.value !== undefined) values.push([name, parsed.value]);
  }
  return problems.length > 0 ? { ok: false, failure: problems } : ok(Object.fromEntries(values));
}

function unknownParameter(name: string, known: readonly string[]): ParameterProblem {
  const near = closest(name, known);
  if (near !== undefined) {
    return { name, message: `There is no parameter ${name}.`, hint: `Did you mean ${near}?` };
  }
  const hint = known.length > 0 ? `Known are ${known.join(', ')}.` : 'This pipeline takes no parameters.';
  return { name, message: `There is no parameter ${name}.`, hint };
}

function withoutInput(name: string, definition: ParameterDefinition): Parsed {
  if (definition.default !== undefined) return ok(definition.default);
  if (definition.required) return refuse('is required.', `Give it with --${name}=… or --set ${name}=….`);
  return ok(EMPTY[definition.type]);
}

/** There is no empty number or choice, and an empty path would make `{{.dir}}/x` mean `/x`. */
const EMPTY: Record<ParameterDefinition['type'], JsonValue | undefined> = {
  string: '',
  bool: false,
  list: [],
  int: undefined,
  path: undefined,
  choice: undefined,
};

function parseOne(definition: ParameterDefinition, input: GivenParameter, options: ParameterOptions): Parsed {
  const texts = typeof input === 'object' ? input : [String(input)];
  const unreadable = texts.map(unreadableBecause).find((reason) => reason !== undefined);
  if (unreadable !== undefined) return refuse(unreadable);
  if (definition.type === 'list') return ok(texts.flatMap(splitList));
  if (input === true && definition.type !== 'bool') return refuse('needs a value.', 'Write --name=value.');
  const [text = ''] = texts;
  if (texts.length !== 1) return refuse(`was given ${texts.length} times, but takes one value.`);
  switch (definition.type) {
    case 'int':
      return parseInteger(definition, text);
    case 'bool':
      return parseBoolean(text);
    case 'choice':
      return parseChoice(definition, text);
    case 'path':
      return parsePath(text, options);
    default:
      return parseString(definition, text);
  }
}

/** argv that was no UTF-8 arrives with replacement characters: another name than the one that was meant. */
function unreadableBecause(text: string): string | undefined {
  if (text.includes('\0')) return 'contains a NUL character, which no command can receive.';
  if (text.includes('\uFFFD') || !text.isWellFormed()) return 'is not valid UTF-8 text.';
  return undefined;
}

function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function parseInteger({ min, max }: ParameterDefinition, text: string): Parsed {
  const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) return refuse(`must be a whole number, not ${quote(text)}.`);
  if (min !== undefined && value < min) return refuse(`is ${value}, but must be at least ${min}.`);
  if (max !== undefined && value > max) return refuse(`is ${value}, but must be at most ${max}.`);
  // `-0` would print as 0 and compare as 0; make it that.
  return ok(value === 0 ? 0 : value);
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
]);

function parseBoolean(text: string): Parsed {
  const value = BOOLEANS.get(text.trim().toLowerCase());
  return value === undefined
    ? refuse(`must be true or false, not ${quote(text)}.`, 'Yes, no, 1 and 0 count too.')
    : ok(value);
}

function parseChoice({ choices = [] }: ParameterDefinition, text: string): Parsed {
  if (choices.includes(text)) return ok(text);
  const near = closest(text, choices);
  return refuse(
    `cannot be ${quote(text)}.`,
    near === undefined ? `Choose one of ${choices.join(', ')}.` : `Did you mean ${near}?`,
  );
}

function parsePath(text: string, { home }: ParameterOptions): Parsed {
  if (text === '') return refuse('is an empty path.');
  if (home !== undefined && (text === '~' || text.startsWith('~/'))) {
    return ok(home.replace(/\/$/, '') + text.slice(1));
  }
  // A file named `-rf` is a file, never an option.
  return ok(text.startsWith('-') ? `./${text}` : text);
}

function parseString({ pattern }: ParameterDefinition, text: string): Parsed {
  if (pattern === undefined) return ok(text);
  if (text.length > MAX_PATTERN_INPUT) {
    return refuse(
      `is ${text.length} characters long; with a pattern at most ${MAX_PATTERN_INPUT} are allowed.`,
    );
  }
  let expression: RegExp;
  try {
    expression = new RegExp(`^(?:${pattern})$`, 'u');
  } catch {
    return refuse(`has a pattern that is no regular expression: ${pattern}`);
  }
  const tested = withTimeLimit(() => expression.test(text), PATTERN_LIMIT_MS);
  if (!tested.ok) {
    const hint = 'Repetitions inside repetitions, as in (a+)+, make a pattern so slow.';
    return refuse(`could not be checked: its pattern ${pattern} takes too long on this text.`, hint);
  }
  return tested.value ? ok(text) : refuse(`is ${quote(text)}, which does not match ${pattern}`);
}

/** As JSON, so that no control character reaches a terminal; long text is cut. */
function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

function refuse(message: string, hint?: string): Parsed {
  return { ok: false, failure: { message, ...(hint !== undefined && { hint }) } };
}
