import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { hasCode } from '../core/error-code.ts';
import { failed, ok, type Result } from '../core/failure.ts';

interface TreeOptions {
  /** A clone of the repository, with its working tree. */
  readonly project: string;
  /** Where the trees are made. */
  readonly folder: string;
  /** False for a process that has died. */
  readonly isAlive: (pid: number) => boolean;
}

const run = promisify(execFile);
const GIT_MS = 10 * 60_000;
const LOOK_MS = 100;
/** Nothing of a repository may run: no hooks, no monitor. */
const HARMLESS = ['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor='];

/** One working tree for each run, at its commit, of the worker's own clone. */
export class Trees {
  readonly #options: TreeOptions;
  readonly #prepared = new Map<string, Promise<Result<string>>>();

  constructor(options: TreeOptions) {
    this.#options = options;
  }

  /** The project's folder in a tree of that commit. Fails with the reason why it cannot be made here. */
  async prepare(runId: string, commit: string): Promise<Result<string>> {
    const name = `${runId}-${commit.slice(0, 12)}`;
    const known = this.#prepared.get(name);
    if (known) return known;
    const made = this.#make(path.join(this.#options.folder, name), commit);
    this.#prepared.set(name, made);
    const result = await made;
    if (!result.ok) this.#prepared.delete(name);
    return result;
  }

  /** Removes trees that nobody has touched for so long, except of runs that are `busy`; their names. */
  async clean(olderThanMs: number, busy: readonly string[]): Promise<readonly string[]> {
    const { folder, project } = this.#options;
    const removed: string[] = [];
    for (const name of fs
      .readdirSync(folder, { withFileTypes: true })
      .flatMap((each) => (each.isDirectory() ? [each.name] : []))) {
      if (busy.some((runId) => name.startsWith(`${runId}-`)) || !isOld(path.join(folder, name), olderThanMs))
        continue;
      this.#prepared.delete(name);
      fs.rmSync(path.join(folder, name), { recursive: true, force: true });
      fs.rmSync(path.join(folder, `${name}.ready`), { force: true });
      removed.push(name);
    }
    if (removed.length > 0) await this.#git(project, ['worktree', 'prune']);
    return removed;
  }

  /** Of two workers on one machine one makes it, the other waits. */
  async #make(tree: string, commit: string): Promise<Result<string>> {
    fs.mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
    const lock = `${tree}.lock`;
    while (!this.#lock(lock)) await delay(LOOK_MS);
    try {
      const made = fs.existsSync(`${tree}.ready`) ? ok(undefined) : await this.#add(tree, commit);
      return made.ok ? await this.#inTree(tree) : made;
    } finally {
      fs.rmSync(lock, { force: true });
    }
  }

  async #add(tree: string, commit: string): Promise<Result<void>> {
    const { project } = this.#options;
    const there = await this.#find(commit);
    if (!there.ok) return there;
    // What a worker that died left of it.
    fs.rmSync(tree, { recursive: true, force: true });
    await this.#git(project, ['worktree', 'prune']);
    const added = await this.#git(project, ['worktree', 'add', '--detach', '--force', tree, commit]);
    if (!added.ok)
      return failed({ reason: 'reported', message: `git worktree: ${added.failure}`, retryable: true });
    fs.writeFileSync(`${tree}.ready`, commit, { mode: 0o600 });
    return ok(undefined);
  }

  /** In our clone, or after a fetch. */
  async #find(commit: string): Promise<Result<void>> {
    const { project } = this.#options;
    const has = (): Promise<Result<string, string>> =>
      this.#git(project, ['cat-file', '-e', `${commit}^{commit}`]);
    if ((await has()).ok) return ok(undefined);
    const remotes = await this.#git(project, ['remote']);
    if (!remotes.ok) {
      return failed({ reason: 'invalid', message: `${project} is no git repository: ${remotes.failure}` });
    }
    const short = commit.slice(0, 12);
    if (remotes.value.trim() === '') {
      return failed({
        reason: 'invalid',
        message: `${project} does not have commit ${short}, and no remote to fetch it from`,
      });
    }
    const fetched = await this.#git(project, ['fetch', '--all', '--quiet']);
    if ((await has()).ok) return ok(undefined);
    const why = fetched.ok ? 'its remotes do not have it either: push it' : `git fetch: ${fetched.failure}`;
    return failed({
      reason: 'reported',
      message: `${project} does not have commit ${short}; ${why}`,
      retryable: true,
    });
  }

  /** The project may be a folder of its repository. */
  async #inTree(tree: string): Promise<Result<string>> {
    const prefix = await this.#git(this.#options.project, ['rev-parse', '--show-prefix']);
    fs.utimesSync(`${tree}.ready`, new Date(), new Date());
    return ok(path.join(tree, prefix.ok ? prefix.value.trim() : ''));
  }

  #lock(file: string): boolean {
    try {
      fs.writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    const holder = Number(read(file));
    if (holder > 0 && holder !== process.pid && !this.#options.isAlive(holder))
      fs.rmSync(file, { force: true });
    return false;
  }

  async #git(folder: string, args: readonly string[]): Promise<Result<string, string>> {
    const kept = Object.entries(process.env).filter(([name]) => !ELSEWHERE.test(name));
    try {
      const { stdout } = await run('git', ['-C', folder, ...HARMLESS, ...args], {
        env: { ...Object.fromEntries(kept), GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
        timeout: GIT_MS,
      });
      return ok(stdout);
    } catch (error) {
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
      return { ok: false, failure: (said.trim().split('\n')[0] ?? '').replace(/^(?:fatal|error): /, '') };
    }
  }
}

/** What would point git at another repository. */
const ELSEWHERE = /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|NAMESPACE|PREFIX)$/;

/** Nothing in it has a later time; only its own is looked at. */
export function isOld(file: string, olderThanMs: number): boolean {
  const stat = fs.statSync(fs.existsSync(`${file}.ready`) ? `${file}.ready` : file, {
    throwIfNoEntry: false,
  });
  return stat !== undefined && Date.now() - stat.mtimeMs > olderThanMs;
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
