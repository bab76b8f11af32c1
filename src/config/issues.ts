import type { z } from 'zod';
import { closest } from '../core/closest.ts';
import { nodeAt, type Path } from './located.ts';
import { keysAt, wordsAt } from './schema-keys.ts';
import type { YamlFile } from './yaml-file.ts';

type Issue = z.core.$ZodIssue;

/** How the paths of a schema's issues relate to the file. */
export interface IssueSetting {
  readonly file: YamlFile;
  readonly schema: z.ZodType;
  /** Where the value that the schema saw stands in the file. */
  readonly base: Path;
  /** For a value that was rewritten before the schema saw it: from the schema's path to the file's. */
  readonly rewrite?: (path: Path) => Path;
  /** Keys that stand beside those of the schema, for "did you mean". */
  readonly moreKeys?: readonly string[];
}

/** The parsed input, or undefined after reporting each of the schema's issues where it stands. */
export function parseReporting<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  setting: Omit<IssueSetting, 'schema'>,
): z.output<Schema> | undefined {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) reportIssue({ ...setting, schema }, issue, []);
  return undefined;
}

/** The keys of a mapping that are right by themselves, so that one slip does not hide what else is wrong. */
export function rightKeys<Schema extends z.ZodType>(
  schema: Schema,
  written: Readonly<Record<string, unknown>>,
): z.output<Schema> | undefined {
  const wrong = new Set(
    schema
      .safeParse(written)
      .error?.issues.flatMap((issue) =>
        issue.code === 'unrecognized_keys' ? issue.keys : issue.path.slice(0, 1),
      ),
  );
  return schema.safeParse(Object.fromEntries(Object.entries(written).filter(([key]) => !wrong.has(key))))
    .data;
}

function reportIssue(setting: IssueSetting, issue: Issue, parent: Path): void {
  const path = [...parent, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) reportUnknownKey(setting, path, key);
      return;
    case 'invalid_union':
      reportUnion(setting, issue, path);
      return;
    case 'invalid_key':
    case 'invalid_element':
      for (const inner of issue.issues) {
        const message = `"${String(path.at(-1))}" ${inner.message}`;
        report(setting, path, { code: 'bad-key', message }, { atKey: true });
      }
      return;
    case 'custom':
      reportCustom(setting, issue, path);
      return;
    default:
      reportValue(setting, issue, path);
  }
}

function reportUnknownKey(setting: IssueSetting, path: Path, key: string): void {
  const known = [...keysAt(setting.schema, path), ...(path.length === 0 ? (setting.moreKeys ?? []) : [])];
  reportUnknown(setting.file, { path: filePath(setting, [...path, key]), word: key, known });
}

/** One unknown key, with the key that was probably meant. */
export function reportUnknown(
  file: YamlFile,
  { path, word, known }: { readonly path: Path; readonly word: string; readonly known: readonly string[] },
): void {
  const shown = word.length > 60 ? `${word.slice(0, 60)}…` : word;
  const notice = { code: 'unknown-key', message: `unknown key "${shown}"`, hint: suggestion(word, known) };
  file.report(path, notice, { atKey: true });
}

/** `Did you mean "x"?`, or what there is to choose from. */
export function suggestion(word: string, known: readonly string[]): string | undefined {
  const near = closest(word, known);
  if (near !== undefined) return `Did you mean "${near}"?`;
  return known.length === 0 ? undefined : `Known: ${known.slice(0, 40).join(', ')}.`;
}

function reportCustom(setting: IssueSetting, issue: Extract<Issue, { code: 'custom' }>, path: Path): void {
  const { offset, hint, code, sensitive } = issue.params ?? {};
  const notice = {
    code: typeof code === 'string' ? code : 'bad-value',
    message: labelled(setting, path, issue.message),
    ...(typeof hint === 'string' && { hint }),
    ...(sensitive === true && { sensitive }),
  };
  report(setting, path, notice, typeof offset === 'number' ? { inside: offset } : {});
}

/** Of the forms that a value may have, the one its author meant: the first whose outermost type fits. */
function reportUnion(
  setting: IssueSetting,
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
): void {
  const fitting = issue.errors.filter((branch) => !branch.some((inner) => isOuterMismatch(inner)));
  const best = fitting.toSorted((a, b) => a.length - b.length)[0];
  if (best) {
    for (const inner of best) reportIssue(setting, inner, path);
    return;
  }
  const words = wordsAt(setting.schema, path).map((word) => JSON.stringify(word));
  const expected =
    issue.errors.length === 0
      ? words
      : [...new Set(issue.errors.flat().flatMap((inner) => expectations(inner)))];
  reportMismatch(setting, path, expected);
}

function isOuterMismatch(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((branch) => branch.some(isOuterMismatch));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  null: 'nothing',
};

function expectations(issue: Issue): readonly string[] {
  if (issue.code === 'invalid_type') return [TYPE_WORDS[issue.expected] ?? issue.expected];
  if (issue.code === 'invalid_value') return issue.values.map((value) => JSON.stringify(value));
  return issue.code === 'invalid_union' ? issue.errors.flat().flatMap(expectations) : [];
}

function reportMismatch(setting: IssueSetting, path: Path, expected: readonly string[]): void {
  const node = nodeAt(setting.file.root, filePath(setting, path));
  const wanted = oneOf(expected);
  if (!node) {
    const message = `"${String(path.at(-1) ?? '')}" is missing (${wanted})`;
    report(setting, path, { code: 'missing-key', message });
    return;
  }
  const words = expected.filter((word) => word.startsWith('"')).map((word) => word.slice(1, -1));
  const near = typeof node.value === 'string' ? closest(node.value, words) : undefined;
  const message = labelled(setting, path, `expected ${wanted}, found ${describe(node.value)}`);
  const hint = near === undefined ? booleanHint(expected, node.value) : `Did you mean "${near}"?`;
  report(setting, path, { code: 'bad-value', message, hint });
}

/** YAML 1.1 read these as true and false; 1.2 reads them as text. */
const OLD_BOOLEANS: Readonly<Record<string, string>> = { yes: 'true', on: 'true', no: 'false', off: 'false' };

function booleanHint(expected: readonly string[], value: unknown): string | undefined {
  if (!expected.includes('true or false') || typeof value !== 'string') return undefined;
  const word = value.toLowerCase();
  return Object.hasOwn(OLD_BOOLEANS, word) ? `Write ${OLD_BOOLEANS[word]}.` : undefined;
}

function reportValue(setting: IssueSetting, issue: Issue, path: Path): void {
  if (issue.code === 'invalid_type' || issue.code === 'invalid_value') {
    reportMismatch(setting, path, expectations(issue));
    return;
  }
  const message = labelled(setting, path, ownMessage(issue) ?? issue.message);
  report(setting, path, { code: 'bad-value', message });
}

/** Zod's own sentences name JavaScript types; ours are for authors of YAML. Custom sentences stay. */
function ownMessage(issue: Issue): string | undefined {
  if (issue.code === 'invalid_format' && issue.message.startsWith('Invalid ')) return formatMessage(issue);
  if (issue.code === 'too_small' && issue.message.startsWith('Too small')) return tooSmall(issue);
  if (issue.code === 'too_big' && issue.message.startsWith('Too big')) return tooBig(issue);
  return undefined;
}

function tooSmall({ origin, inclusive, minimum }: z.core.$ZodIssueTooSmall): string {
  if (origin === 'string' || origin === 'array') return 'must not be empty';
  return `must be ${inclusive ? 'at least' : 'more than'} ${String(minimum)}`;
}

function tooBig({ origin, inclusive, maximum }: z.core.$ZodIssueTooBig): string {
  const unit = origin === 'string' ? ' characters' : origin === 'array' ? ' entries' : '';
  return `must be ${inclusive ? 'at most' : 'less than'} ${String(maximum)}${unit}`;
}

function formatMessage(issue: z.core.$ZodIssueInvalidStringFormat): string {
  if (issue.format === 'starts_with' && 'prefix' in issue) return `must begin with "${String(issue.prefix)}"`;
  return FORMATS[issue.format] ?? 'is not written as it must be';
}

const FORMATS: Readonly<Record<string, string>> = {
  date: 'must be a date: YYYY-MM-DD',
  email: 'must be a mail address',
  url: 'must be an address: https://…',
};

/** `a, b or c`. */
function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** A value of a file in a few words. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value !== 'string') return JSON.stringify(value);
  const [line = ''] = value.split('\n', 1);
  return `"${line.length > 40 || line.length < value.length ? `${line.slice(0, 40)}…` : line}"`;
}

/** `steps[0].command: message`, by the keys as written. */
function labelled({ rewrite }: IssueSetting, path: Path, message: string): string {
  const written = rewrite ? rewrite(path) : path;
  if (written.length === 0) return message;
  const parts = written.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
  return `${parts.join('').replace(/^\./, '')}: ${message}`;
}

function filePath({ base, rewrite }: IssueSetting, path: Path): Path {
  return [...base, ...(rewrite ? rewrite(path) : path)];
}

function report(
  setting: IssueSetting,
  path: Path,
  notice: Parameters<YamlFile['report']>[1],
  place: Parameters<YamlFile['report']>[2] = {},
): void {
  setting.file.report(filePath(setting, path), notice, place);
}
