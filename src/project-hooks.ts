import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { ProjectHooks, ProjectPlaces } from './cli/services.ts';
import { ok, type Result } from './core/failure.ts';
import { inspectStaged } from './delivery/guard/inspect.ts';
import { triggeredBranches } from './delivery/guard/pushed.ts';
import { openGitHooks } from './vcs/git/open-hooks.ts';
import { openVcs } from './vcs/index.ts';

interface Parts {
  readonly project: ProjectPlaces;
  /** Absolute: what runs us now, and will be called by the hooks. */
  readonly node: string;
  readonly launcher: string;
}

/** Git hooks of a project: where they lie, what they look at, what they start. */
export async function openProjectHooks({ project, node, launcher }: Parts): Promise<Result<ProjectHooks>> {
  const hooks = await openGitHooks({ project: project.root, node, launcher, inspect: inspectStaged });
  if (!hooks.ok) return hooks;
  return ok({
    ...hooks.value,
    pushed: (input, trigger) =>
      triggeredBranches(input, trigger, async (ancestor, commit) => {
        const vcs = await openVcs(project.root);
        const answer = vcs.ok ? await vcs.value.isAncestor(ancestor, commit) : vcs;
        return answer.ok && answer.value;
      }),
    startInBackground: (args) =>
      Promise.resolve(
        startInBackground([launcher, ...args], { node, project: project.root, stateDir: project.stateDir }),
      ),
  });
}

/** It outlives the push, and knows nothing of the variables that git sets for its hooks. */
function startInBackground(
  args: readonly string[],
  { node, project, stateDir }: { readonly node: string; readonly project: string; readonly stateDir: string },
): string {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const file = path.join(stateDir, 'hook.log');
  const log = openSync(file, 'a', 0o600);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const child = spawn(node, [...args], {
    cwd: project,
    env: { ...env, PIPEWRIGHT_TRIGGER: 'push' },
    detached: true,
    stdio: ['ignore', log, log],
  });
  child.unref();
  closeSync(log);
  return file;
}
