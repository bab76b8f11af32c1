import { ok, type Result } from '../../core/failure.ts';
import { invalid } from '../records.ts';
import { answered } from './problem.ts';
import type { Git } from './run-git.ts';

/** Ids of the commits that names mean, in their order; undefined for what is no commit. One process for all. */
export async function commitIds(git: Git, names: readonly string[]): Promise<Result<(string | undefined)[]>> {
  const asked = names.map((name) => (/[\n\0]/.test(name) || name === '' ? ':' : `${name}^{commit}`));
  // The names go through standard input: nothing in them can become an option.
  const found = answered(
    await git(['cat-file', '--batch-check=%(objectname) %(objecttype)'], { input: `${asked.join('\n')}\n` }),
    'its commits',
  );
  if (!found.ok) return found;
  const lines = found.value.stdout.toString('utf8').split('\n');
  return ok(names.map((_name, index) => /^([0-9a-f]{40,64}) commit$/.exec(lines[index] ?? '')?.[1]));
}

/** The full id of one commit. */
export async function commitId(git: Git, name: string): Promise<Result<string>> {
  const ids = await commitIds(git, [name]);
  if (!ids.ok) return ids;
  const [id] = ids.value;
  return id === undefined ? invalid(`"${name}" is not a commit of this repository`) : ok(id);
}

/** Of a branch before a tag or anything else of that name. */
export async function branchOrCommitId(git: Git, name: string): Promise<Result<string>> {
  const ids = await commitIds(git, [`refs/heads/${name}`, name]);
  if (!ids.ok) return ids;
  const id = ids.value[0] ?? ids.value[1];
  return id === undefined ? invalid(`"${name}" is not a commit of this repository`) : ok(id);
}

/** The commit that is checked out; undefined on a branch without one. */
export async function headId(git: Git): Promise<Result<string | undefined>> {
  const ids = await commitIds(git, ['HEAD']);
  return ids.ok ? ok(ids.value[0]) : ids;
}
