import { execFile } from 'node:child_process';
import type { BoundScript } from '../pump-spec.ts';

const LONGEST_OUTPUT_BYTES = 64 * 1024;

/** The first number that a command prints, in bytes, or why there is none. */
export function measureSize(
  { script, env }: BoundScript,
  folder: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number | string> {
  return new Promise((resolve) => {
    const options = {
      cwd: folder,
      env: { ...environment, ...env },
      maxBuffer: LONGEST_OUTPUT_BYTES,
      encoding: 'utf8' as const,
    };
    const child = execFile('/bin/sh', ['-c', script], options, (error, stdout) => {
      const size = Number(/\d{1,15}/.exec(stdout)?.[0] ?? Number.NaN);
      if (error) resolve(`its command failed (${String(error.code ?? error.signal)})`);
      else resolve(Number.isNaN(size) ? 'its command printed no number' : size);
    });
    // It only serves the percentage: the stream does not wait for it.
    child.unref();
  });
}
