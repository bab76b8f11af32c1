import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { slug } from '../../core/engine/slug.ts';
import { ok, reported, type Result } from '../../core/failure.ts';
import type { StageContext } from '../../core/stage-kind.ts';
import type { Vcs } from '../../core/vcs.ts';

/** A copy of the project at one commit. */
export interface Tree {
  /** The project's folder in it, absolute. */
  readonly root: string;
}

/** The trees before and after the commits, outside the user's, for one stage of one run. */
export interface Scratch {
  readonly folder: string;
  readonly after: Tree;
  /** Absent when the commits begin the repository. */
  readonly before?: Tree;
}

/** Deepest folder with a package.json whose packages are linked. */
const MOST_DEPTH = 4;

/** Named after run and stage, so that a run which is taken up again finds its copies. */
function folderOf({ runId, id }: Pick<StageContext, 'runId' | 'id'>): string {
  return path.join(realpathSync(os.tmpdir()), `pipewright-testgen-${runId}-${slug(id)}`);
}

export async function openScratch(
  context: StageContext,
  { base, head }: { readonly base: string | null; readonly head: string },
): Promise<Result<Scratch>> {
  const folder = folderOf(context);
  if (!isOurs(folder)) return reported(`${folder} is there already, and it is not ours`);
  const vcs = await context.ports.vcs(context.project);
  if (!vcs.ok) return vcs;
  const project = realpathSync(context.project);
  const inside = path.relative(realpathSync(vcs.value.root), project);
  const trees: Partial<Record<'before' | 'after', Tree>> = {};
  for (const [name, commit] of [
    ['before', base],
    ['after', head],
  ] as const) {
    if (commit === null) continue;
    const target = path.join(folder, name);
    const root = path.join(target, inside);
    const mark = `${target}.ready`;
    if (!existsSync(mark) || readFileSync(mark, 'utf8') !== commit) {
      rmSync(target, { recursive: true, force: true });
      const written = await writeTree(vcs.value, commit, { target, signal: context.signal });
      if (!written.ok) return written;
      mkdirSync(root, { recursive: true });
      linkPackages(project, root, 0);
      writeFileSync(mark, commit);
    }
    trees[name] = { root };
  }
  const { after, before } = trees;
  if (!after) return reported('there is no tree after the commits');
  return ok({ folder, after, ...(before && { before }) });
}

/** The files of a commit; of `worktree` those of the commit that is checked out, with what differs in the folder. */
async function writeTree(
  vcs: Vcs,
  commit: string,
  { target, signal }: { readonly target: string; readonly signal: AbortSignal },
): Promise<Result<void>> {
  if (commit !== 'worktree') return vcs.exportTree(commit, target, signal);
  const head = await vcs.head();
  if (!head.ok) return head;
  const written = await vcs.exportTree(head.value, target, signal);
  if (!written.ok) return written;
  const changes = await vcs.changes({ from: head.value, to: 'worktree' }, { lines: false });
  if (!changes.ok) return changes;
  for (const { path: file, from_path: older, status } of changes.value) {
    if (status === 'renamed' && older !== undefined) rmSync(path.join(target, older), { force: true });
    const [from, to] = [path.join(vcs.root, file), path.join(target, file)];
    if (lstatSync(from, { throwIfNoEntry: false })?.isFile()) {
      mkdirSync(path.dirname(to), { recursive: true });
      copyFileSync(from, to);
    } else rmSync(to, { recursive: true, force: true });
  }
  return ok(undefined);
}

export function removeScratch(context: Pick<StageContext, 'runId' | 'id'>): void {
  const folder = folderOf(context);
  if (existsSync(folder) && isOurs(folder)) rmSync(folder, { recursive: true, force: true });
}

/** Makes it; anybody may have put something of that name into the temporary folder first. */
function isOurs(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch {
    const facts = lstatSync(folder, { throwIfNoEntry: false });
    if (!facts?.isDirectory() || facts.uid !== (process.getuid?.() ?? facts.uid)) return false;
    chmodSync(folder, 0o700);
  }
  return true;
}

/**
 * Installed packages are not in a commit: each is linked from the project. The folder itself is a real one, because runners
 * write their caches into it. A package that is a folder of the project (a workspace) is linked to its copy.
 */
function linkPackages(project: string, root: string, depth: number): void {
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.isDirectory() && depth < MOST_DEPTH && !/^(?:node_modules|\.git)$/.test(entry.name)) {
      linkPackages(path.join(project, entry.name), path.join(root, entry.name), depth + 1);
    }
  }
  const [from, to] = [path.join(project, 'node_modules'), path.join(root, 'node_modules')];
  if (!existsSync(from) || existsSync(to)) return;
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (!name.startsWith('@')) linkOne(path.join(from, name), path.join(to, name), { project, root });
    else {
      mkdirSync(path.join(to, name));
      for (const inner of readdirSync(path.join(from, name))) {
        linkOne(path.join(from, name, inner), path.join(to, name, inner), { project, root });
      }
    }
  }
}

function linkOne(
  from: string,
  to: string,
  { project, root }: { readonly project: string; readonly root: string },
): void {
  if (path.basename(from) === '.cache' || path.basename(from) === '.vite') return;
  const real = existsSync(from) ? realpathSync(from) : from;
  const relative = path.relative(project, real);
  const copy = path.join(root, relative);
  const isWorkspace = !relative.startsWith('..') && !relative.includes('node_modules') && existsSync(copy);
  symlinkSync(isWorkspace ? copy : real, to);
}
