import { execFileSync } from 'node:child_process';
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

/** Git as somebody without settings of their own. */
export function git(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  return execFileSync('git', [...args], {
    cwd,
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: cwd,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.org',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.org',
      ...env,
    },
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
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
