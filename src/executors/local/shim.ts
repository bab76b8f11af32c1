import { shellQuote } from '../../core/shell-quote.ts';
import { LIMIT_UNAVAILABLE } from './records.ts';

/**
 * The shell text around every command. It decides before the first line of the script whether this try
 * may run (whoever creates the claim file first), and leaves an exit record that outlives us.
 * Only builtins: it adds one fork to a command, about half a millisecond.
 *
 * Arguments: 1 claim file, 2 exit record, 3 boot id, 4 script; with a filter also 5 node, 6 filter
 * program, 7 its file for captured output, 8 limit in bytes of that. The script sees none of them and
 * no variable of ours: it runs in a subshell, so that an `exit`, `exec`, trap or syntax error stays in
 * there. A subshell has its parent's `$$`, so a script that may look at it gets a shell of its own.
 */
export interface ShimOptions {
  /** Through the masking filter, or straight to the files that we opened. */
  readonly output: 'direct' | 'masked' | 'masked-capture';
  /** The script, only to see whether it needs a shell of its own. */
  readonly script: string;
  /** Shell text that puts the script's process under limits; see limits.ts. Empty for none. */
  readonly limit: string;
}

/** Exit code of a shim that could not claim its try. */
export const NOT_CLAIMED = 125;

/** Linux takes no single argument of 128 KiB or more. */
const MAX_ARGUMENT_BYTES = 120_000;

/** Such a script has to come from a file. */
export function isTooLongForArgument(script: string): boolean {
  return Buffer.byteLength(script) >= MAX_ARGUMENT_BYTES;
}

// `trap :` and not `trap ''`: the script must not inherit ignored signals. A signal to the whole group
// ends the script; the shim lives on and writes down how it ended.
const OUTLIVE_SIGNALS = 'trap : TERM INT HUP QUIT USR1 USR2 ALRM';

const CLAIM = `${OUTLIVE_SIGNALS}
set -C
read -r __pipewright 2>/dev/null </proc/$$/stat || __pipewright="$$ () - $(ps -o lstart= -p $$)"
echo "$3 $__pipewright" 2>/dev/null >"$1" || exit ${NOT_CLAIMED}
unset __pipewright`;

const RECORD = `__pipewright=$?
{ echo "exit $__pipewright" >"$2" && times >>"$2"; } 2>/dev/null
exit $__pipewright`;

// A clean environment: nothing of the step's (NODE_OPTIONS, LD_PRELOAD) reaches it, and it does not
// carry the cookie by which the step's processes are found and killed.
const FILTER = 'exec /usr/bin/env -i "$5" "$6"';

/** `$$`, or something that reads more script: `kill $$` must reach the script, not the shim. */
const NEEDS_OWN_SHELL = /\$\$|\$\{\$|\beval\b|(^|[\s;&|({])(\.|source)\s/;

export function shimScript({ output, limit, script: text }: ShimOptions): string {
  const runScript = NEEDS_OWN_SHELL.test(text) ? 'exec /bin/sh -c "$4" sh' : 'eval "shift $#;$4"';
  const script = `(
set +C
${limit}${runScript}
)
${RECORD}`;
  if (output === 'direct') return `${CLAIM}\n${script}`;
  if (output === 'masked') {
    return `${CLAIM}
{ ${OUTLIVE_SIGNALS}
${script}
} 2>&1 3>&- | ${FILTER} 3 "$2" 2>/dev/null`;
  }
  // Standard output passes the inner filter, which keeps a copy, and joins the errors at the outer one.
  return `${CLAIM}
{ { ${OUTLIVE_SIGNALS}
${script}
} 2>&5 3>&- 4>&- 5>&- | ${FILTER} 3 "$2" "$7" "$8" 2>/dev/null 4>&- 5>&-; } 5>&1 | ${FILTER} 4 "$2" 2>/dev/null 3>&-`;
}

/** By the arguments of a process: a shim, or a part of its script that runs in the same shell. */
export function isShim(args: readonly string[]): boolean {
  return args[2]?.startsWith(CLAIM) ?? false;
}

export function scriptOf(args: readonly string[]): string {
  return args[7] ?? '';
}

/** Shell text that moves the script's shell into control groups, or fails the step. */
export function joinGroups(procsFiles: readonly string[]): string {
  return procsFiles.map((file) => `echo 0 2>/dev/null >${shellQuote(file)} || ${GIVE_UP}`).join('');
}

/** Shell text that limits the address space of each process, where there are no control groups. */
export function limitAddressSpace(bytes: number): string {
  return `ulimit -v ${Math.ceil(bytes / 1024)} 2>/dev/null || ${GIVE_UP}`;
}

const GIVE_UP = `{ echo ${LIMIT_UNAVAILABLE} >"$2"; exit 1; }\n`;
