import { failed, type Result } from '../core/failure.ts';

/**
 * The parts between NUL bytes, without the empty one after the last. A name that is not UTF-8 is shown with
 * U+FFFD in place of each bad byte: it can be seen and classified, but not asked for by that name.
 */
export function records(output: Buffer): string[] {
  const parts = output.toString('utf8').split('\0');
  if (parts.at(-1) === '') parts.pop();
  return parts;
}

/** What is wrong with a request, or with the repository. */
export function invalid(message: string): Result<never> {
  return failed({ reason: 'invalid', message });
}
