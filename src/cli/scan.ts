import type { Result } from '../core/failure.ts';
import { failed, ok } from '../core/failure.ts';
import type { RawParameter } from './command.ts';
import type { CommandSpec } from './command-spec.ts';
import { GLOBAL_OPTIONS, JSON_OPTION, type OptionSpec } from './options.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Scanned } from './scanned.ts';

interface Scan {
  readonly spec: CommandSpec | undefined;
  readonly words: string[];
  readonly positionals: string[];
  readonly values: Map<string, string[]>;
  readonly flags: Set<string>;
  readonly parameters: RawParameter[];
}

/** A word that can be the name of a parameter, so that `k=v` can be told from a file name. */
const PAIR = /^([A-Za-z_][\w.-]*)=([\s\S]*)$/;

/** Sorts `words` by what `spec` takes. Without a spec: global options only. Fails with `invalid`. */
export function scan(words: readonly string[], spec: CommandSpec | undefined): Result<Scanned> {
  const state: Scan = {
    spec,
    words: [...words],
    positionals: [],
    values: new Map(),
    flags: new Set(),
    parameters: [],
  };
  for (let word = state.words.shift(); word !== undefined; word = state.words.shift()) {
    if (word === '--') {
      state.positionals.push(...state.words.splice(0));
      break;
    }
    const problem = takeWord(state, word);
    if (problem !== undefined) return usageError(problem, spec);
  }
  return ok(state);
}

/** Exit 2, one sentence, and where to read more. */
export function usageError(message: string, spec: CommandSpec | undefined): Result<never> {
  const more = spec ? `pipewright ${spec.name} --help` : 'pipewright help';
  return failed({ reason: 'invalid', message, hint: `See: ${more}` });
}

function takeWord(state: Scan, word: string): string | undefined {
  if (word.startsWith('--')) return takeLong(state, word);
  if (word.startsWith('-') && word !== '-') return takeShort(state, word);
  state.positionals.push(word);
  return undefined;
}

function takeLong(state: Scan, word: string): string | undefined {
  const equals = word.indexOf('=');
  const name = equals === -1 ? word.slice(2) : word.slice(2, equals);
  const attached = equals === -1 ? undefined : word.slice(equals + 1);
  const option = optionsOf(state.spec).find((candidate) => candidate.name === name);
  if (option) return takeOption(state, option, `--${name}`, attached);
  if (state.spec?.takesParameters) return takeParameter(state, name, attached);
  const known = optionsOf(state.spec).map((candidate) => `--${candidate.name}`);
  const place = state.spec ? ` of "${state.spec.name}"` : '';
  return `Unknown option --${name}${place}.${didYouMean(`--${name}`, known)}`;
}

/** `-f`, `-c value`, `-cvalue`, `-fy`. */
function takeShort(state: Scan, word: string): string | undefined {
  const letter = word.slice(1, 2);
  const rest = word.slice(2);
  const option = optionsOf(state.spec).find((candidate) => candidate.short === letter);
  if (!option) {
    return `Unknown option ${word}${state.spec ? ` of "${state.spec.name}"` : ''}. A value that begins with a dash goes after "--" or as --name=value.`;
  }
  if (option.type !== 'flag') {
    return takeOption(state, option, `-${letter}`, rest === '' ? undefined : rest.replace(/^=/, ''));
  }
  if (rest !== '') state.words.unshift(`-${rest}`);
  return takeOption(state, option, `-${letter}`, undefined);
}

function takeOption(
  state: Scan,
  option: OptionSpec,
  shown: string,
  attached: string | undefined,
): string | undefined {
  if (option.type === 'flag') {
    if (attached !== undefined) return `${shown} takes no value, but got "${attached}".`;
    state.flags.add(option.name);
    return undefined;
  }
  const value = attached ?? nextValue(state);
  if (value === undefined) return `${shown} needs a value${option.value ? `: ${option.value}` : ''}.`;
  const wrong = checkValue(option, shown, value);
  const parameter = state.spec?.takesParameters && option.type === 'choice' ? asParameter(option, value) : '';
  if (wrong !== undefined) return `${wrong}${parameter}`;
  const all = state.values.get(option.name) ?? [];
  state.values.set(option.name, [...all, value, ...furtherValues(state, option)]);
  return undefined;
}

/** A pipeline may have a parameter that is named as an option of ours. */
function asParameter({ name }: OptionSpec, value: string): string {
  return ` A parameter of that name is given as --set ${name}=${value}.`;
}

function checkValue(option: OptionSpec, shown: string, value: string): string | undefined {
  if (option.type === 'int' && !/^\d{1,9}$/.test(value)) {
    return `${shown} needs a whole number, not "${value}".`;
  }
  if (option.type === 'choice' && !option.choices?.includes(value)) {
    const choices = option.choices ?? [];
    return `${shown} is one of ${choices.join(', ')}, not "${value}".${didYouMean(value, choices)}`;
  }
  if (option.type === 'pairs' && !PAIR.test(value)) {
    return `${shown} needs name=value, not "${value}".`;
  }
  if (value === '' && option.type !== 'list') return `${shown} needs a value that is not empty.`;
  return undefined;
}

/** `--skip a b`: more values follow, once the argument that the command needs has been seen. */
function furtherValues(state: Scan, option: OptionSpec): string[] {
  const further: string[] = [];
  const isNext = (word: string): boolean =>
    option.type === 'pairs'
      ? PAIR.test(word)
      : option.type === 'list' &&
        state.positionals.length >= (state.spec?.positionals.max ?? 0) &&
        !word.startsWith('-');
  for (let word = state.words[0]; word !== undefined && isNext(word); word = state.words[0]) {
    further.push(word);
    state.words.shift();
  }
  return further;
}

function nextValue(state: Scan): string | undefined {
  const next = state.words[0];
  if (next === undefined || (next.startsWith('-') && next !== '-')) return undefined;
  return state.words.shift();
}

/** The value may be the next word only after the pipeline's name: before it, that word could be the name. */
function takeParameter(state: Scan, name: string, attached: string | undefined): string | undefined {
  if (!/^[A-Za-z_][\w.-]*$/.test(name)) return `"--${name}" cannot be an option or a parameter.`;
  const value = attached ?? (state.positionals.length > 0 ? nextValue(state) : undefined);
  state.parameters.push({ name, ...(value !== undefined && { value }) });
  return undefined;
}

function optionsOf(spec: CommandSpec | undefined): readonly OptionSpec[] {
  return [...(spec?.options ?? [JSON_OPTION]), ...GLOBAL_OPTIONS];
}
