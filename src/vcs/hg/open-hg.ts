import { realpath } from 'node:fs/promises';
import { ok, type Result } from '../../core/failure.ts';
import type { Vcs } from '../../core/vcs.ts';
import { invalid } from '../records.ts';
import { checkRange, MAX_COMMITS, parseRequest } from '../request.ts';
import { answered, type Tool } from '../run-tool.ts';
import { hgChanges, hgDiff, hgIsAncestor } from './changes.ts';
import { hgIds, hgLog } from './log.ts';
import { hgIn, quoted } from './run-hg.ts';

/** The Mercurial repository whose top is `folder`. */
export async function openHg(folder: string): Promise<Result<Vcs>> {
  const root = await realpath(folder);
  const hg = hgIn(root);
  const known = await hg(['root']);
  if (!known.ok) return answered(known);
  return ok({
    kind: 'hg',
    root,
    resolve: (request) => resolve(hg, request),
    head: async () => {
      const head = await hgIds(hg, '.', '.');
      if (!head.ok) return head;
      const [id] = head.value;
      return id === undefined ? invalid('there is no commit yet') : ok(id);
    },
    branches: () => branches(hg),
    log: (query, signal) => hgLog(hg, query, signal),
    changes: (range, options) => hgChanges(hg, root, range, options),
    diff: (range, options) => hgDiff(hg, root, range, options),
    isAncestor: (ancestor, commit) => hgIsAncestor(hg, ancestor, commit),
    exportTree: (commit, target, signal) => exportTree(hg, commit, { folder: target, signal }),
  });
}

async function resolve(hg: Tool, request: string): Promise<Result<readonly string[]>> {
  const parsed = parseRequest(request);
  if (!parsed.ok) return parsed;
  const wanted = parsed.value;
  switch (wanted.kind) {
    case 'last':
      return hgIds(hg, `last(ancestors(.), ${wanted.count})`, '.');
    case 'range': {
      const { from = '.', to = '.' } = wanted;
      for (const name of [from, to]) {
        const known = await hgIds(hg, quoted(name), name);
        if (!known.ok) return known;
      }
      const ids = await hgIds(hg, `last(only(${quoted(to)}, ${quoted(from)}), ${MAX_COMMITS + 1})`, to);
      return ids.ok ? checkRange(request, ids.value) : ids;
    }
    case 'list': {
      const ids: string[] = [];
      for (const name of new Set(wanted.names)) {
        const found = await hgIds(hg, quoted(name), name);
        if (!found.ok) return found;
        ids.push(...found.value);
      }
      return hgIds(hg, [...new Set(ids)].join(' or '), request);
    }
    default:
      return wanted satisfies never;
  }
}

/** Without the file that hg would add about itself. */
async function exportTree(
  hg: Tool,
  commit: string,
  { folder: target, signal }: { readonly folder: string; readonly signal: AbortSignal | undefined },
): Promise<Result<void>> {
  const ids = await hgIds(hg, quoted(commit), commit);
  if (!ids.ok) return ids;
  const [id] = ids.value;
  if (id === undefined) return invalid(`"${commit}" is not a commit of this repository`);
  const args = ['archive', '--config=ui.archivemeta=false', '--type=files', `--rev=${id}`, '--', target];
  const done = answered(await hg(args, { signal }));
  return done.ok ? ok(undefined) : done;
}

/** Named branches that are open, and bookmarks. */
async function branches(
  hg: Tool,
): Promise<Result<{ readonly current?: string; readonly names: readonly string[] }>> {
  const named = answered(await hg(['branches', String.raw`--template={branch}\n`]));
  if (!named.ok) return named;
  const marks = answered(await hg(['bookmarks', String.raw`--template={bookmark}\n`]));
  if (!marks.ok) return marks;
  const current = answered(await hg(['branch']));
  if (!current.ok) return current;
  const names = [named, marks].flatMap((list) => list.value.stdout.toString('utf8').split('\n'));
  return ok({
    current: current.value.stdout.toString('utf8').trimEnd(),
    names: names.filter((name) => name !== ''),
  });
}
