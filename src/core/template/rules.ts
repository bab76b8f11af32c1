import { readsCodeFromInput } from './code-input.ts';
import type { Cursor } from './cursor.ts';
import { refuseDeno, refuseGit, refuseMake } from './known-programs.ts';
import type { Place } from './places.ts';
import {
  CODE_READERS,
  CODE_VARIABLES,
  COMMAND_OPTIONS,
  INTERPRETERS,
  LAUNCHED,
  NAME_TAKERS,
  REMOTE_COPIERS,
  SHELLS,
  SSH_DATA_OPTIONS,
} from './programs.ts';
import { CODE_HINT, WAY_OUT } from './hints.ts';
import { codeWords, programName, resolveProgram, shellScript } from './resolve.ts';
import type { Resolved } from './resolve.ts';
import type { SimpleCommand, Word } from './shell-model.ts';

const ARGUMENT_HINT =
  'Give it as an argument instead: sh -c \'use "$1"\' sh {{.name}}; or write {{raw .name}} to paste it as code.';

/** Refuses every value that would be run, or would choose what is run. */
export function applyRules(cursor: Cursor): void {
  const runsInput = cursor.commands.map((command) => {
    const resolved = resolveProgram(command);
    refuseAssignments(cursor, command);
    refusePrograms(cursor, command, resolved);
    refuseOptions(cursor, command);
    refuseByProgram(cursor, command, resolved);
    refuseLaunched(cursor, command, resolved);
    refuseInterpreters(cursor, command, resolved);
    return readsCodeFromInput(command, resolved);
  });
  for (const input of cursor.inputs) {
    if (!runsInput.slice(input.first, input.end).includes(true)) continue;
    cursor.refuse(
      input.places,
      'The value reaches the input of a program that runs what it reads.',
      ARGUMENT_HINT,
    );
  }
}

function refuseAssignments(cursor: Cursor, command: SimpleCommand): void {
  for (const word of command.assignments) {
    if (!CODE_VARIABLES.has(word.assigns ?? '')) continue;
    cursor.refuse(
      word.places,
      `What is in ${word.assigns} decides which code runs, so a value cannot be put there.`,
      WAY_OUT,
    );
  }
}

function refusePrograms(cursor: Cursor, command: SimpleCommand, { programs }: Resolved): void {
  for (const index of programs) {
    const word = command.words[index];
    cursor.refuse(
      word?.places ?? [],
      'A value cannot choose the program that runs, or the name of a variable.',
      'Write the program out, with the value as an argument, or write {{raw .name}}.',
    );
  }
}

function refuseOptions(cursor: Cursor, { words }: SimpleCommand): void {
  let ended = false;
  words.forEach((word, index) => {
    if (word.text === '--') ended = true;
    if (!ended && word.text === undefined && (word.prefix === '-' || word.prefix === '--')) {
      cursor.refuse(
        word.places,
        'Right behind a dash the value would choose which option it is.',
        'Write the option out, as in --lines={{.name}} or -n {{.name}}, or write {{raw .name}}.',
      );
    }
    const [option] = word.prefix.split('=', 1);
    const target = word.text !== undefined && COMMAND_OPTIONS.has(word.text) ? words[index + 1] : word;
    if (COMMAND_OPTIONS.has(option ?? '')) {
      cursor.refuse(target?.places ?? [], `What follows ${option} is run as a command.`, WAY_OUT);
    }
  });
}

type ProgramRule = (cursor: Cursor, name: string, behind: readonly Word[]) => void;

const afterV: ProgramRule = (cursor, _, behind) => refuseAfter(cursor, behind, ['-v']);

const PROGRAM_RULES: ReadonlyMap<string, ProgramRule> = new Map<string, ProgramRule>([
  ...[...CODE_READERS].map((name) => [name, refuseCodeReader] as const),
  ...[...NAME_TAKERS].map((name) => [name, refuseNames] as const),
  ...[...REMOTE_COPIERS].map((name) => [name, refuseRemotePaths] as const),
  ['ssh', refuseSsh],
  // `-v` takes the name of a variable, whose index some shells calculate.
  ['test', afterV],
  ['[', afterV],
  ['printf', afterV],
  ['find', refuseExec],
  ['fd', refuseExec],
  ['git', refuseGit],
  ['make', refuseMake],
  ['gmake', refuseMake],
  ['deno', refuseDeno],
]);

function refuseByProgram(cursor: Cursor, { words }: SimpleCommand, { programs, name }: Resolved): void {
  programs.forEach((index, position) => {
    // `flock file -c 'command line'`: where its program would stand.
    if (['-c', '--command'].includes(words[index]?.text ?? ''))
      cursor.refuse(words[index + 1]?.places ?? [], 'What follows -c is run by a shell.', ARGUMENT_HINT);
    if (programName(words[index]) !== 'env') return;
    const own = words.slice(index + 1, programs[position + 1]);
    refuseAfter(cursor, own, ['-S', '--split-string']);
    refuseEnvironment(cursor, own);
  });
  const behind = words.slice((programs.at(-1) ?? 0) + 1);
  if (name === undefined) refuseAfter(cursor, behind, ['-c', '-e', '--eval', '--command']);
  else PROGRAM_RULES.get(name)?.(cursor, name, behind);
}

function refuseCodeReader(cursor: Cursor, name: string, behind: readonly Word[]): void {
  if (name === '[[') {
    cursor.refuse(
      placesOf(behind),
      '`[[` calculates some of its operands as expressions, and so could run code.',
      'Write [ … ] instead.',
    );
  } else cursor.refuse(placesOf(behind), `\`${name}\` runs its arguments as code.`, CODE_HINT);
}

function refuseEnvironment(cursor: Cursor, words: readonly Word[]): void {
  for (const word of words) {
    if (word.assigns === undefined || !CODE_VARIABLES.has(word.assigns)) continue;
    cursor.refuse(
      word.places,
      `What is in ${word.assigns} decides which code runs, so a value cannot be put there.`,
      WAY_OUT,
    );
  }
}

function refuseAfter(cursor: Cursor, words: readonly Word[], options: readonly string[]): void {
  words.forEach((word, index) => {
    if (options.includes(word.text ?? '')) {
      cursor.refuse(
        words[index + 1]?.places ?? [],
        `What follows ${word.text} can be read as code.`,
        WAY_OUT,
      );
    } else if (word.text === undefined && options.some((option) => word.prefix.startsWith(option))) {
      cursor.refuse(word.places, `What follows ${word.prefix} can be read as code.`, WAY_OUT);
    }
  });
}

function refuseNames(cursor: Cursor, name: string, words: readonly Word[]): void {
  for (const word of words) {
    if (word.assigns !== undefined && !CODE_VARIABLES.has(word.assigns)) continue;
    cursor.refuse(
      word.places,
      `\`${name}\` takes names of variables, and a value cannot choose one.`,
      `Write the name out, as in ${name} name={{.name}}.`,
    );
  }
}

function refuseSsh(cursor: Cursor, _: string, words: readonly Word[]): void {
  const message = 'ssh hands its command to a shell on the other machine, which reads the value as code.';
  let host: number | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (!word) continue;
    if (host !== undefined)
      cursor.refuse(
        word.places,
        message,
        'Run the step in an ssh context, where values travel as data, or write {{raw .name}}.',
      );
    else if (SSH_DATA_OPTIONS.has(word.text ?? '')) at += 1;
    else if (word.prefix.startsWith('-') && word.text !== '--') {
      cursor.refuse(word.places, 'An option of ssh can name a program.', WAY_OUT);
      if (/^-[BcDEeFIJLmOoQRSWw]$/.test(word.prefix)) {
        at += 1;
        cursor.refuse(words[at]?.places ?? [], 'An option of ssh can name a program.', WAY_OUT);
      }
    } else if (word.text !== '--') host = at;
  }
}

function refuseRemotePaths(cursor: Cursor, name: string, words: readonly Word[]): void {
  refuseAfter(cursor, words, name === 'rsync' ? ['-e'] : ['-o', '-S', '-F', '-D', '-b']);
  for (const word of words) {
    if (!word.prefix.includes(':')) continue;
    cursor.refuse(
      word.places,
      `A path behind \`host:\` may be read by a shell on that host, depending on the version of ${name}.`,
      WAY_OUT,
    );
  }
}

function refuseExec(cursor: Cursor, _: string, words: readonly Word[]): void {
  words.forEach((word, index) => {
    if (!['-exec', '-execdir', '-ok', '-okdir', '-x', '-X'].includes(word.text ?? '')) return;
    const rest: SimpleCommand = { offset: word.offset, assignments: [], words: words.slice(index + 1) };
    const resolved = resolveProgram(rest);
    refusePrograms(cursor, rest, resolved);
    refuseByProgram(cursor, rest, resolved);
    refuseInterpreters(cursor, rest, { ...resolved, launches: true });
  });
}

/** What a launcher starts, where it is one of those that choose or read what runs. */
function refuseLaunched(cursor: Cursor, { words }: SimpleCommand, { launches, name }: Resolved): void {
  if (!launches || name === 'find' || name === 'fd') return;
  words.forEach((word, index) => {
    if (!LAUNCHED.has(programName(word) ?? '')) return;
    const rest: SimpleCommand = { offset: word.offset, assignments: [], words: words.slice(index) };
    const resolved = resolveProgram(rest);
    refusePrograms(cursor, rest, resolved);
    refuseByProgram(cursor, rest, resolved);
  });
}

/** Shells and interpreters may stand anywhere behind a launcher: `docker run --rm image sh -c …`. */
function refuseInterpreters(cursor: Cursor, { words }: SimpleCommand, resolved: Resolved): void {
  words.forEach((word, index) => {
    const name = programName(word) ?? '';
    const runs = resolved.launches || resolved.programs.includes(index);
    if (SHELLS.has(name)) refuseShell(cursor, words, index, runs);
    const interpreter = INTERPRETERS.get(name);
    if (!interpreter || !(runs || !interpreter.firstOperand)) return;
    const { code } = codeWords(words, index, interpreter);
    const message = `\`${name}\` reads this argument as code of its own.`;
    for (const at of code) cursor.refuse(words[at]?.places ?? [], message, interpreterHint(name));
    if (name === 'sqlite3' && runs)
      cursor.refuse(placesOf(words.slice(index + 1)), message, interpreterHint(name));
  });
}

function interpreterHint(name: string): string {
  return `Put the value into an \`env:\` entry and let the ${name} program read its environment, or write {{raw .name}}.`;
}

function refuseShell(cursor: Cursor, words: readonly Word[], index: number, runs: boolean): void {
  const { code, operand: file } = shellScript(words, index);
  const name = programName(words[index]) ?? 'sh';
  const own = code.flatMap((at) => words[at]?.places ?? []);
  cursor.refuse(own, `\`${name} -c\` reads this argument as code.`, ARGUMENT_HINT);
  // `docker run --entrypoint sh image -c …`: what looks like its script is the image.
  if (words[index - 1]?.text === '--entrypoint')
    cursor.refuse(
      placesOf(words.slice(index + 1)),
      `\`${name} -c\` reads this argument as code.`,
      ARGUMENT_HINT,
    );
  if (!runs || file === undefined) return;
  cursor.refuse(words[file]?.places ?? [], 'A value cannot choose the script that runs.', WAY_OUT);
}

function placesOf(words: readonly Word[]): readonly Place[] {
  return words.flatMap((word) => word.places);
}
