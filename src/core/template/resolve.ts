import { LAUNCHERS, SHELL_ARGUMENTS, WRAPPERS } from './programs.ts';
import type { Interpreter, Options } from './programs.ts';
import type { SimpleCommand, Word } from './shell-model.ts';

/** Words of a command that name a program: its first, and those that wrappers such as `sudo` run. */
export interface Resolved {
  /** Indexes in `words`, from the first to the innermost program. */
  readonly programs: readonly number[];
  /** Name of the innermost, without its folder; undefined when it is known only when it runs. */
  readonly name: string | undefined;
  /** One of the programs runs a command line that stands somewhere in its arguments. */
  readonly launches: boolean;
}

/** The program that a command runs in the end, through `sudo`, `env`, `xargs` and others that run another one. */
export function resolveProgram(command: SimpleCommand): Resolved {
  const programs: number[] = [];
  let at: number | undefined = command.words.length > 0 ? 0 : undefined;
  let name: string | undefined;
  while (at !== undefined) {
    programs.push(at);
    name = programName(command.words[at]);
    const wrapper = name === undefined ? undefined : WRAPPERS.get(name);
    const next = wrapper && operands(command.words, at + 1, wrapper)[wrapper.operandsBefore ?? 0];
    at = next;
  }
  const launches = programs.some((index) => LAUNCHERS.has(programName(command.words[index]) ?? ''));
  return { programs, name, launches };
}

/** What a word runs when it is run: the last part of its path. */
export function programName(word: Word | undefined): string | undefined {
  return word?.text?.split('/').at(-1);
}

/**
 * Indexes of the words from `from` on that are neither options nor arguments of options. `A=1` of `env`
 * counts as an option. A word that is known only when it runs is an operand, unless it begins with `-`.
 */
export function operands(words: readonly Word[], from: number, options: Options): number[] {
  const found: number[] = [];
  for (let at = from; at < words.length; at++) {
    const word = words[at];
    if (!word) continue;
    if (found.length > 0) found.push(at);
    else if (takesArgument(word, options)) at += 1;
    else if (!isOption(word) && word.assigns === undefined) found.push(at);
  }
  return found;
}

/** It begins with a dash, and there is more to it. */
export function isOption(word: Word): boolean {
  return word.prefix.startsWith('-') && word.text !== '-';
}

/** Which words after the interpreter at `from` are code, and its first operand where that is not code. */
export function codeWords(words: readonly Word[], from: number, interpreter: Interpreter): CodeWords {
  const found: string[] = [];
  const code: number[] = [];
  let operand: number | undefined;
  for (let at = from + 1; at < words.length; at++) {
    const word = words[at];
    if (!word) continue;
    const option = interpreter.code.find((candidate) => takesCode(word, candidate));
    if (option !== undefined) {
      found.push(option);
      code.push(isWhole(word, option) ? at + 1 : at);
      // The `e` of `-MStorable` is none of `-e`: what follows such a group may be code, and may be an option.
      if (word.text === option) at += 1;
    } else if (takesArgument(word, interpreter)) at += 1;
    else if (!isOption(word)) operand ??= at;
  }
  return isProgram(interpreter, found) && operand !== undefined
    ? { code: [...code, operand], operand: undefined }
    : { code, operand };
}

/** The first operand is the program: no option gave it. */
function isProgram({ firstOperand, besides = [] }: Interpreter, options: readonly string[]): boolean {
  return firstOperand && options.every((option) => besides.includes(option));
}

/** Indexes of words. */
export interface CodeWords {
  readonly code: readonly number[];
  readonly operand: number | undefined;
}

function takesArgument(word: Word, options: Options): boolean {
  return options.argument.includes(word.text ?? '');
}

/** `-e`, `-ne`, `-e'code'`, `--eval`, `--eval=code`. */
function takesCode(word: Word, option: string): boolean {
  if (word.text === option || word.prefix.startsWith(`${option}=`)) return true;
  const letter = option.length === 2 && option.startsWith('-') ? option.charAt(1) : undefined;
  if (letter === undefined || !word.prefix.startsWith('-') || word.prefix.startsWith('--')) return false;
  return word.prefix.includes(letter);
}

/** The option's argument is the next word. */
function isWhole(word: Word, option: string): boolean {
  return word.text !== undefined && word.text.endsWith(option.slice(option.startsWith('--') ? 0 : -1));
}

/** The words of a shell that are code, and as operand its script file; neither: it reads its input. */
export function shellScript(words: readonly Word[], shell: number): CodeWords {
  const name = programName(words[shell]) ?? '';
  if (name === 'pwsh') return { code: dynamicOf(words, shell + 1, words.length), operand: undefined };
  let hasCode = false;
  let at = shell + 1;
  for (; isShellOption(words[at]); at += takesOwnArgument(name, words[at]) ? 2 : 1) {
    const letters = shortLetters(words[at]);
    hasCode ||= letters.includes('c');
    if (letters.includes('s') && !hasCode)
      return { code: dynamicOf(words, shell + 1, at + 1), operand: undefined };
  }
  // A value inside an option may be any option, so it counts as code.
  const code = dynamicOf(words, shell + 1, Math.min(at, words.length));
  if (at >= words.length) return { code, operand: undefined };
  return hasCode ? { code: [...code, at], operand: undefined } : { code, operand: at };
}

function isShellOption(word: Word | undefined): boolean {
  return word !== undefined && (isOption(word) || word.prefix.startsWith('+'));
}

/** Also `-o` and `+O`, at the end of a group. */
function takesOwnArgument(shell: string, word: Word | undefined): boolean {
  const own = SHELL_ARGUMENTS.get(shell) ?? [];
  return own.includes(word?.text ?? '') || /[oO]$/.test(shortLetters(word));
}

/** Indexes of the words that are known only when the command runs. */
function dynamicOf(words: readonly Word[], from: number, end: number): number[] {
  const all = words.map((word, index) => (word.text === undefined ? index : -1));
  return all.filter((index) => index >= from && index < end);
}

/** `ec` of `-ec`; of long options only `--command` has a letter that counts. */
function shortLetters(word: Word | undefined): string {
  if (!word) return '';
  if (word.prefix.startsWith('--')) return word.prefix === '--command' ? 'c' : '';
  return word.prefix;
}
