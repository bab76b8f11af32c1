import type { ParameterDefinition, ParameterType } from '../core/definition.ts';
import type { JsonValue } from '../core/json.ts';
import { withTimeLimit } from '../core/time-limit.ts';
import { describe } from './issues.ts';
import type { Path } from './located.ts';
import type { WrittenParameter } from './pipeline-schema.ts';
import { BUILT_IN_NAMES } from './template-names.ts';
import type { YamlFile } from './yaml-file.ts';

/** Names that a parameter would hide, or that would hide it. */
const TAKEN = new Set<string>([...BUILT_IN_NAMES, 'params', 'stages', 'run']);

/** Parameters with their defaults filled in; reports what contradicts itself. */
export function settleParams(
  file: YamlFile,
  written: Readonly<Record<string, WrittenParameter | null>>,
  path: Path,
): Readonly<Record<string, ParameterDefinition>> {
  return Object.fromEntries(
    Object.entries(written).map(([name, parameter]) => {
      if (TAKEN.has(name)) {
        const message = `"${name}" is a name of our own; a parameter cannot have it`;
        file.report([...path, name], { code: 'bad-param', message }, { atKey: true });
      }
      return [name, settleParam(file, parameter ?? {}, [...path, name])];
    }),
  );
}

function settleParam(file: YamlFile, written: WrittenParameter, path: Path): ParameterDefinition {
  const type = written.type ?? 'string';
  for (const { key, message, atKey } of [...strayKeys(type, written), ...contradictions(type, written)]) {
    file.report([...path, key], { code: 'bad-param', message }, { atKey: atKey ?? false });
  }
  return definitionOf(type, written);
}

interface Contradiction {
  readonly key: keyof WrittenParameter;
  readonly message: string;
  readonly atKey?: boolean;
}

/** Keys that act on one type only. */
const OWNERS: readonly (readonly [keyof WrittenParameter, ParameterType])[] = [
  ['choices', 'choice'],
  ['min', 'int'],
  ['max', 'int'],
  ['pattern', 'string'],
];

function strayKeys(type: ParameterType, written: WrittenParameter): readonly Contradiction[] {
  return OWNERS.filter(([key, owner]) => written[key] !== undefined && type !== owner).map(
    ([key, owner]) => ({
      key,
      message: `"${key}" is for type ${owner}, not ${type}`,
      atKey: true,
    }),
  );
}

function* contradictions(type: ParameterType, written: WrittenParameter): Generator<Contradiction> {
  const { min, max, pattern, required, default: value } = written;
  if (type === 'choice' && !written.choices) yield { key: 'type', message: 'type choice needs "choices"' };
  if (min !== undefined && max !== undefined && min > max) {
    yield { key: 'min', message: `min ${min} is more than max ${max}` };
  }
  if (required === true && value !== undefined) {
    yield { key: 'required', message: 'a parameter with a default is never required', atKey: true };
  }
  if (pattern !== undefined && !isPattern(pattern)) {
    yield { key: 'pattern', message: 'this is no regular expression' };
    return;
  }
  const problem = value === undefined ? undefined : defaultProblem(type, written, value);
  if (problem !== undefined) yield { key: 'default', message: problem };
}

function definitionOf(type: ParameterType, written: WrittenParameter): ParameterDefinition {
  const { description, default: value, choices, min, max, pattern } = written;
  return {
    type,
    ...(description !== undefined && { description }),
    required: written.required ?? value === undefined,
    ...(value !== undefined && { default: value }),
    ...(choices && { choices }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(pattern !== undefined && { pattern }),
  };
}

const DEFAULT_TYPES: Record<
  ParameterType,
  { readonly words: string; readonly fits: (value: JsonValue) => boolean }
> = {
  string: { words: 'text', fits: (value) => typeof value === 'string' },
  path: { words: 'text', fits: (value) => typeof value === 'string' && value !== '' },
  choice: { words: 'text', fits: (value) => typeof value === 'string' },
  int: { words: 'a whole number', fits: (value) => Number.isSafeInteger(value) },
  bool: { words: 'true or false', fits: (value) => typeof value === 'boolean' },
  list: {
    words: 'a list of texts',
    fits: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  },
};

function defaultProblem(
  type: ParameterType,
  written: WrittenParameter,
  value: JsonValue,
): string | undefined {
  const { words, fits } = DEFAULT_TYPES[type];
  if (!fits(value)) return `the default must be ${words} (type ${type}), not ${describe(value)}`;
  if (typeof value === 'number') {
    if (written.min !== undefined && value < written.min)
      return `the default ${value} is less than min ${written.min}`;
    if (written.max !== undefined && value > written.max)
      return `the default ${value} is more than max ${written.max}`;
  }
  if (typeof value !== 'string') return undefined;
  if (written.choices && !written.choices.includes(value))
    return `the default ${describe(value)} is not among the choices`;
  if (written.pattern !== undefined && !matches(written.pattern, value))
    return 'the default does not match the pattern';
  return undefined;
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

/** Milliseconds: a file must load at once. */
const PATTERN_LIMIT_MS = 200;

function matches(pattern: string, text: string): boolean {
  const expression = new RegExp(`^(?:${pattern})$`, 'u');
  const tested = withTimeLimit(() => expression.test(text), PATTERN_LIMIT_MS);
  return tested.ok && tested.value;
}
