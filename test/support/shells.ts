import { spawnSync } from 'node:child_process';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

/** Whether it is installed; where everything must be there a missing one is an error. */
export function hasShell(shell: Shell): boolean {
  if (spawnSync('sh', ['-c', `command -v ${shell}`]).status === 0) return true;
  if (process.env['CI'] !== undefined) throw new Error(`${shell} is not installed: test/services/install`);
  return false;
}

/** A command that prints what the shell offers for the last of `words` behind `pipewright`, by a completion script. */
export function completionCall(
  shell: Shell,
  words: readonly string[],
  script: string,
): readonly [program: string, ...args: string[]] {
  return CALLS[shell](words, script);
}

type Call = readonly [program: string, ...args: string[]];

const CALLS: Readonly<Record<Shell, (words: readonly string[], script: string) => Call>> = {
  bash: (words, script) => [
    'bash',
    '--norc',
    '-c',
    `source '${script}'; COMP_WORDS=(pipewright "$@"); COMP_CWORD=$#; _pipewright; printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    ...words,
  ],
  // compadd works only while zsh completes: its arguments are what would be offered.
  zsh: (words, script) => [
    'zsh',
    '-f',
    '-c',
    `compdef() { : }; _files() { : }; compadd() { shift; print -rl -- \${(M)@:#\${words[CURRENT]}*} }
source '${script}'; words=(pipewright "$@"); CURRENT=\${#words}; _pipewright`,
    'zsh',
    ...words,
  ],
  fish: (words, script) => [
    'fish',
    '--no-config',
    '-c',
    `source '${script}'; complete -C "pipewright ${words.join(' ')}" | string replace -r '\\t.*' ''; true`,
  ],
};
