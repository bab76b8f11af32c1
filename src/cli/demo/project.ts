import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { failed, ok, type Result } from '../../core/failure.ts';
import { type DemoPorts, type DemoVersion, projectFiles, versionFiles } from './files.ts';

export interface DemoProject {
  readonly folder: string;
  readonly ports: DemoPorts;
  /** It was made by us, and may be removed. */
  readonly isTemporary: boolean;
}

/** Writes the project with its history into an empty folder. `invalid` when the folder is not empty, or git is missing. */
export async function createDemoProject(dir: string | undefined, cwd: string): Promise<Result<DemoProject>> {
  const folder =
    dir === undefined ? await mkdtemp(path.join(tmpdir(), 'pipewright-demo-')) : path.resolve(cwd, dir);
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) {
    return failed({
      reason: 'invalid',
      message: `${folder} is not empty`,
      hint: 'choose another folder with --dir',
    });
  }
  const ports = { api: await freePort(), web: await freePort() };
  const files = projectFiles(ports);
  const { 'web/server.mjs': page = '', ...first } = files;
  const made = await commit(folder, first, 'A price');
  if (!made.ok) return made;
  const second = await commit(folder, { 'web/server.mjs': page }, 'A page that shows it');
  return second.ok ? ok({ folder, ports, isTemporary: dir === undefined }) : second;
}

/** Commits the files of one version, as a developer of the demo's shop would. */
export function commitVersion({ folder }: DemoProject, version: DemoVersion): Promise<Result<void>> {
  return commit(
    folder,
    versionFiles(version),
    version === 'broken' ? 'Sale: cache the page' : 'Sale: lower the price',
  );
}

async function commit(
  folder: string,
  files: Readonly<Record<string, string>>,
  message: string,
): Promise<Result<void>> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  for (const words of [
    ['init', '--quiet'],
    ['add', '--all'],
    ['commit', '--quiet', '--message', message],
  ]) {
    const done = await git(folder, words);
    if (!done.ok) return done;
  }
  return ok(undefined);
}

/** Without hooks, signatures and the user's own settings: what the demo commits is the same everywhere. */
async function git(folder: string, words: readonly string[]): Promise<Result<void>> {
  const settings = {
    'core.hooksPath': '/dev/null',
    'commit.gpgSign': 'false',
    'user.name': 'Demo',
    'user.email': 'demo@localhost',
    'init.defaultBranch': 'main',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const done = await execa('git', [...options, ...words], {
    cwd: folder,
    reject: false,
    extendEnv: true,
    env: { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
  });
  if (!done.failed) return ok(undefined);
  const detail =
    done.stderr === '' ? (done.originalMessage ?? 'it did not start') : done.stderr.split('\n')[0];
  return failed({
    reason: 'invalid',
    message: `git ${words[0] ?? ''}: ${detail ?? ''}`,
    hint: 'the demo needs git',
  });
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    server.close(() => resolve(port));
  });
  return promise;
}
