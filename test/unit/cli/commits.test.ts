import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveCommits } from '../../../src/cli/commits.ts';
import { openVcs } from '../../../src/vcs/index.ts';

let repository: string;
let ids: string[];

function git(...args: string[]): string {
  const author = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', [...author, ...args], { cwd: repository, encoding: 'utf8' }).trim();
}

beforeAll(() => {
  repository = mkdtempSync(path.join(os.tmpdir(), 'pipewright-commits-'));
  git('init', '-q', '-b', 'main');
  ids = [1, 2, 3, 4].map((number) => {
    const date = `2026-02-0${number}T12:00:00Z`;
    const env = { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    const author = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];
    execFileSync('git', [...author, 'commit', '-q', '--allow-empty', '-m', `c${number}`], {
      cwd: repository,
      env,
    });
    return git('rev-parse', 'HEAD');
  });
});

afterAll(() => rmSync(repository, { recursive: true }));

async function resolved(request: string, project = repository): Promise<readonly string[] | string> {
  const result = await resolveCommits(request, project, openVcs);
  if (result.ok) return result.value;
  return result.failure.reason === 'invalid' ? result.failure.message : result.failure.reason;
}

test('last:N, a range and a list become full ids, oldest first', async () => {
  expect(await resolved('last:2')).toEqual(ids.slice(2));
  expect(await resolved(`${ids[0]}..main`)).toEqual(ids.slice(1));
  expect(await resolved(`${ids[1]}..`)).toEqual(ids.slice(2));
  expect(await resolved(`main~1,${ids[0]?.slice(0, 8)},main~1`)).toEqual([ids[0], ids[2]]);
});

test.each([
  ['nothing', '-c: "nothing" is not a commit of this repository'],
  ['--upload-pack=touch x', '-c: "--upload-pack=touch x" is not a commit of this repository'],
  ['--output=victim..main', '-c: "--output=victim" is not a commit of this repository'],
  ['main..main', '-c main..main: there is no commit between them'],
  ['main...main', '-c main...main: three dots mean a symmetric difference; use A..B'],
  ['last:0', '-c last:0: from 1 to 10000'],
  ['main,', '-c: a commit is missing between the commas'],
])('"%s" is refused', async (request, message) => {
  expect(await resolved(request)).toBe(message);
});

test('a program that the repository names as its monitor is not run', async () => {
  const victim = path.join(repository, 'victim');
  const monitor = path.join(repository, 'monitor.sh');
  writeFileSync(monitor, `#!/bin/sh\ntouch ${victim}\n`, { mode: 0o755 });
  git('config', 'core.fsmonitor', monitor);
  expect(await resolved('last:1')).toEqual(ids.slice(3));
  expect(existsSync(victim)).toBe(false);
});

test('a folder outside any repository is said to be that', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-nowhere-'));
  expect(await resolved('last:1', folder)).toBe(`-c: ${folder} is not in a git, svn or hg repository`);
  rmSync(folder, { recursive: true });
});
