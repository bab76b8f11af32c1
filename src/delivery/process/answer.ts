import { ok, type Result, reported } from '../../core/failure.ts';
import type { Host } from '../../core/hosts.ts';
import { sanitizeText } from '../../core/terminal-text.ts';

/** What a script has printed: lines of words, the first one a name. */
export interface Answer {
  readonly lines: readonly string[];
  /** The words after `name` of the first line that begins with it. */
  readonly first: (name: string) => readonly string[] | undefined;
  readonly all: (name: string) => readonly (readonly string[])[];
}

/** Runs a script on the host; an exit code other than 0 is a failure with its last words. */
export async function runScript(
  host: Host,
  {
    script,
    env,
    signal,
  }: {
    readonly script: string;
    readonly env: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<Result<Answer>> {
  const outcome = await host.exec({ script, env }, signal);
  if (!outcome.ok) return outcome;
  const { exit_code: code, stdout, stderr } = outcome.value;
  if (code !== 0) {
    const said = sanitizeText(stderr).trim().split('\n').slice(-5).join(' ; ');
    const message = `${host.name}: ${said === '' ? `a script ended with ${code}` : said}`;
    return reported(message);
  }
  const lines = stdout.split('\n').filter((line) => line !== '');
  const all = (name: string): string[][] =>
    lines.flatMap((line) => {
      const [first, ...rest] = line.split(' ');
      return first === name ? [rest] : [];
    });
  return ok({ lines, all, first: (name) => all(name)[0] });
}
