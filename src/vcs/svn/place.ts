import { ok, type Result } from '../../core/failure.ts';
import { notACommit } from '../request.ts';
import { answered, type Tool } from '../run-tool.ts';
import { svnXml } from './run-svn.ts';
import { allOf, textIn } from './xml.ts';

/** Where a working copy comes from. */
export interface SvnPlace {
  readonly root: string;
  /** Of the checked-out folder in its repository, percent-encoded. */
  readonly url: string;
  readonly repositoryUrl: string;
  /** `/trunk`, decoded; empty for the repository's own root. */
  readonly inRepository: string;
}

/** Where a working copy comes from; everything empty where svn does not tell. */
export async function svnPlace(svn: Tool, root: string): Promise<Result<SvnPlace>> {
  const info = await svnXml(svn, ['info', '.']);
  if (!info.ok) return info;
  const [entry] = allOf(info.value, 'entry');
  const [repository] = allOf(info.value, 'repository');
  if (!entry || !repository) return ok({ root, url: '', repositoryUrl: '', inRepository: '' });
  const url = textIn(entry, 'url');
  const repositoryUrl = textIn(repository, 'root');
  return ok({ root, url, repositoryUrl, inRepository: decodeURIComponent(url.slice(repositoryUrl.length)) });
}

/** The newest revision that something in the working copy was committed in. */
export async function headRevision(svnversion: Tool): Promise<Result<number>> {
  const read = answered(await svnversion(['-n', '-c']));
  // `12`, `3:12MS`
  return read.ok
    ? ok(Number(/(\d+)[A-Z]*$/.exec(read.value.stdout.toString('latin1').trim())?.[1] ?? 0))
    : read;
}

/** `12`, `r12`, `HEAD`: a revision; undefined for any other name. */
export function revisionOf(name: string, head: number): number | undefined {
  if (/^(HEAD|BASE|COMMITTED)$/.test(name)) return head;
  const digits = /^r?(\d{1,9})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Fails with `invalid` for what is no revision. */
export function revision(name: string, head: number): Result<number> {
  const found = revisionOf(name, head);
  return found === undefined ? notACommit(name) : ok(found);
}
