import { INTERPRETERS, SHELLS } from './programs.ts';
import type { Interpreter } from './programs.ts';
import { codeWords, programName, shellScript } from './resolve.ts';
import type { Resolved } from './resolve.ts';
import type { SimpleCommand, Word } from './shell-model.ts';

/** Programs that take commands from their input, or are given another program's. */
const RUN_THEIR_INPUT = new Set([
  'ssh',
  'su',
  'psql',
  'mysql',
  'mariadb',
  'sqlite3',
  'mongosh',
  'at',
  'batch',
  'parallel',
  'crontab',
  'sftp',
  'gdb',
  'expect',
  'ed',
  'ex',
  'vim',
  'source',
  '.',
]);

/** Whether the command runs what it reads from its input: a shell without a script, a client of a database. */
export function readsCodeFromInput({ words }: SimpleCommand, resolved: Resolved): boolean {
  const { programs, name, launches } = resolved;
  if (RUN_THEIR_INPUT.has(name ?? '')) return true;
  const isXargs = programs.some((index) => programName(words[index]) === 'xargs');
  return words.some((word, index) => {
    const program = programName(word) ?? '';
    if (!launches && !programs.includes(index)) return false;
    if (SHELLS.has(program)) return isXargs || shellReadsInput(words, index);
    const interpreter = INTERPRETERS.get(program);
    if (!interpreter) return false;
    return isXargs || interpreterReadsInput(words, index, interpreter);
  });
}

function shellReadsInput(words: readonly Word[], shell: number): boolean {
  const { code, operand: file } = shellScript(words, shell);
  return code.length === 0 && (file === undefined || isInputFile(words[file]));
}

function interpreterReadsInput(words: readonly Word[], index: number, interpreter: Interpreter): boolean {
  // awk and sed read data there.
  if (interpreter.firstOperand) return false;
  const { code, operand } = codeWords(words, index, interpreter);
  return code.length === 0 && (operand === undefined || isInputFile(words[operand]));
}

function isInputFile(word: Word | undefined): boolean {
  return word?.text === '-' || word?.text === '/dev/stdin' || word?.text === '/dev/fd/0';
}
