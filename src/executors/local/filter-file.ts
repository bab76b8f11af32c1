import { fileURLToPath } from 'node:url';
import { argumentsOf } from './processes.ts';

/** The program that masks the output of a step: beside this module, built or as source. */
export const FILTER_FILE = fileURLToPath(
  import.meta.url.endsWith('.ts')
    ? new URL('./log-filter.ts', import.meta.url)
    : new URL('./log-filter.js', import.meta.url),
);

/** A process that masks, and so is ours and not the step's. */
export function isFilter(pid: number): boolean {
  // Second: a shim has the path among its arguments too.
  return argumentsOf(pid)[1] === FILTER_FILE;
}
