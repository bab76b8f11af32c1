import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { rangesOf } from '../../src/delivery/analyze/gather.ts';
import { analyzeCommits } from '../../src/testgen/analysis/analyze-commits.ts';
import { openVcs } from '../../src/vcs/index.ts';
import { gitLab, hasTool, type RepositoryLab, svnLab } from '../support/repositories.ts';
import { valueOf } from '../support/results.ts';

/** What the commits of a lab changed, as the stage asks for it. */
async function analyse(lab: RepositoryLab, commits: readonly string[]) {
  const vcs = valueOf(await openVcs(lab.root));
  const ranges = valueOf(await rangesOf(vcs, commits));
  if (ranges === 'too many') throw new Error('too many commits');
  return valueOf(
    await analyzeCommits({
      vcs,
      project: path.join(lab.root, 'app'),
      ranges,
      commits,
      areasOf: () => [],
      skip: [],
    }),
  );
}

describe.each([
  ['git', gitLab],
  ['svn', svnLab],
] as const)('%s: what commits changed', (tool, create) => {
  test.skipIf(!hasTool(tool))(
    'is told by declaration, whether they follow each other or not, as it was then and not as it is now',
    { timeout: 60_000 },
    async () => {
      const lab = create();
      lab.write(
        'app/src/sum.js',
        'export function sum(a, b) {\n  return a - b;\n}\nexport function twice(a) {\n  return a * 2;\n}\n',
      );
      lab.write(
        'app/src/cart.js',
        "import { sum } from './sum.js';\nexport const total = (a) => sum(a, 1);\n",
      );
      lab.write('app/test/sum.test.js', "import { sum } from '../src/sum.js';\nsum(1, 2);\n");
      lab.write('README.md', 'one\n');
      lab.commit('begin');
      lab.write(
        'app/src/sum.js',
        'export function sum(a, b) {\n  return a + b;\n}\nexport function twice(a) {\n  return a * 2;\n}\n',
      );
      const fix = lab.commit('fix: sum sums');
      lab.write('README.md', 'two\n');
      lab.commit('docs');
      lab.write(
        'app/src/cart.js',
        "import { sum } from './sum.js';\nexport const total = (a) => sum(a, 2);\nexport const none = () => 0;\n",
      );
      const feature = lab.commit('none');
      lab.write('app/src/sum.js', 'export const sum = 0;\n');
      lab.commit('later');
      const one = await analyse(lab, [fix]);
      expect(one.files).toMatchObject([
        {
          path: 'src/sum.js',
          status: 'modified',
          category: 'source',
          added: 1,
          deleted: 1,
          symbols: [{ name: 'sum', change: 'modified', line: 1, end_line: 3 }],
          hunks: [{ line: 2, lines: 1, deleted: 1 }],
          history: { commits: 3, fixes: 1 },
          commits: [fix],
          dependents: ['src/cart.js'],
          tests: ['test/sum.test.js'],
        },
      ]);
      const both = await analyse(lab, [fix, feature]);
      expect(both.commits.map(({ subject }) => subject)).toEqual(['fix: sum sums', 'none']);
      expect(both.statistics).toMatchObject({ files: 2, symbols: 3, by_category: { source: 2 } });
      const cart = both.files.find((file) => file.path === 'src/cart.js');
      expect(cart?.symbols.map(({ name, change }) => `${name} ${change}`)).toEqual([
        'total modified',
        'none added',
      ]);
      lab.close();
    },
  );
});
