import type { Cursor } from './cursor.ts';
import { CODE_HINT } from './hints.ts';
import type { Word } from './shell-model.ts';

/*
 * Programs of which some arguments are code, or decide which code runs: what git, make and deno say of themselves in
 * git-config(1), gitprotocol(7), make(1) and `deno eval --help`.
 */

/** Sections and keys of git's settings in which nothing names a program or a file with one. */
const GIT_DATA_KEY =
  /^(?:user|author|committer|http|color|advice|i18n|log|push|pull|fetch|branch|tag|commit|gc|pack|safe)\.[^=]*$|^init\.defaultbranch$|^core\.(?:autocrlf|eol|safecrlf|quotepath|abbrev|filemode|ignorecase|symlinks|compression|longpaths|bare)$/i;

/** Options of git's commands whose argument a shell runs, or that choose which settings and hooks count. */
const GIT_CODE_OPTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ['rebase', ['-x', '--exec']],
  ['difftool', ['-x', '--extcmd']],
  ['grep', ['-O', '--open-files-in-pager']],
  ['clone', ['--template', '-u']],
  ['init', ['--template']],
  ['fetch-pack', ['--exec']],
  ['archive', ['--exec']],
  ['push', ['--exec']],
]);

/** Commands of git that run what follows their first word, or their arguments. */
const GIT_RUNNERS: ReadonlyMap<string, string | undefined> = new Map([
  ['bisect', 'run'],
  ['submodule', 'foreach'],
  ['filter-branch', undefined],
]);

const OWN_ARGUMENT = new Set([
  '-C',
  '--git-dir',
  '--work-tree',
  '--namespace',
  '--super-prefix',
  '--attr-source',
]);

/** `git -c alias.x=…`, `git config core.pager …`, `git rebase --exec …`, `git fetch ext::…`. */
export function refuseGit(cursor: Cursor, _: string, words: readonly Word[]): void {
  const at = refuseGitSettings(cursor, words);
  const command = words[at]?.text;
  const rest = words.slice(at + 1);
  for (const word of words) {
    if (/^[a-z]*::/.test(word.prefix))
      refuse(cursor, [word], 'Behind `::` git runs a program that the value would name.');
  }
  if (command === undefined) return;
  if (command === 'config') refuseGitConfig(cursor, rest);
  if (command === 'clone') refuseSettingsAfter(cursor, rest, ['-c', '--config']);
  const options = GIT_CODE_OPTIONS.get(command) ?? [];
  refuseOptionArguments(
    cursor,
    rest,
    options,
    (option) => `What follows ${option} of \`git ${command}\` is run.`,
  );
  const runs = GIT_RUNNERS.get(command);
  const isRunner = GIT_RUNNERS.has(command) && (runs === undefined || rest.some(({ text }) => text === runs));
  if (isRunner)
    refuse(cursor, rest, `\`git ${[command, runs].filter(Boolean).join(' ')}\` runs its arguments as code.`);
}

/** The options before the command of git; returns where that stands. */
function refuseGitSettings(cursor: Cursor, words: readonly Word[]): number {
  let at = 0;
  for (; words[at]?.prefix.startsWith('-'); at += 1) {
    const text = words[at]?.text ?? '';
    if (text === '-c' || text === '--config-env') at += 1;
    if (OWN_ARGUMENT.has(text)) at += 1;
  }
  refuseSettingsAfter(cursor, words.slice(0, at), ['-c', '--config-env']);
  return at;
}

function refuseSettingsAfter(cursor: Cursor, words: readonly Word[], options: readonly string[]): void {
  words.forEach((word, index) => {
    const isWhole = options.includes(word.text ?? '');
    const option = options.find((name) => word.prefix.startsWith(`${name}=`));
    const setting = isWhole ? words[index + 1] : option === undefined ? undefined : word;
    if (!setting) return;
    const written = setting === word ? word.prefix.slice((option?.length ?? 0) + 1) : setting.prefix;
    refuseSetting(cursor, written, [setting]);
  });
}

function refuseSetting(cursor: Cursor, written: string, words: readonly Word[]): void {
  const [key = ''] = written.split('=', 1);
  if (written.includes('=') && GIT_DATA_KEY.test(key)) return;
  refuse(
    cursor,
    words,
    written.includes('=')
      ? `git may run what is in ${key}, or what it names, so a value cannot be put there.`
      : 'The value would choose which setting of git is changed, and some of them are run.',
  );
}

function refuseGitConfig(cursor: Cursor, words: readonly Word[]): void {
  const operands = words.filter(({ prefix }) => !prefix.startsWith('-'));
  const verb = ['set', 'get', 'unset', 'list', 'edit'].includes(operands[0]?.text ?? '') ? 1 : 0;
  const key = operands[verb];
  if (!key) return;
  if (key.text === undefined) refuseSetting(cursor, key.prefix, operands.slice(verb));
  else refuseSetting(cursor, `${key.text}=`, operands.slice(verb + 1));
}

/** Every other word of make may be `NAME:=$(shell …)`, which make runs. */
const MAKE_FOLDERS = ['-C', '--directory', '-I', '--include-dir'];

const MAKE_HINT =
  'Put the value into an `env:` entry and let the commands of the makefile read it as "$$NAME", or write {{raw .name}}.';

/** A value may only say in which folder make works. */
export function refuseMake(cursor: Cursor, name: string, words: readonly Word[]): void {
  words.forEach((word, index) => {
    const before = words[index - 1]?.text ?? '';
    const isFolder =
      MAKE_FOLDERS.includes(before) ||
      MAKE_FOLDERS.some((option) => option !== word.text && word.prefix.startsWith(option));
    if (isFolder) return;
    refuse(
      cursor,
      [word],
      /^-f|^--(?:make)?file/.test(before) || /^-f|^--(?:make)?file/.test(word.prefix)
        ? 'A value cannot choose the makefile whose commands run.'
        : `\`${name}\` reads a \`=\` in its arguments as a variable, and runs what is in it.`,
      MAKE_HINT,
    );
  });
}

const DENO_HINT =
  'Put the value into an `env:` entry and let the deno program read its environment, or write {{raw .name}}.';

/** `deno eval` reads everything that is no option as code, wherever it stands. */
export function refuseDeno(cursor: Cursor, _: string, words: readonly Word[]): void {
  const at = words.findIndex(({ text }) => text === 'eval');
  if (at >= 0)
    refuse(cursor, words.slice(at + 1), '`deno` reads this argument as code of its own.', DENO_HINT);
}

function refuseOptionArguments(
  cursor: Cursor,
  words: readonly Word[],
  options: readonly string[],
  message: (option: string) => string,
): void {
  words.forEach((word, index) => {
    const whole = options.find((option) => option === word.text);
    const own = options.find((option) => word.text === undefined && word.prefix.startsWith(option));
    const target = whole === undefined ? (own === undefined ? undefined : word) : words[index + 1];
    if (target) refuse(cursor, [target], message(whole ?? own ?? ''));
  });
}

function refuse(cursor: Cursor, words: readonly Word[], message: string, hint = CODE_HINT): void {
  cursor.refuse(
    words.flatMap(({ places }) => places),
    message,
    hint,
  );
}
