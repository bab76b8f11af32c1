import { describe, expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import { openVcs } from '../../src/vcs/index.ts';
import { hasTool, svnLab } from '../support/repositories.ts';
import { vcsContract } from './vcs.contract.ts';

describe.skipIf(!hasTool('svn'))('Subversion', () => {
  vcsContract(svnLab, { kind: 'svn', hasStage: false, email: 'bob@example.org' });

  test('a moved folder, a branch, and an unversioned folder that ignores itself', async () => {
    const lab = svnLab();
    lab.write('lib/a.ts', '1\n');
    lab.write('lib/deep/b.ts', '1\n');
    const first = lab.commit('one');
    lab.move('lib', 'source');
    const second = lab.commit('move');
    const vcs = valueOf(await openVcs(lab.root));
    const moved = valueOf(await vcs.changes({ from: first, to: second }));
    expect(moved.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toMatchObject([
      { path: 'source/a.ts', status: 'renamed', from_path: 'lib/a.ts' },
      { path: 'source/deep/b.ts', status: 'renamed', from_path: 'lib/deep/b.ts' },
    ]);
    lab.tool('copy', '-q', '-m', 'branch', '^/trunk', '^/branches/next');
    expect(valueOf(await vcs.branches())).toEqual({ current: 'trunk', names: ['trunk', 'next'] });
    const [last] = valueOf(await vcs.log({ from: 'next', skip: 0, limit: 1 }));
    expect(last?.subject ?? '').not.toBe('');
    lab.write('state/.gitignore', '*\n');
    lab.write('state/big.json', '{}');
    lab.write('new/x/y.ts', '1\n');
    expect(valueOf(await vcs.changes({ to: 'worktree' })).map(({ path }) => path)).toEqual(['new/x/y.ts']);
    lab.close();
  });

  test('names that look like XML, and text that does', async () => {
    const lab = svnLab();
    lab.write("a&b <c> 'd' é.ts", '<log>\n');
    const first = lab.commit('</msg></logentry> & "x" <b>');
    const vcs = valueOf(await openVcs(lab.root));
    const [commit] = valueOf(await vcs.log({ skip: 0, limit: 1 }));
    expect(commit).toMatchObject({ id: first, subject: '</msg></logentry> & "x" <b>', file_count: 1 });
    expect(valueOf(await vcs.changes({ to: first }))).toMatchObject([
      { path: "a&b <c> 'd' é.ts", status: 'added', added: 1 },
    ]);
    lab.close();
  });
});
