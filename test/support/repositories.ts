import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A real repository in a temporary folder that a test writes history into. */
export interface RepositoryLab {
  /** Top of the working copy; no symbolic link in it. */
  readonly root: string;
  readonly write: (name: string, content: string | Buffer) => void;
  /** Renames, and tells the repository. */
  readonly move: (from: string, to: string) => void;
  readonly copy: (from: string, to: string) => void;
  readonly remove: (name: string) => void;
  /** Everything that is in the folder; returns the id. */
  readonly commit: (message: string, author?: string) => string;
  /** Runs the tool itself. */
  readonly tool: (...args: readonly string[]) => string;
  readonly close: () => void;
}

/** An empty git repository on branch main. */
export function gitLab(...init: readonly string[]): RepositoryLab {
  const { root, files, close } = folder('git');
  let commits = 0;
  const tool = (...args: readonly string[]): string => git(root, args);
  tool('init', '-q', '-b', 'main', ...init);
  return {
    root,
    ...files,
    move: (from, to) => {
      files.makeRoom(to);
      tool('mv', '--', from, to);
    },
    copy: (from, to) => files.copy(from, to),
    remove: (name) => void tool('rm', '-rfq', '--', name),
    commit: (message, author = 'Ada <ada@example.org>') => {
      tool('add', '-A');
      commits += 1;
      // A minute apart, so that the order of the log is certain.
      const date = new Date(Date.UTC(2026, 1, 1, 12, commits)).toISOString();
      git(root, ['commit', '-q', '--allow-empty', '-m', message, `--author=${author}`], {
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_DATE: date,
      });
      return tool('rev-parse', 'HEAD').trim();
    },
    tool,
    close,
  };
}

/** Of somebody called Ada who has no settings. */
export function gitEnvironment(home: string): Readonly<Record<string, string>> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
  };
}

/** Git as somebody without settings of their own. */
export function git(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  return execFileSync('git', [...args], {
    cwd,
    encoding: 'utf8',
    env: { ...gitEnvironment(cwd), ...env },
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** An empty Mercurial repository. */
export function hgLab(): RepositoryLab {
  const { root, files, close } = folder('hg');
  let commits = 0;
  const tool = (...args: readonly string[]): string =>
    execFileSync('hg', [...args], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', HOME: root, HGRCPATH: '/dev/null', HGPLAIN: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  tool('init');
  return {
    root,
    ...files,
    move: (from, to) => void tool('mv', '--', from, to),
    copy: (from, to) => void tool('cp', '--', from, to),
    remove: (name) => void tool('rm', '--', name),
    commit: (message, author = 'Ada <ada@example.org>') => {
      tool('addremove', '-q', '--similarity', '0');
      commits += 1;
      tool(
        'commit',
        '-m',
        message,
        '-u',
        author,
        '-d',
        `2026-02-01 12:${String(commits).padStart(2, '0')} +0000`,
      );
      return tool('log', '-r', '.', '-T', '{node}');
    },
    tool,
    close,
  };
}

/** An empty Subversion repository on this disk, with trunk checked out. */
export function svnLab(): RepositoryLab {
  const { root, files, close } = folder('svn');
  const server = `${root}.server`;
  const run = (file: string, args: readonly string[], cwd: string): string =>
    execFileSync(file, [...args], {
      cwd,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', HOME: server, LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const tool = (...args: readonly string[]): string => run('svn', ['--non-interactive', ...args], root);
  run('svnadmin', ['create', server], os.tmpdir());
  const url = `file://${server}`;
  tool('mkdir', '-q', '-m', 'layout', `${url}/trunk`, `${url}/branches`);
  tool('checkout', '-q', `${url}/trunk`, '.');
  return {
    root,
    ...files,
    move: (from, to) => void tool('mv', '-q', '--parents', at(from), at(to)),
    copy: (from, to) => void tool('cp', '-q', '--parents', at(from), at(to)),
    remove: (name) => void tool('rm', '-q', at(name)),
    commit: (message, author = 'Ada <ada@example.org>') => {
      tool('add', '-q', '--force', '--', '.');
      tool('commit', '-q', '--username', author, '-m', message);
      tool('update', '-q');
      return tool('info', '--show-item', 'revision').trim();
    },
    tool,
    close: () => {
      close();
      rmSync(server, { recursive: true, force: true });
    },
  };
}

/** A path of svn ends at `@`, behind which a revision stands. */
function at(name: string): string {
  return name.includes('@') ? `${name}@` : name;
}

/** Whether a tool is on this machine. In CI it must be. */
export function hasTool(name: string): boolean {
  const isThere = spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
  if (isThere) return true;
  if ((process.env['CI'] ?? '') !== '') throw new Error(`${name} is missing; run test/services/install`);
  process.stderr.write(`${name} is not on this machine: its tests are skipped\n`);
  return false;
}

function folder(name: string) {
  const root = mkdtempSync(path.join(os.tmpdir(), `pipewright-${name}-`));
  const makeRoom = (file: string): void =>
    void mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  return {
    root,
    close: () => rmSync(root, { recursive: true, force: true }),
    files: {
      makeRoom,
      write: (file: string, content: string | Buffer): void => {
        makeRoom(file);
        writeFileSync(path.join(root, file), content);
      },
      copy: (from: string, to: string): void => {
        makeRoom(to);
        execFileSync('cp', ['--', path.join(root, from), path.join(root, to)]);
      },
      rename: (from: string, to: string): void => {
        makeRoom(to);
        renameSync(path.join(root, from), path.join(root, to));
      },
    },
  };
}
