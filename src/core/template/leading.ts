import { LAUNCHERS } from './programs.ts';
import { programName, resolveProgram } from './resolve.ts';
import type { SimpleCommand, Word } from './shell-model.ts';

/** Indexes of the places whose value would be read as an option if it began with `-`. */
export function leadingPlaces(commands: readonly SimpleCommand[]): ReadonlySet<number> {
  const leading = new Set<number>();
  for (const command of commands) {
    const { programs, name } = resolveProgram(command);
    const begin = programs.at(-1) ?? 0;
    if (TAKE_NO_OPTIONS.has(name ?? '')) continue;
    if ((name === '[' || name === 'test') && isPlainTest(command.words.slice(begin + 1))) continue;
    const launches = programs.some((index) => LAUNCHERS.has(programName(command.words[index]) ?? ''));
    // The first `--` of `kubectl exec pod -- rm x` belongs to kubectl, a second one to rm.
    let endsNeeded = launches ? 2 : 1;
    command.words.forEach((word, index) => {
      if (index > begin && word.text === '--') endsNeeded -= 1;
      if (endsNeeded <= 0 || (index > begin && isBehindText(command.words, begin, index))) return;
      for (const place of word.leading) leading.add(place.index);
    });
  }
  return leading;
}

const TAKE_NO_OPTIONS = new Set([':', 'true', 'false']);

/** `echo` and `printf` look for options only in front of their first other word. */
function isBehindText(words: readonly Word[], program: number, index: number): boolean {
  const name = programName(words[program]);
  if (name !== 'echo' && name !== 'printf') return false;
  const first = words[program + 1];
  return index > program + 1 && first !== undefined && first.begun && !first.prefix.startsWith('-');
}

/** Forms in which POSIX fixes what each operand is: `[ -n x ]` and `[ x = y ]`. */
function isPlainTest(words: readonly Word[]): boolean {
  const operands = words.at(-1)?.text === ']' ? words.slice(0, -1) : words;
  if (operands.length === 2) return operands[0]?.text !== undefined;
  return operands.length === 3 && operands[1]?.text !== undefined;
}
