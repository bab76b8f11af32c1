import fs from 'node:fs';
import path from 'node:path';
import { shellQuote } from '../../core/shell-quote.ts';
import { failed, ok, type Result } from '../../core/failure.ts';
import { HOOKS, type HookChange, type HookName } from '../../core/staged.ts';
import { records } from '../records.ts';
import { answered } from './problem.ts';
import type { Git } from './run-git.ts';

/** In the second line of every hook that we write. */
const MARK = '# pipewright hook';
const BEFORE = '.before-pipewright';

/** How hooks start Pipewright. */
export interface HookCaller {
  /** Absolute: the Node and the launcher that installed it. */
  readonly node: string;
  readonly launcher: string;
  /** Of the project, relative to the top of the repository; empty for the top itself. */
  readonly project: string;
}

/** Writes hooks; one that is there already runs before ours. */
export function installHooks(
  folder: string,
  hooks: readonly HookName[],
  caller: HookCaller,
): Result<readonly HookChange[]> {
  const changes: HookChange[] = [];
  try {
    fs.mkdirSync(folder, { recursive: true });
    for (const hook of hooks) {
      const change = installOne(folder, hook, caller);
      if (!change.ok) return change;
      changes.push(change.value);
    }
    return ok(changes);
  } catch (error) {
    return unwritable(folder, error);
  }
}

function installOne(folder: string, hook: HookName, caller: HookCaller): Result<HookChange> {
  const file = path.join(folder, hook);
  const before = file + BEFORE;
  const isThere = exists(file);
  const isOurs = isThere && isOwn(file);
  if (isThere && !isOurs) {
    if (exists(before)) {
      const message = `${file} was replaced by another hook since Pipewright was installed, and ${before} is there too; put them together by hand`;
      return failed({ reason: 'invalid', message });
    }
    fs.renameSync(file, before);
  }
  // Written beside it and renamed: a commit that begins meanwhile sees the old or the new one, whole.
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, scriptOf(hook, caller), { mode: 0o755, flag: 'wx' });
  fs.renameSync(draft, file);
  return ok({
    hook,
    file,
    outcome: isOurs ? 'updated' : 'installed',
    ...(exists(before) && { before }),
  });
}

/** Takes our hooks away and puts back what was there. */
export function uninstallHooks(folder: string): Result<readonly HookChange[]> {
  try {
    return ok(HOOKS.map((hook) => uninstallOne(folder, hook)));
  } catch (error) {
    return unwritable(folder, error);
  }
}

function uninstallOne(folder: string, hook: HookName): HookChange {
  const file = path.join(folder, hook);
  const before = file + BEFORE;
  if (!exists(file)) return { hook, file, outcome: 'absent' };
  if (!isOwn(file)) return { hook, file, outcome: 'foreign' };
  if (!exists(before)) {
    fs.rmSync(file);
    return { hook, file, outcome: 'removed' };
  }
  fs.renameSync(before, file);
  return { hook, file, outcome: 'removed', before: file };
}

/** A link that leads nowhere is there too. */
function exists(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function isOwn(file: string): boolean {
  return (
    fs.lstatSync(file).isFile() && fs.readFileSync(file, 'utf8').split('\n')[1]?.startsWith(MARK) === true
  );
}

function scriptOf(hook: HookName, { node, launcher, project }: HookCaller): string {
  const takesInput = hook === 'pre-push';
  const feed = takesInput ? String.raw`printf '%s\n' "$input" | ` : '';
  const where = project === '' ? '' : ` --project ${shellQuote(project)}`;
  return `#!/bin/sh
${MARK} ${hook}: \`pipewright hook uninstall\` removes it and puts back what was here before.
# Left out once by git's --no-verify, or with PIPEWRIGHT_SKIP_HOOKS=1 in the environment.
before="$(dirname -- "$0")/${hook}${BEFORE}"
${takesInput ? 'input=$(cat)\n' : ''}if [ -x "$before" ]; then
  ${feed}"$before" "$@" || exit $?
fi
[ "\${PIPEWRIGHT_SKIP_HOOKS:-}" = 1 ] && exit 0
if [ -x ${shellQuote(node)} ] && [ -f ${shellQuote(launcher)} ]; then
  set -- ${shellQuote(node)} ${shellQuote(launcher)}${where} hook run ${hook}
elif command -v pipewright >/dev/null 2>&1; then
  set -- pipewright${where} hook run ${hook}
else
  echo 'pipewright: this hook needs pipewright, which is not here any more.' >&2
  echo "  Install it, or remove $0" >&2
  exit ${takesInput ? '0' : '1'}
fi
${feed}"$@"
`;
}

/**
 * The folder where git looks for hooks. Fails with `invalid` where a setting of the user names one for every
 * repository: what is put there acts in all of them.
 */
export async function hooksFolder(git: Git, root: string): Promise<Result<string>> {
  const settings = answered(
    await git(['config', '--null', '--show-scope', '--type=path', '--get-all', 'core.hooksPath']),
    'its settings',
  );
  if (!settings.ok) return settings;
  const parts = records(settings.value.stdout);
  const values = parts.flatMap((scope, index) =>
    index % 2 === 0 && scope !== 'command' ? [{ scope, folder: parts[index + 1] ?? '' }] : [],
  );
  const last = values.at(-1);
  if (last && last.folder !== '') {
    const folder = path.resolve(root, last.folder);
    if (last.scope === 'local' || last.scope === 'worktree') return ok(folder);
    const message = `core.hooksPath of your git settings names ${folder} for every repository; call "pipewright hook run pre-commit" from the hook there, or set core.hooksPath for this repository`;
    return failed({ reason: 'invalid', message });
  }
  const common = answered(await git(['rev-parse', '--git-common-dir']), 'its folder');
  if (!common.ok) return common;
  return ok(path.resolve(root, common.value.stdout.toString('utf8').replace(/\n$/, ''), 'hooks'));
}

function unwritable(folder: string, error: unknown): Result<never> {
  const detail = error instanceof Error ? error.message : String(error);
  return failed({ reason: 'invalid', message: `hooks cannot be written to ${folder}: ${detail}` });
}
