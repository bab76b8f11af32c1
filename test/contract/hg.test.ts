import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import { openVcs } from '../../src/vcs/index.ts';
import { hasTool, hgLab } from '../support/repositories.ts';
import { vcsContract } from './vcs.contract.ts';

describe.skipIf(!hasTool('hg'))('Mercurial', () => {
  vcsContract(hgLab, { kind: 'hg', hasStage: false, email: 'bob@example.org' });

  test('nothing that the repository configures is run', async () => {
    const lab = hgLab();
    lab.write('a.txt', '1\n');
    lab.commit('one');
    lab.write('a.txt', '2\n');
    const victim = `${lab.root}.victim`;
    const extension = `${lab.root}.py`;
    writeFileSync(extension, `open(${JSON.stringify(victim)}, 'w')\n`);
    writeFileSync(
      path.join(lab.root, '.hg/hgrc'),
      `[extensions]\nevil = ${extension}\n[hooks]\npre-log = touch ${victim}\npre-status = touch ${victim}\n[encode]\n** = touch ${victim}; cat\n[alias]\nlog = !touch ${victim}\n`,
    );
    // It would be: otherwise this test shows nothing.
    lab.tool('status');
    expect(existsSync(victim)).toBe(true);
    rmSync(victim);
    const vcs = valueOf(await openVcs(lab.root));
    expect(valueOf(await vcs.log({ skip: 0, limit: 5 }))).toHaveLength(1);
    expect(valueOf(await vcs.changes({ to: 'worktree' }))).toMatchObject([{ path: 'a.txt', added: 1 }]);
    await vcs.diff({ to: 'worktree' }, { maxBytes: 1000 });
    expect(existsSync(victim)).toBe(false);
    rmSync(extension);
    lab.close();
  });

  test('two names of a merge, a copy, and a file that is missing', async () => {
    const lab = hgLab();
    lab.write('a.txt', '1\n2\n');
    const first = lab.commit('one');
    lab.copy('a.txt', 'b b/c.txt');
    const second = lab.commit('copy');
    lab.tool('update', '-q', first);
    lab.write('other', '1\n');
    const side = lab.commit('side');
    lab.tool('merge', '-q', second);
    const merge = lab.commit('merge');
    const vcs = valueOf(await openVcs(lab.root));
    const [last] = valueOf(await vcs.log({ skip: 0, limit: 1 }));
    expect(last).toMatchObject({ id: merge, parents: [side, second] });
    expect(valueOf(await vcs.changes({ from: first, to: second }))).toMatchObject([
      { path: 'b b/c.txt', status: 'copied', from_path: 'a.txt' },
    ]);
    expect(valueOf(await vcs.isAncestor(side, second))).toBe(false);
    rmSync(path.join(lab.root, 'other'));
    expect(valueOf(await vcs.changes({ to: 'worktree' }))).toMatchObject([
      { path: 'other', status: 'deleted' },
    ]);
    lab.close();
  });
});
