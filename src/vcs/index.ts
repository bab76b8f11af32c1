import { failed, type Result } from '../core/failure.ts';
import type { Vcs } from '../core/vcs.ts';

/** The repository around a folder. Fails with `invalid` when it is in none. */
export async function openVcs(folder: string): Promise<Result<Vcs>> {
  return failed({ reason: 'invalid', message: `${folder} is in no repository that can be read` });
}
