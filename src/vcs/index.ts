import type { Result } from '../core/failure.ts';
import type { Vcs } from '../core/vcs.ts';
import { findRepository } from './find-repository.ts';
import { openGit } from './git/open-git.ts';
import { invalid } from './records.ts';

/** The repository around a folder. Fails with `invalid` when it is in none. */
export async function openVcs(folder: string): Promise<Result<Vcs>> {
  const found = findRepository(folder);
  if (!found) return invalid(`${folder} is not in a git, svn or hg repository`);
  if (found.kind !== 'git')
    return invalid(`${folder} is in a repository of ${found.kind}, which cannot be read yet`);
  return openGit(found.folder);
}
