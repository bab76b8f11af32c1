import type { Shell } from './command.ts';
import { GLOBAL_OPTIONS } from './command-options.ts';
import { COMMANDS } from './command-table.ts';

/** A completion script for `shell`: commands, options, pipelines and runs. */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case 'bash':
      return bash();
    case 'zsh':
      return `#compdef pipewright\nautoload -U +X bashcompinit && bashcompinit\n${bash()}`;
    case 'fish':
      return fish();
    default:
      return shell satisfies never;
  }
}

function optionsOf(command: (typeof COMMANDS)[number]): string {
  return [...command.options, ...GLOBAL_OPTIONS].map(({ name }) => `--${name}`).join(' ');
}

const NAMES = COMMANDS.map(({ name }) => name).join(' ');
const TAKES_RUN = COMMANDS.filter(({ usage }) => /[<[]run[>\]]/.test(usage)).map(({ name }) => name);

function bash(): string {
  const cases = COMMANDS.map((command) => `    ${command.name}) options="${optionsOf(command)}" ;;`);
  return `_pipewright() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${NAMES}" -- "$word"))
    return
  fi
  case "$command" in
${cases.join('\n')}
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
    return
  fi
  case "$command" in
    run|plan) COMPREPLY=($(compgen -W "$(pipewright --output json 2>/dev/null | tr '{' '\\n' | sed -n 's/.*"name":"\\([^"]*\\)","file".*/\\1/p')" -- "$word") $(compgen -f -- "$word")) ;;
    ${TAKES_RUN.join('|')}|audit) COMPREPLY=($(compgen -W "last $(pipewright runs 2>/dev/null | sed -n 's/^\\([0-9]\\{8\\}-[^ ]*\\).*/\\1/p')" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -F _pipewright pipewright
`;
}

function fish(): string {
  const lines = COMMANDS.flatMap((command) => [
    `complete -c pipewright -n __fish_use_subcommand -f -a ${command.name} -d ${quote(command.summary)}`,
    ...command.options.map(
      (option) =>
        `complete -c pipewright -n '__fish_seen_subcommand_from ${command.name}' -l ${option.name}${option.short ? ` -s ${option.short}` : ''}${option.type === 'flag' ? '' : ' -r'} -d ${quote(option.help)}`,
    ),
  ]);
  const globals = GLOBAL_OPTIONS.map(
    (option) =>
      `complete -c pipewright -l ${option.name}${option.type === 'flag' ? '' : ' -r'} -d ${quote(option.help)}`,
  );
  return `${[...lines, ...globals].join('\n')}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}
