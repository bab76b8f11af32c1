import type { Result } from '../core/failure.ts';
import type { Vcs } from '../core/vcs.ts';
import { findRepository } from './find-repository.ts';
import { openGit } from './git/open-git.ts';
import { invalid } from './records.ts';

/** The repository around a folder. Fails with `invalid` when it is in none. */
export async function openVcs(folder: string): Promise<Result<Vcs>> {
  const found = findRepository(folder);
  if (!found) return invalid(`${folder} is not in a git, svn or hg repository`);
  switch (found.kind) {
    case 'git':
      return openGit(found.folder);
    case 'hg':
      return (await import('./hg/open-hg.ts')).openHg(found.folder);
    case 'svn':
      return (await import('./svn/open-svn.ts')).openSvn(found.folder);
    default:
      return found.kind satisfies never;
  }
}
