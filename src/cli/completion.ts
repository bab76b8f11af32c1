import type { Shell } from './command.ts';
import type { CommandSpec } from './command-spec.ts';
import { COMMANDS } from './command-table.ts';
import { GLOBAL_OPTIONS, type OptionSpec } from './options.ts';

/** A completion script for `shell`: commands, options, choices, parameters, pipelines and runs. */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case 'bash':
      return bash();
    case 'zsh':
      return zsh();
    case 'fish':
      return fish();
    default:
      return shell satisfies never;
  }
}

const NAMES = COMMANDS.map(({ name }) => name).join(' ');
const TAKES_RUN = COMMANDS.filter(({ usage }) => /[<[]run[>\]]/.test(usage)).map(({ name }) => name);
const TAKES_PIPELINE = COMMANDS.filter(({ takesParameters }) => takesParameters).map(({ name }) => name);

// Shells expand lists of words: only names that are nothing but letters, digits, "_", "." and "-" are offered.
const WORD = String.raw`[A-Za-z0-9_.-]*`;
const PIPELINES = String.raw`pipewright --output json 2>/dev/null | sed -n 's/^ *"name": "\(${WORD}\)",$/\1/p'`;
const RUNS = String.raw`pipewright runs 2>/dev/null | sed -n 's/^\([0-9]\{8\}-${WORD}\) .*/\1/p'`;
/** `$1` is the command, `$2` the pipeline. */
const PARAMETERS = String.raw`pipewright "$1" "$2" --help 2>/dev/null | sed -n '/^Parameters of/,/^$/s/^ *\(--${WORD}\) .*/\1/p'`;

const FISH_PARAMETERS = `set -l said (commandline -opc); test (count $said) -gt 2; and ${PARAMETERS.replace('"$1" "$2"', '$said[2] $said[3]')}`;

function optionsOf(command: CommandSpec): readonly OptionSpec[] {
  return [...command.options, ...GLOBAL_OPTIONS];
}

function optionWords(command: CommandSpec): string {
  const words = optionsOf(command).flatMap(({ name, short }) => [
    `--${name}`,
    ...(short ? [`-${short}`] : []),
  ]);
  return words.join(' ');
}

/** Words that may follow a command or one of its options, as `case` patterns of a shell. */
function choiceCases(): readonly string[] {
  const ofOptions = [...COMMANDS.flatMap(({ options }) => options), ...GLOBAL_OPTIONS].flatMap(
    ({ name, choices }) => (choices ? [[`--${name}`, choices.join(' ')] as const] : []),
  );
  return [...new Map(ofOptions)].map(([option, words]) => `    ${option}) choices="${words}" ;;`);
}

/** Words of which a command takes one first. */
function verbsOf({ verbs, usage }: CommandSpec): readonly string[] {
  return verbs ?? /^[[<]([a-z]+(?:\|[a-z]+)+)[>\]]$/.exec(usage)?.[1]?.split('|') ?? [];
}

function verbCases(): readonly string[] {
  return COMMANDS.flatMap((command) => {
    const verbs = verbsOf(command);
    return verbs.length === 0 ? [] : [`    ${command.name}) verbs="${verbs.join(' ')}" ;;`];
  });
}

/** What both shells decide: the variables `options`, `choices` and `verbs`. */
function decisions(): string {
  const options = COMMANDS.map((command) => `    ${command.name}) options="${optionWords(command)}" ;;`);
  return `  case "$command" in
${options.join('\n')}
  esac
  case "$before" in
${choiceCases().join('\n')}
  esac
  case "$command" in
${verbCases().join('\n')}
  esac`;
}

const HELPERS = `_pipewright_pipelines() { ${PIPELINES}; }
_pipewright_runs() { echo last; ${RUNS}; }
_pipewright_parameters() { ${PARAMETERS}; }`;

function bash(): string {
  return `${HELPERS}
_pipewright() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}"
  local options="" choices="" verbs="" parameters=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${NAMES}" -- "$word"))
    return
  fi
${decisions()}
  if [ -n "$choices" ]; then
    COMPREPLY=($(compgen -W "$choices" -- "$word"))
    return
  fi
  if [[ "$word" == -* ]]; then
    case "$command" in
      ${TAKES_PIPELINE.join('|')}) [ "$COMP_CWORD" -gt 2 ] && parameters="$(_pipewright_parameters "$command" "\${COMP_WORDS[2]}")" ;;
    esac
    COMPREPLY=($(compgen -W "$options $parameters" -- "$word"))
    return
  fi
  if [ -n "$verbs" ] && [ "$COMP_CWORD" -eq 2 ]; then
    COMPREPLY=($(compgen -W "$verbs" -- "$word"))
    return
  fi
  case "$command" in
    ${TAKES_PIPELINE.join('|')}) COMPREPLY=($(compgen -W "$(_pipewright_pipelines)" -- "$word") $(compgen -f -- "$word")) ;;
    ${TAKES_RUN.join('|')}) COMPREPLY=($(compgen -W "$(_pipewright_runs)" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -F _pipewright pipewright
`;
}

function zsh(): string {
  return `#compdef pipewright
${HELPERS}
_pipewright() {
  local word="\${words[CURRENT]}" before="\${words[CURRENT-1]}" command="\${words[2]}"
  local options="" choices="" verbs=""
  if (( CURRENT == 2 )); then
    compadd -- ${NAMES}
    return
  fi
${decisions()}
  if [[ -n "$choices" ]]; then
    compadd -- \${=choices}
    return
  fi
  if [[ "$word" == -* ]]; then
    compadd -- \${=options}
    case "$command" in
      ${TAKES_PIPELINE.join('|')}) if (( CURRENT > 3 )); then compadd -- $(_pipewright_parameters "$command" "\${words[3]}"); fi ;;
    esac
    return
  fi
  if [[ -n "$verbs" ]] && (( CURRENT == 3 )); then
    compadd -- \${=verbs}
    return
  fi
  case "$command" in
    ${TAKES_PIPELINE.join('|')}) compadd -- $(_pipewright_pipelines); _files ;;
    ${TAKES_RUN.join('|')}) compadd -- $(_pipewright_runs) ;;
    *) _files ;;
  esac
}
# In a folder of $fpath the file is the function; read by source it has to be announced.
if [[ "\${funcstack[1]}" == _pipewright ]]; then _pipewright "$@"; else compdef _pipewright pipewright; fi
`;
}

function fish(): string {
  const commands = COMMANDS.flatMap((command) => [
    `complete -c pipewright -n __fish_use_subcommand -f -a ${command.name} -d ${quote(command.summary)}`,
    ...command.options.map((option) =>
      fishOption(option, `-n '__fish_seen_subcommand_from ${command.name}' `),
    ),
  ]);
  const verbs = COMMANDS.filter((command) => verbsOf(command).length > 0).map(
    (command) =>
      `complete -c pipewright -n '__fish_seen_subcommand_from ${command.name}' -f -a '${verbsOf(command).join(' ')}'`,
  );
  return `${[
    ...commands,
    ...verbs,
    ...GLOBAL_OPTIONS.map((option) => fishOption(option, '')),
    `complete -c pipewright -n '__fish_seen_subcommand_from ${TAKES_PIPELINE.join(' ')}' -a '${substituted(PIPELINES)}' -d pipeline`,
    `complete -c pipewright -n '__fish_seen_subcommand_from ${TAKES_PIPELINE.join(' ')}; and string match -q -- "-*" (commandline -ct)' -f -a '${substituted(FISH_PARAMETERS)}' -d parameter`,
    `complete -c pipewright -n '__fish_seen_subcommand_from ${TAKES_RUN.join(' ')}' -f -a '${substituted(`echo last; ${RUNS}`)}' -d run`,
  ].join('\n')}\n`;
}

/** A command substitution inside single quotes. */
function substituted(script: string): string {
  return `(${script.replaceAll("'", String.raw`\'`)})`;
}

function fishOption({ name, short, type, choices, help }: OptionSpec, when: string): string {
  const value = choices ? ` -x -a '${choices.join(' ')}'` : type === 'flag' ? '' : ' -r';
  return `complete -c pipewright ${when}-l ${name}${short ? ` -s ${short}` : ''}${value} -d ${quote(help)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}
