import { isVariableName, shellQuote } from '../../core/shell-quote.ts';

/**
 * How a script and its values travel: as the first line of the shell's standard input. Neither is ever in
 * the arguments of a process, where everybody on that machine could read it, and nothing depends on
 * which variables a server accepts. `read` takes one line and not a byte more, so what follows is the script's.
 */

/** For the login shell, whichever it is (sh, bash, zsh, fish, csh): words and single quotes only. */
export const BOOTSTRAP = `exec /bin/sh -c '${readerText()}' sh`;

/** The same as the argument of `/bin/sh -c`. */
export function readerText(): string {
  return 'IFS= read -r p && eval "$p"';
}

/** Exit code of a script whose working folder is not there; who sees it looks whether that is so. */
export const NO_WORKDIR = 213;

export interface ScriptLine {
  readonly script: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly workdir?: string | undefined;
  /**
   * Its standard input is empty, and the end of ours means that we are gone: then the script's process group is
   * ended. The watcher is no child of the script, so that its `wait` does not wait for it.
   */
  readonly isWatched: boolean;
}

/** Why it cannot be sent; undefined when it can. */
export function lineProblem({ script, env = {}, workdir = '' }: ScriptLine): string | undefined {
  const bad = Object.keys(env).find((name) => !isVariableName(name));
  if (bad !== undefined) return `not a name of a variable: ${JSON.stringify(bad)}`;
  const hasNul = [script, workdir, ...Object.values(env)].some((text) => text.includes('\0'));
  return hasNul ? 'a command and its values must not contain NUL bytes' : undefined;
}

/** With its line feed. */
export function scriptLine({ script, env = {}, workdir, isWatched }: ScriptLine): string {
  const text = [
    ...(isWatched ? [WATCHER] : []),
    ...Object.entries(env).map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    ...(workdir === undefined
      ? []
      : [`CDPATH= cd -- ${shellQuote(workdir)} 2>/dev/null || exit ${NO_WORKDIR}`]),
    script,
  ].join('\n');
  return `${encodedEval(text)}\n`;
}

/** One line of shell text that runs `text`, which may have many. */
export function encodedEval(text: string): string {
  const encoded = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll("'", '\\0047');
  return `unset p; eval "$(printf %b '${encoded}')"`;
}

// After a normal end the shell is gone before our end of the pipe is: then there is nobody to end.
const WATCHER = `exec 3<&0 </dev/null
( (read -r p <&3; kill -0 $$ && kill -TERM -$$) >/dev/null 2>&1 & )
exec 3<&-`;
