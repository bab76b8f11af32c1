import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyzeSchema } from '../../../src/core/settings/analyze.ts';
import { testDecisions } from '../../../src/delivery/analyze/decide.ts';
import { compileGlob } from '../../../src/delivery/analyze/glob.ts';
import { judge } from '../../../src/delivery/analyze/judge.ts';
import { createClassifier } from '../../../src/delivery/analyze/patterns.ts';

describe('globs', () => {
  test.each([
    ['*.tsx', 'src/deep/App.tsx', true],
    ['*.tsx', 'src/App.tsx.bak', false],
    ['server/', 'server/main.ts', true],
    ['server/', 'apps/x/server/main.ts', true],
    ['server/', 'observer/main.ts', false],
    ['src/pages/', 'web/src/pages/a/b.css', true],
    ['src/pages/', 'pages/a.css', false],
    ['/pipelines/', 'pipelines/a.yaml', true],
    ['/pipelines/', 'lib/pipelines/a.yaml', false],
    ['./docs/**', 'docs/a/b.md', true],
    ['docs/**/*.md', 'docs/a.md', true],
    ['docs/**/*.md', 'docs/a/b/c.md', true],
    ['docs/**/*.md', 'docs/a/b/c.txt', false],
    ['**/*.sql', 'a.sql', true],
    ['tailwind.config*', 'web/tailwind.config.js', true],
    ['{a,b}*.{yml,yaml}', 'b1.yaml', true],
    ['{a,b}*.{yml,yaml}', 'c1.yaml', false],
    ['file?.ts', 'file1.ts', true],
    ['file?.ts', 'file.ts', false],
    ['[id].tsx', 'src/[id].tsx', true],
    ['../shared/**', '../shared/a.ts', true],
    ['../shared/**', 'shared/a.ts', false],
    ['*', 'a\nb', true],
    ['/main', 'main', true],
    ['/main', 'feature/main', false],
    ['Dockerfile', 'docker/Dockerfile', true],
    ['Dockerfile', 'docker/dockerfile', false],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(compileGlob(pattern)(path)).toBe(expected);
  });

  test('a hostile pattern takes no time to speak of', () => {
    const matches = compileGlob(`${'*a'.repeat(40)}b`);
    expect(matches('a'.repeat(4000))).toBe(false);
    expect(compileGlob(`${'**/a/'.repeat(30)}b`)('a/'.repeat(2000))).toBe(false);
    expect(compileGlob('{a,b}'.repeat(30))('x')).toBe(false);
  });

  test('a star matches what a name may hold, whatever stands around it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^/{}*?]+$/), fc.stringMatching(/^[^/{}*?]+$/), (start, end) => {
        expect(compileGlob(`${start}*${end}`)(`x/${start}middle${end}`)).toBe(true);
      }),
    );
  });
});

const classifier = createClassifier(
  analyzeSchema.parse({
    categories: { frontend: ['*.css'], docs: ['*.md'] },
    shared: ['src/lib/'],
    ignore: ['LICENSE', 'docs/**'],
  }),
);

function decided(...paths: readonly string[]) {
  const files = paths.map(classifier.classify).filter((file) => file !== undefined);
  const judgement = judge(files, paths.length - files.length);
  const decisions = testDecisions(judgement, undefined, classifier);
  return { rule: judgement.rule, actions: decisions.map(({ action }) => action), decisions };
}

describe('the categories of spec 2', () => {
  test.each([
    ['src/App.tsx', ['frontend']],
    ['web/page.jsx', ['frontend']],
    ['src/pages/index.ts', ['frontend']],
    ['src/components/button.scss', ['frontend']],
    ['tailwind.config.js', ['frontend']],
    ['server/index.ts', ['backend']],
    ['api/users.ts', ['backend']],
    ['cmd/main.go', ['backend']],
    ['job.py', ['backend']],
    ['src/api/users.ts', ['backend']],
    ['src/routes/users.ts', ['backend']],
    ['db/migrations/001.js', ['database']],
    ['prisma/schema.prisma', ['database']],
    ['drizzle/0000.ts', ['database']],
    ['seed.sql', ['database']],
    ['docker/nginx.conf', ['config']],
    ['.github/workflows/ci.yml', ['config']],
    ['Dockerfile', ['config']],
    ['package.json', ['config']],
    ['lib/sum.test.ts', ['test']],
    ['lib/sum.spec.ts', ['test']],
    ['lib/__tests__/sum.ts', ['test']],
    ['src/components/Button.test.tsx', ['frontend', 'test']],
    ['styles/site.css', ['frontend']],
    ['NOTES.md', ['docs']],
    ['main.rs', []],
  ])('%s is %j', (path, expected) => {
    expect(classifier.classify(path)?.categories).toEqual(expected);
  });
});

describe('the rules of spec 2', () => {
  test('only frontend: backend tests are left out, named by their globs', () => {
    const { rule, decisions } = decided('src/App.tsx', 'src/components/Button.test.tsx');
    expect(rule).toBe('frontend-only');
    expect(decisions).toMatchObject([
      {
        action: 'skip_backend_test',
        reason: 'only frontend files changed',
        leave_out: ['**/server/**', '**/api/**', '**/*.go', '**/*.py', '**/src/api/**', '**/src/routes/**'],
        evidence: [
          { name: 'areas', value: ['frontend'] },
          { name: 'files', value: ['src/App.tsx', 'src/components/Button.test.tsx'] },
        ],
      },
    ]);
  });

  test.each([
    [['server/a.ts'], 'backend-only', ['skip_performance_test']],
    [
      ['.github/ci.yml', 'package.json'],
      'config-only',
      ['skip_unit_test', 'skip_e2e_test', 'skip_performance_test', 'skip_security_test'],
    ],
    [['package.json', 'server/a.ts'], 'config-changed', ['run_all']],
    [['src/shared/a.tsx'], 'shared-changed', ['run_all']],
    [['src/lib/a.tsx'], 'shared-changed', ['run_all']],
    [['server/a.ts', 'main.rs'], 'unknown-file', ['run_all']],
    [['package-lock.json'], 'lockfile-changed', ['run_all']],
    [['package.json', 'web/yarn.lock'], 'lockfile-changed', ['run_all']],
    [['Dockerfile'], 'dockerfile-changed', ['run_all']],
    [['server/Dockerfile.dev'], 'dockerfile-changed', ['run_all']],
    [['docker-compose.prod.yml'], 'dockerfile-changed', ['run_all']],
    [['pipewright.yaml'], 'pipeline-changed', ['run_all']],
    [['pipelines/deploy.yaml'], 'pipeline-changed', ['run_all']],
    [['../other/server/a.ts'], 'outside-project', ['run_all']],
    [['src/App.tsx', 'server/a.ts'], 'several-areas', ['run_all_tests']],
    [['migrations/1.sql'], 'several-areas', ['run_all_tests']],
    [['lib/a.test.ts'], 'test-only', ['run_all_tests']],
    [['src/App.tsx', 'lib/a.test.ts'], 'several-areas', ['run_all_tests']],
    [[], 'no-change', ['skip_pipeline']],
    [['LICENSE', 'docs/server/x.md'], 'only-ignored', ['skip_pipeline']],
    [['LICENSE', 'server/a.ts'], 'backend-only', ['skip_performance_test']],
  ])('%j: %s, %j', (paths, rule, actions) => {
    expect(decided(...paths)).toMatchObject({ rule, actions });
  });

  test('one file that is not known runs everything, whatever stands beside it', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('src/a.tsx', 'server/a.ts', 'package.json', 'x.sql', 'a.test.ts', 'NOTES.md'),
        ),
        (paths) => {
          expect(decided(...paths, 'main.rs').actions).toEqual(['run_all']);
        },
      ),
    );
  });
});
