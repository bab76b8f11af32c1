import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { valueOf } from '../support/results.ts';
import type { Change, Vcs } from '../../src/core/vcs.ts';
import { openVcs } from '../../src/vcs/index.ts';
import type { RepositoryLab } from '../support/repositories.ts';

export interface VcsTraits {
  readonly kind: Vcs['kind'];
  /** Changes can be put aside for the next commit. */
  readonly hasStage: boolean;
  /** Mail address of the author `Bob <bob@example.org>`. */
  readonly email: string;
}

const LINES = Array.from({ length: 30 }, (_, index) => `line ${index}`).join('\n');

/** What every repository promises; run on real ones. */
export function vcsContract(create: () => RepositoryLab, traits: VcsTraits): void {
  describe(`${traits.kind} keeps the contract of a repository`, () => {
    let lab: RepositoryLab;
    let vcs: Vcs;
    const ids: Record<'first' | 'second' | 'moved' | 'binary' | 'last', string> = {
      first: '',
      second: '',
      moved: '',
      binary: '',
      last: '',
    };

    beforeAll(async () => {
      lab = create();
      lab.write('README.md', `${LINES}\n`);
      lab.write('src/app.ts', 'one\n');
      ids.first = lab.commit('Begin\n\nWith a body\nof two lines.');
      lab.write('src/app.ts', 'one\ntwo\n');
      lab.write('server/a b "quoted" é.ts', 'x\n');
      lab.write('server/at@sign.ts', 'x\n');
      ids.second = lab.commit('Server; $(touch victim) `touch victim`', 'Bob <bob@example.org>');
      lab.move('README.md', 'docs/GUIDE.md');
      ids.moved = lab.commit('Move the guide');
      lab.write('logo.png', Buffer.from([0, 1, 2, 3, 0, 255]));
      lab.remove('server/at@sign.ts');
      ids.binary = lab.commit('A picture');
      lab.write('src/app.ts', 'one\n2\n');
      ids.last = lab.commit('CHANGE the application', 'Bob <bob@example.org>');
      vcs = valueOf(await openVcs(lab.root));
      // Five commits of hg are fifteen starts of Python.
    });

    afterAll(() => lab.close());

    const changes = async (from: string | undefined, to: string): Promise<readonly Change[]> => {
      const found = valueOf(await vcs.changes({ ...(from !== undefined && { from }), to }));
      return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    };

    test('it is found from a folder inside it, with its top', async () => {
      const inside = valueOf(await openVcs(path.join(lab.root, 'src')));
      expect(inside).toMatchObject({ kind: traits.kind, root: lab.root });
    });

    test('head is the commit that is checked out', async () => {
      expect(valueOf(await vcs.head())).toBe(ids.last);
    });

    test('the log is newest first, page by page, and ends', async () => {
      const first = valueOf(await vcs.log({ skip: 0, limit: 2 }));
      const second = valueOf(await vcs.log({ skip: 2, limit: 2 }));
      expect([...first, ...second].map(({ id }) => id)).toEqual([
        ids.last,
        ids.binary,
        ids.moved,
        ids.second,
      ]);
      expect(valueOf(await vcs.log({ skip: 100, limit: 10 }))).toEqual([]);
      expect(valueOf(await vcs.log({ skip: 100_000, limit: 10 }))).toEqual([]);
    });

    test('a commit has its author, date, message, parents and number of files', async () => {
      const [second] = valueOf(await vcs.log({ from: ids.second, skip: 0, limit: 1 }));
      expect(second).toMatchObject({
        id: ids.second,
        parents: [ids.first],
        author: 'Bob',
        email: traits.email,
        subject: 'Server; $(touch victim) `touch victim`',
        body: '',
        file_count: 3,
      });
      expect(Number.isNaN(Date.parse(second?.date ?? ''))).toBe(false);
      expect(second?.date).toMatch(/(Z|[+-]\d\d:\d\d)$/);
      const [first] = valueOf(await vcs.log({ from: ids.first, skip: 0, limit: 1 }));
      expect(first).toMatchObject({ subject: 'Begin', body: 'With a body\nof two lines.' });
    });

    test('the log is filtered by text, author, path and start, as plain text in any case', async () => {
      const found = async (query: object): Promise<readonly string[]> =>
        valueOf(await vcs.log({ skip: 0, limit: 10, ...query })).map(({ id }) => id);
      expect(await found({ text: 'change the' })).toEqual([ids.last]);
      expect(await found({ text: '$(touch' })).toEqual([ids.second]);
      expect(await found({ text: '.*' })).toEqual([]);
      expect(await found({ author: 'BOB' })).toEqual([ids.last, ids.second]);
      expect(await found({ path: 'src' })).toEqual([ids.last, ids.second, ids.first]);
      expect(await found({ path: 'server/at@sign.ts' })).toEqual([ids.binary, ids.second]);
      expect(await found({ since: ids.moved })).toEqual([ids.last, ids.binary]);
      expect(await found({ author: 'ada', text: 'picture', path: 'logo.png' })).toEqual([ids.binary]);
      expect(await found({ author: 'ada', skip: 1, limit: 1 })).toEqual([ids.moved]);
    });

    test('nothing that is asked for can become an option', async () => {
      for (const from of ['--output=victim', '-r1', '--config=ui.debug=true']) {
        expect(await vcs.log({ from, skip: 0, limit: 1 })).toMatchObject({ failure: { reason: 'invalid' } });
        expect(await vcs.changes({ to: from })).toMatchObject({ failure: { reason: 'invalid' } });
        expect(await vcs.resolve(from)).toMatchObject({ failure: { reason: 'invalid' } });
      }
      expect(valueOf(await vcs.log({ skip: 0, limit: 1, path: '--output=victim' }))).toEqual([]);
      expect(valueOf(await vcs.log({ skip: 0, limit: 1, author: '--help' }))).toEqual([]);
      expect(await changes(undefined, 'worktree')).toEqual([]);
    });

    test('changes between two trees have their lines', async () => {
      expect(await changes(ids.first, ids.second)).toMatchObject([
        { path: 'server/a b "quoted" é.ts', status: 'added', added: 1, deleted: 0, is_binary: false },
        { path: 'server/at@sign.ts', status: 'added', added: 1, deleted: 0 },
        { path: 'src/app.ts', status: 'modified', added: 1, deleted: 0 },
      ]);
      expect(await changes(ids.second, ids.first)).toMatchObject([
        { path: 'server/a b "quoted" é.ts', status: 'deleted', added: 0, deleted: 1 },
        { path: 'server/at@sign.ts', status: 'deleted' },
        { path: 'src/app.ts', status: 'modified', added: 0, deleted: 1 },
      ]);
      expect(await changes(ids.last, ids.last)).toEqual([]);
    });

    test('a renamed file is one change', async () => {
      expect(await changes(ids.second, ids.moved)).toMatchObject([
        { path: 'docs/GUIDE.md', from_path: 'README.md', status: 'renamed', is_binary: false },
      ]);
    });

    test('a binary file has no lines', async () => {
      const [logo, gone] = await changes(ids.moved, ids.binary);
      expect(logo).toEqual({ path: 'logo.png', status: 'added', is_binary: true, is_submodule: false });
      expect(gone).toMatchObject({ path: 'server/at@sign.ts', status: 'deleted' });
    });

    test('without a start, a tree is compared with the empty one', async () => {
      expect((await changes(undefined, ids.first)).map((change) => [change.path, change.status])).toEqual([
        ['README.md', 'added'],
        ['src/app.ts', 'added'],
      ]);
    });

    test('a diff is unified, can be of one file, and is cut at a line', async () => {
      const whole = valueOf(await vcs.diff({ from: ids.first, to: ids.second }, { maxBytes: 100_000 }));
      expect(whole.truncated).toBe(false);
      expect(whole.text).toMatch(/^@@ -1(,1)? \+1,2 @@$/m);
      expect(whole.text).toMatch(/^\+two$/m);
      const one = valueOf(
        await vcs.diff({ from: ids.first, to: ids.second }, { path: 'server/at@sign.ts', maxBytes: 100_000 }),
      );
      expect(one.text).toMatch(/^\+x$/m);
      expect(one.text).not.toContain('two');
      const cut = valueOf(await vcs.diff({ to: ids.first }, { maxBytes: 300 }));
      expect(cut.truncated).toBe(true);
      expect(Buffer.byteLength(cut.text)).toBeLessThanOrEqual(300);
      expect(cut.text).toMatch(/\n$/);
    });

    test('the working tree is compared with its files that are not tracked yet', async () => {
      lab.write('src/app.ts', 'one\n2\n3\n');
      lab.write('new/file.txt', 'a\nb\n');
      expect(await changes(undefined, 'worktree')).toMatchObject([
        { path: 'new/file.txt', status: 'added', added: 2, deleted: 0 },
        { path: 'src/app.ts', status: 'modified', added: 1, deleted: 0 },
      ]);
      const { text } = valueOf(await vcs.diff({ to: 'worktree' }, { maxBytes: 100_000 }));
      expect(text).toMatch(/^\+3$/m);
      expect(text).toMatch(/^\+b$/m);
      expect((await changes(ids.moved, 'worktree')).map((change) => change.path)).toEqual([
        'logo.png',
        'new/file.txt',
        'server/at@sign.ts',
        'src/app.ts',
      ]);
      lab.write('src/app.ts', 'one\n2\n');
      rmSync(path.join(lab.root, 'new'), { recursive: true });
      expect(await changes(undefined, 'worktree')).toEqual([]);
    });

    test('staged changes are told from others, or there are none', async () => {
      const staged = await vcs.changes({ to: 'staged' });
      expect(traits.hasStage ? staged : staged.ok).toEqual(traits.hasStage ? { ok: true, value: [] } : false);
    });

    test('commits are chosen by range, by list and by number, oldest first', async () => {
      const chosen = async (request: string): Promise<readonly string[]> =>
        valueOf(await vcs.resolve(request));
      expect(await chosen(`${ids.moved}..${ids.last}`)).toEqual([ids.binary, ids.last]);
      expect(await chosen(`${ids.moved}..`)).toEqual([ids.binary, ids.last]);
      expect(await chosen(`${ids.last},${ids.first}, ${ids.last}`)).toEqual([ids.first, ids.last]);
      expect(await chosen('last:2')).toEqual([ids.binary, ids.last]);
    });

    test.each(['nonsense', 'last:0', 'last:100000', 'a,', 'a...b', ''])(
      '"%s" chooses nothing',
      async (request) => {
        expect(await vcs.resolve(request)).toMatchObject({ failure: { reason: 'invalid' } });
      },
    );

    test('a range without a commit in it is refused', async () => {
      expect(await vcs.resolve(`${ids.last}..${ids.first}`)).toMatchObject({
        failure: { reason: 'invalid', message: `${ids.last}..${ids.first}: there is no commit between them` },
      });
    });

    test('an ancestor is told from what is none', async () => {
      expect(valueOf(await vcs.isAncestor(ids.first, ids.last))).toBe(true);
      expect(valueOf(await vcs.isAncestor(ids.last, ids.last))).toBe(true);
      expect(valueOf(await vcs.isAncestor(ids.last, ids.first))).toBe(false);
      expect(await vcs.isAncestor('nonsense', ids.first)).toMatchObject({ failure: { reason: 'invalid' } });
    });

    test('the files of a commit are written elsewhere, as they were then', async () => {
      const parent = mkdtempSync(path.join(os.tmpdir(), 'pipewright-export-'));
      const folder = path.join(parent, 'tree @1');
      valueOf(await vcs.exportTree(ids.moved, folder));
      const names = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
      expect(names.toSorted()).toEqual([
        'docs/GUIDE.md',
        'server/a b "quoted" é.ts',
        'server/at@sign.ts',
        'src/app.ts',
      ]);
      expect(readFileSync(path.join(folder, 'src/app.ts'), 'utf8')).toBe('one\ntwo\n');
      expect(readFileSync(path.join(lab.root, 'src/app.ts'), 'utf8')).toBe('one\n2\n');
      expect(readdirSync(parent)).toEqual(['tree @1']);
      expect(await vcs.exportTree('nonsense', `${folder}2`)).toMatchObject({
        failure: { reason: 'invalid' },
      });
      rmSync(parent, { recursive: true });
    });

    test('it has branches', async () => {
      const { current, names } = valueOf(await vcs.branches());
      expect(names).toContain(current);
    });

    test('what is stopped says so', async () => {
      const stopped = await vcs.log({ skip: 0, limit: 1 }, AbortSignal.abort());
      expect(stopped).toEqual({ ok: false, failure: { reason: 'cancelled', by: 'caller' } });
    });

    test('a folder outside any repository is said to be that', async () => {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-nowhere-'));
      expect(await openVcs(folder)).toEqual({
        ok: false,
        failure: { reason: 'invalid', message: `${folder} is not in a git, svn or hg repository` },
      });
      rmSync(folder, { recursive: true });
    });
  });
}
