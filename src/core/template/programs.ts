/**
 * What is known of programs that run other programs or read code, for the rules that keep values away from
 * both. Names are those without their folder.
 */

/** How a program's options are read. */
export interface Options {
  /** Options whose argument is the next word. */
  readonly argument: readonly string[];
}

/** They run the program named by their first operand. */
export const WRAPPERS: ReadonlyMap<string, Options & { readonly operandsBefore?: number }> = new Map([
  ['exec', { argument: ['-a'] }],
  ['command', { argument: [] }],
  ['builtin', { argument: [] }],
  ['nohup', { argument: [] }],
  ['setsid', { argument: [] }],
  ['busybox', { argument: [] }],
  ['time', { argument: ['-f', '-o', '--format', '--output'] }],
  ['timeout', { argument: ['-s', '-k', '--signal', '--kill-after'], operandsBefore: 1 }],
  ['nice', { argument: ['-n', '--adjustment'] }],
  ['ionice', { argument: ['-c', '-n', '--class', '--classdata'] }],
  ['chrt', { argument: [], operandsBefore: 1 }],
  ['taskset', { argument: [], operandsBefore: 1 }],
  ['stdbuf', { argument: ['-i', '-o', '-e', '--input', '--output', '--error'] }],
  ['env', { argument: ['-u', '-C', '--unset', '--chdir'] }],
  [
    'sudo',
    {
      argument:
        '-u -g -h -p -C -D -R -T -r -t -U --user --group --host --prompt --close-from --chdir --chroot --command-timeout --role --type --other-user'.split(
          ' ',
        ),
    },
  ],
  ['doas', { argument: ['-u', '-C'] }],
  [
    'xargs',
    {
      argument:
        '-I -n -P -L -d -a -E -s --max-args --max-procs --max-lines --max-chars --delimiter --arg-file --replace --eof --process-slot-var'.split(
          ' ',
        ),
    },
  ],
  ['strace', { argument: ['-e', '-o', '-p', '-s', '-u'] }],
  ['chroot', { argument: [], operandsBefore: 1 }],
  ['flock', { argument: ['-w', '--timeout', '--wait', '-E', '--conflict-exit-code'], operandsBefore: 1 }],
  ['catchsegv', { argument: [] }],
  ['winpty', { argument: [] }],
  ['caffeinate', { argument: ['-t', '-w'] }],
]);

/** Programs whose arguments hold the command line of another one, somewhere behind. */
export const LAUNCHERS: ReadonlySet<string> = new Set(
  'docker podman nerdctl docker-compose kubectl oc lxc incus nsenter unshare systemd-run systemd-nspawn find fd entr npx uv poetry pipenv conda direnv vagrant xvfb-run firejail bwrap'.split(
    ' ',
  ),
);

export const SHELLS: ReadonlySet<string> = new Set(
  'sh bash dash ash zsh ksh mksh rbash fish csh tcsh pwsh'.split(' '),
);

/**
 * Options of shells, beside the `-o` and `-O` of all of them, whose argument is the next word. PowerShell has too many: it is
 * not here, and takes no value at all.
 */
export const SHELL_ARGUMENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['bash', ['--rcfile', '--init-file']],
  ['rbash', ['--rcfile', '--init-file']],
  ['zsh', ['--emulate']],
  ['ksh', ['-R']],
  [
    'fish',
    '-C --init-command -d --debug -o --debug-output -f --features -p --profile --profile-startup'.split(' '),
  ],
]);

/** Programs behind a launcher (`docker exec box su -c …`) that are looked at as if they stood alone. */
export const LAUNCHED: ReadonlySet<string> = new Set(
  'su runuser ssh env sudo doas timeout nohup nice setsid xargs flock git make gmake'.split(' '),
);

/** How an interpreter takes its program. */
export interface Interpreter extends Options {
  /** Options whose argument is code. */
  readonly code: readonly string[];
  /** Those of them that add code to the program and do not replace it. */
  readonly besides?: readonly string[];
  /** The first operand is code, unless one of the others gave it. */
  readonly firstOperand: boolean;
}

const PYTHON: Interpreter = { code: ['-c', '-m'], argument: ['-W', '-X'], firstOperand: false };
const AWK: Interpreter = {
  code: ['-f', '--file', '-e', '--source', '-E', '--exec', '-i', '--include', '-l', '--load'],
  besides: ['-i', '--include', '-l', '--load'],
  argument: ['-F', '-v', '--assign', '--field-separator'],
  firstOperand: true,
};
const NODE: Interpreter = {
  code: '-e -p --eval --print -r --require --import --loader -pe'.split(' '),
  argument: ['-C', '--conditions'],
  firstOperand: false,
};
const MYSQL: Interpreter = {
  code: ['-e', '--execute'],
  argument: ['-h', '-u', '-P', '-D'],
  firstOperand: false,
};

/** Programs that read code in a language of their own from their arguments. */
export const INTERPRETERS: ReadonlyMap<string, Interpreter> = new Map([
  ['python', PYTHON],
  ['python2', PYTHON],
  ['python3', PYTHON],
  ['pypy3', PYTHON],
  ['perl', { code: ['-e', '-E', '-M', '-m', '-I'], argument: [], firstOperand: false }],
  ['ruby', { code: ['-e', '-r', '-I'], argument: [], firstOperand: false }],
  ['node', NODE],
  ['nodejs', NODE],
  ['bun', NODE],
  ['deno', { code: ['eval', '-p'], argument: [], firstOperand: false }],
  ['tsx', NODE],
  ['php', { code: ['-r', '-B', '-R', '-E', '-d'], argument: ['-S', '-t'], firstOperand: false }],
  ['lua', { code: ['-e', '-l'], argument: [], firstOperand: false }],
  ['Rscript', { code: ['-e'], argument: [], firstOperand: false }],
  ['osascript', { code: ['-e'], argument: ['-l'], firstOperand: false }],
  [
    'psql',
    {
      code: ['-c', '--command', '-v', '--set', '--variable'],
      argument: ['-h', '-p', '-U', '-d'],
      firstOperand: false,
    },
  ],
  ['mysql', MYSQL],
  ['mariadb', MYSQL],
  ['sqlite3', { code: ['-cmd', '-init'], argument: ['-separator'], firstOperand: false }],
  ['mongosh', { code: ['--eval'], argument: [], firstOperand: false }],
  ['awk', AWK],
  ['gawk', AWK],
  ['mawk', AWK],
  ['nawk', AWK],
  // The `e` command of GNU sed runs a program.
  [
    'sed',
    { code: ['-e', '-f', '--expression', '--file'], argument: ['-l', '--line-length'], firstOperand: true },
  ],
  [
    'gsed',
    { code: ['-e', '-f', '--expression', '--file'], argument: ['-l', '--line-length'], firstOperand: true },
  ],
]);

/** No value may be an argument of these at all: they read code, or run what they are told. */
export const CODE_READERS: ReadonlySet<string> = new Set(
  'eval trap source . su runuser script watch parallel at batch alias let [[ fc bind complete compgen enable mapfile readarray coproc expect ed ex vi vim gdb crontab'.split(
    ' ',
  ),
);

/** Built-ins that take names of variables: a value may only stand behind a `=`. */
export const NAME_TAKERS: ReadonlySet<string> = new Set(
  'export readonly local declare typeset read unset getopts'.split(' '),
);

/** Variables whose value some program runs as code or looks for programs in. */
export const CODE_VARIABLES: ReadonlySet<string> = new Set(
  'PATH IFS ENV BASH_ENV PS1 PS2 PS4 PROMPT_COMMAND SHELLOPTS BASHOPTS LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT DYLD_INSERT_LIBRARIES NODE_OPTIONS NODE_PATH GIT_SSH GIT_SSH_COMMAND GIT_EXTERNAL_DIFF GIT_PAGER GIT_EDITOR PAGER EDITOR VISUAL PERL5OPT PERL5LIB PYTHONSTARTUP PYTHONPATH RUBYOPT RUBYLIB MAKEFLAGS RSYNC_RSH'.split(
    ' ',
  ),
);

/** Options, of whatever program, whose argument is a command line. */
export const COMMAND_OPTIONS: ReadonlySet<string> = new Set(
  '--rsh --rsync-path --to-command --use-compress-program --checkpoint-action --upload-pack --receive-pack --exec-path --pager --editor --eval --entrypoint'.split(
    ' ',
  ),
);

/** Programs that copy to `host:path`, where the path may reach a shell on that host. */
export const REMOTE_COPIERS: ReadonlySet<string> = new Set(['scp', 'rsync', 'sftp']);

/** Options of `ssh` whose argument is only data. */
export const SSH_DATA_OPTIONS: ReadonlySet<string> = new Set(['-i', '-p', '-l', '-b']);
