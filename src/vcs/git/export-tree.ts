import { rmSync } from 'node:fs';
import { ok, type Result } from '../../core/failure.ts';
import { commitId } from './commit-ids.ts';
import { answered } from './problem.ts';
import { gitIn } from './run-git.ts';
import { withoutFilters } from './trees.ts';

/**
 * Writes the files of a commit below `folder`, through an index of its own, so that the repository's stays as it is.
 * Not `git archive`: attributes can leave files out of that.
 */
export async function exportTree(
  root: string,
  commit: string,
  { folder, signal }: { readonly folder: string; readonly signal?: AbortSignal | undefined },
): Promise<Result<void>> {
  const index = `${folder}.index`;
  const git = gitIn(root, index);
  const id = await commitId(gitIn(root), commit);
  if (!id.ok) return id;
  const filters = await withoutFilters(git);
  if (!filters.ok) return filters;
  const options = { config: filters.value, ...(signal && { signal }) };
  try {
    const read = await git(['read-tree', '--end-of-options', id.value], options);
    if (!read.ok) return answered(read, 'its files');
    const written = await git(['checkout-index', '--all', '--force', `--prefix=${folder}/`], options);
    return written.ok ? ok(undefined) : answered(written, 'its files');
  } finally {
    rmSync(index, { force: true });
  }
}
