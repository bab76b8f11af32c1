import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { ok } from '../../core/failure.ts';
import { shellQuote } from '../../core/shell-quote.ts';
import type { StageContext } from '../../core/stage-kind.ts';
import type { RunProgram } from '../../testgen/program.ts';

/** Of each stream, bytes. */
const MOST_OUTPUT = 256 * 1024;
/** What of the user's environment the code of the commits sees: nothing that could be a secret. */
const KEPT = ['LANG', 'TZ', 'GOPATH', 'GOROOT', 'GOMODCACHE', 'JAVA_HOME', 'VIRTUAL_ENV'];

/**
 * Runs programs in the copies with an environment of their own: no secrets of the user's, a home folder of its own, and the
 * project's tools first on the PATH.
 */
export function programRunner(
  { ports, project }: Pick<StageContext, 'ports' | 'project'>,
  folder: string,
  signal: AbortSignal,
): RunProgram {
  const home = path.join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const tools = ['node_modules/.bin', '.venv/bin', 'venv/bin'].map((name) => path.join(project, name));
  const search = [...tools.filter((name) => existsSync(name)), process.env['PATH'] ?? '/usr/bin:/bin'].join(
    ':',
  );
  const kept = KEPT.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return async ({ args, cwd, env, timeoutMs }) => {
    const host = await ports.hosts.open('local');
    if (!host.ok) return host;
    const variables = Object.entries({
      ...Object.fromEntries(kept),
      PATH: search,
      HOME: home,
      TMPDIR: home,
      CI: 'true',
      NO_COLOR: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      ...env,
    });
    const words = ['env', '-i', ...variables.map(([name, value]) => `${name}=${value}`), ...args];
    const limit = AbortSignal.timeout(timeoutMs);
    const ended = await host.value.exec(
      { script: `exec ${words.map(shellQuote).join(' ')}`, workdir: cwd, maxBytes: MOST_OUTPUT },
      AbortSignal.any([signal, limit]),
    );
    if (limit.aborted && !signal.aborted) {
      return ok({ exit_code: 137, stdout: '', stderr: '', timed_out: true });
    }
    return ended.ok ? ok({ ...ended.value, timed_out: false }) : ended;
  };
}
