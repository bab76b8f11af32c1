import path from 'node:path';
import { ok, type Result } from '../../core/failure.ts';
import type { Finding, GitHooks, StagedFile } from '../../core/staged.ts';
import { findRepository } from '../find-repository.ts';
import { invalid } from '../records.ts';
import { type HookCaller, hooksFolder, installHooks, uninstallHooks } from './hook-files.ts';
import { placeOf } from './open-git.ts';
import { gitIn } from './run-git.ts';
import { stagedFiles } from './staged-files.ts';
import { treesOf } from './trees.ts';

export interface HookParts extends Pick<HookCaller, 'node' | 'launcher'> {
  /** Absolute. */
  readonly project: string;
  readonly inspect: (file: StagedFile) => readonly Finding[];
}

/** The hooks of the git repository around a project. Fails with `invalid` where there is none. */
export async function openGitHooks({ project, inspect, ...caller }: HookParts): Promise<Result<GitHooks>> {
  const found = findRepository(project);
  if (found?.kind !== 'git') return invalid(`${project} is not in a git repository`);
  const place = await placeOf(found.folder);
  if (!place.ok) return place;
  const { root } = place.value;
  const relative = path.relative(root, project);
  return ok({
    install: async (hooks) => {
      const folder = await hooksFolder(gitIn(root), root);
      return folder.ok ? installHooks(folder.value, hooks, { ...caller, project: relative }) : folder;
    },
    uninstall: async () => {
      const folder = await hooksFolder(gitIn(root), root);
      return folder.ok ? uninstallHooks(folder.value) : folder;
    },
    findings: async (indexFile) => {
      const git = gitIn(root, indexFile === undefined ? undefined : path.resolve(root, indexFile));
      const trees = await treesOf(git, place.value, { to: 'staged' });
      if (!trees.ok) return trees;
      const findings: Finding[] = [];
      for await (const file of stagedFiles(git, trees.value)) {
        if (!file.ok) return file;
        findings.push(...inspect(file.value));
      }
      return ok(findings);
    },
  });
}
