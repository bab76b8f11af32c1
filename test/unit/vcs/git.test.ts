import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { valueOf } from '../../support/results.ts';
import type { Change, Vcs } from '../../../src/core/vcs.ts';
import { openVcs } from '../../../src/vcs/index.ts';
import { git, gitLab, type RepositoryLab } from '../../support/repositories.ts';

let lab: RepositoryLab;

beforeEach(() => {
  lab = gitLab();
});

afterEach(() => lab.close());

async function open(folder = lab.root): Promise<Vcs> {
  return valueOf(await openVcs(folder));
}

async function changes(from: string | undefined, to: string, vcs?: Vcs): Promise<readonly Change[]> {
  const repository = vcs ?? (await open());
  return valueOf(await repository.changes({ ...(from !== undefined && { from }), to }));
}

describe('names', () => {
  test('newlines, tabs, quotes, colons, dashes and backslashes stay what they are', async () => {
    const names = [
      'a\nb',
      'tab\there',
      '"quoted"',
      ':colon',
      '-dash',
      'back\\slash',
      '1\t2\tx',
      '*.ts',
      'é漢',
    ];
    const first = lab.commit('empty');
    for (const name of names) lab.write(name, `${name}\n`);
    const second = lab.commit('odd');
    const found = await changes(first, second);
    expect(new Set(found.map((change) => change.path))).toEqual(new Set(names));
    expect(found.every((change) => change.status === 'added' && (change.added ?? 0) >= 1)).toBe(true);
    const vcs = await open();
    const starred = valueOf(await vcs.diff({ from: first, to: second }, { path: '*.ts', maxBytes: 10_000 }));
    expect(starred.text.match(/^diff /gm)).toHaveLength(1);
    expect(valueOf(await vcs.log({ skip: 0, limit: 5, path: ':colon' }))).toHaveLength(1);
  });

  test('a name that is not UTF-8 is shown with a replacement for each bad byte', async () => {
    const first = lab.commit('empty');
    writeFileSync(
      Buffer.concat([Buffer.from(`${lab.root}/caf`), Buffer.from([0xe9]), Buffer.from('.go')]),
      'x\n',
    );
    const second = lab.commit('latin');
    expect(await changes(first, second)).toMatchObject([
      { path: 'caf\u{fffd}.go', status: 'added', added: 1 },
    ]);
  });

  test('two names around a rename keep their line counts apart', async () => {
    const text = Array.from({ length: 40 }, (_, index) => `line ${index}\n`).join('');
    lab.write('old\tname', text);
    lab.write('kept', text.replace('line 3', 'other'));
    const first = lab.commit('begin');
    lab.move('old\tname', 'new\nname');
    lab.write('new\nname', `${text}more\n`);
    lab.write('twin', text.replace('line 3', 'other'));
    lab.write('kept', 'changed\n');
    const second = lab.commit('rename and copy');
    const found = await changes(first, second);
    expect(found.find((change) => change.path === 'new\nname')).toMatchObject({
      status: 'renamed',
      from_path: 'old\tname',
      added: 1,
      deleted: 0,
    });
    expect(found.find((change) => change.path === 'twin')).toMatchObject({
      status: 'copied',
      from_path: 'kept',
    });
    const { text: diff } = valueOf(
      await (await open()).diff({ from: first, to: second }, { path: 'new\nname', maxBytes: 10_000 }),
    );
    expect(diff).toContain('similarity index');
  });
});

describe('shapes of history', () => {
  test('a merge is counted against its first parent', async () => {
    lab.write('a', '1');
    lab.commit('root');
    lab.tool('checkout', '-q', '-b', 'side');
    lab.write('side', '1');
    const side = lab.commit('side');
    lab.tool('checkout', '-q', 'main');
    lab.write('b', '1');
    const main = lab.commit('main');
    lab.tool('merge', '-q', '--no-ff', '-m', 'merge', 'side');
    const [merge] = valueOf(await (await open()).log({ skip: 0, limit: 1 }));
    expect(merge).toMatchObject({ parents: [main, side], file_count: 1 });
    expect((await changes(main, merge?.id ?? '')).map((change) => change.path)).toEqual(['side']);
    const vcs = await open();
    expect(valueOf(await vcs.isAncestor(side, main))).toBe(false);
    expect(valueOf(await vcs.resolve(`${main}..main`))).toHaveLength(2);
  });

  test('commits without a change and roots are counted', async () => {
    lab.write('a', '1');
    lab.write('b', '1');
    lab.commit('root');
    lab.commit('nothing');
    const log = valueOf(await (await open()).log({ skip: 0, limit: 5 }));
    expect(log.map((commit) => commit.file_count)).toEqual([0, 2]);
  });

  test('refs are branches and tags, whatever is in their names', async () => {
    lab.commit('one');
    lab.tool('branch', 'a;touch${IFS}PWN,b');
    lab.tool('tag', 'v1');
    lab.tool('tag', '-m', 'note', 'v2');
    const [commit] = valueOf(await (await open()).log({ skip: 0, limit: 1 }));
    expect(new Set(commit?.refs)).toEqual(new Set(['main', 'a;touch${IFS}PWN,b', 'v1', 'v2']));
  });

  test('a branch counts before a tag of its name in the log', async () => {
    const first = lab.commit('one');
    lab.commit('two');
    lab.tool('tag', 'twin');
    lab.tool('branch', 'twin', first);
    const [commit] = valueOf(await (await open()).log({ from: 'twin', skip: 0, limit: 1 }));
    expect(commit?.id).toBe(first);
  });

  test('deep pages are the same as those that git skips to', async () => {
    const script = Array.from({ length: 700 }, (_, index) => {
      const stamp = `Ada <ada@example.org> ${1_770_000_000 + index * 60} +0000`;
      return `commit refs/heads/main\nauthor ${stamp}\ncommitter ${stamp}\ndata 6\nc ${String(index).padStart(4, '0')}\n`;
    }).join('');
    const fast = path.join(lab.root, 'fast');
    writeFileSync(fast, script);
    lab.tool('config', 'alias.load', `!git fast-import --quiet < ${fast}`);
    lab.tool('load');
    const vcs = await open();
    const subjects = async (skip: number): Promise<readonly string[]> =>
      valueOf(await vcs.log({ skip, limit: 2 })).map(({ subject }) => subject);
    expect(await subjects(499)).toEqual(['c 0200', 'c 0199']);
    expect(await subjects(500)).toEqual(['c 0199', 'c 0198']);
    expect(await subjects(698)).toEqual(['c 0001', 'c 0000']);
    expect(await subjects(700)).toEqual([]);
  });

  test('a branch without a commit has an empty history and files', async () => {
    lab.write('a', '1\n');
    const vcs = await open();
    expect(await vcs.head()).toMatchObject({ failure: { message: 'there is no commit yet' } });
    expect(valueOf(await vcs.branches())).toEqual({ current: 'main', names: [] });
    expect(await changes(undefined, 'worktree')).toMatchObject([{ path: 'a', status: 'added', added: 1 }]);
    lab.tool('add', 'a');
    expect(await changes(undefined, 'staged')).toMatchObject([{ path: 'a', status: 'added', added: 1 }]);
  });

  test('a detached head has no current branch', async () => {
    const first = lab.commit('one');
    lab.commit('two');
    lab.tool('checkout', '-q', '--detach', first);
    const vcs = await open();
    expect(valueOf(await vcs.branches())).toEqual({ names: ['main'] });
    expect(valueOf(await vcs.head())).toBe(first);
  });

  test('a shallow clone ends where it was cut', async () => {
    lab.write('a', '1');
    const first = lab.commit('one');
    lab.write('a', '2');
    const second = lab.commit('two');
    const clone = `${lab.root}.clone`;
    git(lab.root, ['clone', '-q', '--depth', '1', `file://${lab.root}`, clone]);
    const vcs = await open(clone);
    expect(valueOf(await vcs.log({ skip: 0, limit: 9 })).map(({ id }) => id)).toEqual([second]);
    expect(await vcs.isAncestor(first, second)).toMatchObject({ failure: { reason: 'invalid' } });
    expect(valueOf(await vcs.changes({ to: second }))).toMatchObject([{ path: 'a', status: 'added' }]);
    rmSync(clone, { recursive: true });
  });

  test('a repository of SHA-256 works as well', async () => {
    const modern = gitLab('--object-format=sha256');
    modern.write('a', '1\n');
    const first = modern.commit('one');
    expect(first).toHaveLength(64);
    const vcs = await open(modern.root);
    expect(valueOf(await vcs.changes({ to: first }))).toMatchObject([{ path: 'a', added: 1 }]);
    expect(valueOf(await vcs.resolve('last:1'))).toEqual([first]);
    modern.close();
  });
});

describe('places', () => {
  test('a bare repository has history and no files', async () => {
    lab.write('a', '1');
    const first = lab.commit('one');
    const bare = `${lab.root}.git`;
    git(lab.root, ['clone', '-q', '--bare', lab.root, bare]);
    const vcs = await open(bare);
    expect(vcs.root).toBe(bare);
    expect(valueOf(await vcs.head())).toBe(first);
    expect(await vcs.changes({ to: 'worktree' })).toMatchObject({
      failure: { message: 'a bare repository has no working tree' },
    });
    rmSync(bare, { recursive: true });
  });

  test('a linked working tree has its own head and files', async () => {
    lab.write('a', '1\n');
    lab.commit('one');
    const linked = `${lab.root}.linked`;
    lab.tool('worktree', 'add', '-q', '-b', 'other', linked);
    const vcs = await open(linked);
    expect(vcs.root).toBe(linked);
    expect(valueOf(await vcs.branches()).current).toBe('other');
    writeFileSync(path.join(linked, 'a'), '2\n');
    expect(await changes(undefined, 'worktree', vcs)).toMatchObject([{ path: 'a', added: 1, deleted: 1 }]);
    expect(await changes(undefined, 'worktree')).toEqual([]);
    rmSync(linked, { recursive: true });
  });

  test('a folder reached through a symbolic link is the same repository', async () => {
    lab.commit('one');
    const link = `${lab.root}.link`;
    symlinkSync(lab.root, link);
    expect((await open(link)).root).toBe(realpathSync(lab.root));
    rmSync(link);
  });

  test('a submodule is one change without lines, and a repository of its own', async () => {
    const inner = gitLab();
    inner.write('x', '1');
    inner.commit('inner');
    const first = lab.commit('outer');
    lab.tool('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.root, 'lib/inner');
    const second = lab.commit('submodule');
    const found = await changes(first, second);
    expect(found.find((change) => change.path === 'lib/inner')).toEqual({
      path: 'lib/inner',
      status: 'added',
      is_binary: false,
      is_submodule: true,
    });
    expect((await open(path.join(lab.root, 'lib/inner'))).root).toBe(path.join(lab.root, 'lib/inner'));
    inner.close();
  });

  test('staged and other changes are told apart', async () => {
    lab.write('a', '1\n');
    lab.commit('one');
    lab.write('a', '2\n');
    lab.tool('add', 'a');
    lab.write('a', '2\n3\n');
    expect(await changes(undefined, 'staged')).toMatchObject([{ path: 'a', added: 1, deleted: 1 }]);
    expect(await changes(undefined, 'worktree')).toMatchObject([{ path: 'a', added: 2, deleted: 1 }]);
  });

  test('what stands for no ordinary file is not read', async () => {
    lab.commit('one');
    symlinkSync('/etc/passwd', path.join(lab.root, 'link'));
    mkdirSync(path.join(lab.root, 'nested'));
    git(path.join(lab.root, 'nested'), ['init', '-q']);
    git(path.join(lab.root, 'nested'), ['commit', '-q', '--allow-empty', '-m', 'x']);
    lab.write('ignored.log', 'x');
    lab.write('.gitignore', '*.log\n');
    const found = await changes(undefined, 'worktree');
    expect(found.map((change) => change.path)).toEqual(['.gitignore', 'link', 'nested']);
    const vcs = await open();
    const { text } = valueOf(await vcs.diff({ to: 'worktree' }, { path: 'link', maxBytes: 10_000 }));
    expect(text).toContain('+/etc/passwd');
    expect(text).not.toContain('root:');
  });
});

describe('a repository that wants to run something', () => {
  let victim: string;
  let script: string;

  beforeEach(() => {
    victim = path.join(lab.root, '..', `${path.basename(lab.root)}.victim`);
    script = `${victim}.sh`;
    writeFileSync(script, `#!/bin/sh\ntouch ${victim}\ncat\n`, { mode: 0o755 });
    lab.write('a.txt', '1\n');
    lab.write('.gitattributes', '*.txt filter=evil diff=evil\n');
    lab.commit('one');
    lab.write('a.txt', '2\n');
    lab.commit('two');
    lab.write('a.txt', '3\n');
  });

  afterEach(() => {
    rmSync(victim, { force: true });
    rmSync(script, { force: true });
  });

  test.each([
    ['core.fsmonitor'],
    ['diff.external'],
    ['diff.evil.textconv'],
    ['diff.evil.command'],
    ['filter.evil.clean'],
    ['filter.evil.smudge'],
    ['filter.evil.process'],
    ['core.pager'],
    ['gpg.program'],
    ['core.sshCommand'],
    ['core.askPass'],
    ['pager.log'],
    ['pager.diff'],
    ['interactive.diffFilter'],
  ])('%s is not run', async (key) => {
    lab.tool('config', key, script);
    lab.tool('config', 'filter.evil.required', 'true');
    lab.tool('config', 'log.showSignature', 'true');
    const vcs = await open();
    const [last] = valueOf(await vcs.log({ skip: 0, limit: 5, path: 'a.txt' }));
    await vcs.head();
    await vcs.branches();
    await vcs.resolve('HEAD~1..HEAD');
    expect(valueOf(await vcs.changes({ to: 'worktree' }))).toMatchObject([
      { path: 'a.txt', added: 1, deleted: 1 },
    ]);
    await vcs.changes({ to: 'staged' });
    expect(valueOf(await vcs.diff({ to: 'worktree' }, { maxBytes: 10_000 })).text).toContain('+3');
    await vcs.diff({ from: 'HEAD~1', to: last?.id ?? '' }, { maxBytes: 10_000 });
    expect(existsSync(victim)).toBe(false);
  });

  test('hooks are not run', async () => {
    for (const hook of ['post-index-change', 'reference-transaction', 'fsmonitor-watchman']) {
      lab.tool('config', 'core.hooksPath', path.dirname(script));
      symlinkSync(script, path.join(lab.root, '.git/hooks', hook));
    }
    lab.tool('config', '--unset', 'core.hooksPath');
    await changes(undefined, 'worktree');
    expect(existsSync(victim)).toBe(false);
  });

  test('a remote is not asked for what a partial clone lacks', async () => {
    const clone = `${lab.root}.partial`;
    lab.tool('config', 'uploadpack.allowFilter', 'true');
    git(lab.root, ['clone', '-q', '--no-checkout', '--filter=blob:none', `file://${lab.root}`, clone]);
    git(clone, ['config', 'remote.origin.uploadpack', script]);
    const vcs = await open(clone);
    const answer = await vcs.diff({ from: 'HEAD~1', to: 'HEAD' }, { maxBytes: 10_000 });
    expect(answer).toMatchObject({ failure: { reason: 'invalid' } });
    expect(existsSync(victim)).toBe(false);
    rmSync(clone, { recursive: true });
  });

  test('a working tree that lies elsewhere is refused', async () => {
    lab.tool('config', 'core.worktree', os.tmpdir());
    expect(await openVcs(lab.root)).toMatchObject({ failure: { reason: 'invalid' } });
  });

  test("variables of git's own do not lead elsewhere", async () => {
    const other = mkdtempSync(path.join(os.tmpdir(), 'pipewright-other-'));
    git(other, ['init', '-q']);
    process.env['GIT_DIR'] = path.join(other, '.git');
    process.env['GIT_EXTERNAL_DIFF'] = script;
    process.env['EDITOR'] = script;
    try {
      const vcs = await open();
      expect(valueOf(await vcs.log({ skip: 0, limit: 9 }))).toHaveLength(2);
      await vcs.diff({ to: 'worktree' }, { maxBytes: 1000 });
      expect(existsSync(victim)).toBe(false);
    } finally {
      for (const name of ['GIT_DIR', 'GIT_EXTERNAL_DIFF', 'EDITOR']) delete process.env[name];
      rmSync(other, { recursive: true });
    }
  });
});
