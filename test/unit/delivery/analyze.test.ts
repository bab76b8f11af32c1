import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ok } from '../../../src/core/failure.ts';
import type { ServiceHistory, ServiceRelease } from '../../../src/core/releases.ts';
import { analyzeSchema } from '../../../src/core/settings/analyze.ts';
import { buildSchema } from '../../../src/core/settings/build.ts';
import { deploySchema } from '../../../src/core/settings/deploy.ts';
import { defaultSettings, type StageSettings } from '../../../src/core/settings/index.ts';
import { analyze, type AnalysisReport } from '../../../src/delivery/analyze/analyze.ts';
import type { AnalysisRequest } from '../../../src/delivery/analyze/bases.ts';
import { openVcs } from '../../../src/vcs/index.ts';
import { gitLab, type RepositoryLab } from '../../support/repositories.ts';

let lab: RepositoryLab;
let first: string;

beforeEach(() => {
  lab = gitLab();
  lab.write('src/App.tsx', '1\n');
  lab.write('server/main.ts', '1\n');
  first = lab.commit('begin');
});

afterEach(() => lab.close());

const SERVICES: StageSettings = {
  ...defaultSettings('shop'),
  build: buildSchema.parse({ services: { frontend: {}, backend: {}, worker: { categories: ['backend'] } } }),
  deploy: deploySchema.parse({ services: { frontend: { port: 8080 }, backend: { port: 8081 } } }),
};

/** Releases that served healthy: service to commit. */
function healthy(commits: Readonly<Record<string, string>>): AnalysisRequest['releases'] {
  return {
    read: (environment, service) => {
      const commit = environment === 'production' ? commits[service] : undefined;
      const history: ServiceHistory = { releases: [], bad_commits: [] };
      return Promise.resolve(
        ok(commit === undefined ? history : { ...history, last_healthy: releaseOf(service, commit) }),
      );
    },
  };
}

function releaseOf(service: string, commit: string): ServiceRelease {
  return {
    digest: 'sha256:0',
    reference: 'x',
    env: {},
    run_id: 'r',
    service,
    environment: 'production',
    commit,
    hosts: ['local'],
    runtime: 'process',
    deployed_at: '2026-02-01T00:00:00Z',
    verdict: 'healthy',
    has_migration: false,
  };
}

function analyzed(change: Partial<AnalysisRequest> = {}): Promise<AnalysisReport> {
  return analyze({
    project: lab.root,
    environment: 'production',
    commits: [],
    settings: SERVICES,
    releases: healthy({ frontend: first, backend: first, worker: first }),
    openVcs,
    ...change,
  });
}

function builds({ changes }: AnalysisReport): Record<string, boolean> {
  return Object.fromEntries(Object.entries(changes.services).map(([name, { build }]) => [name, build]));
}

function actions({ decisions }: AnalysisReport): readonly string[] {
  return decisions.map(({ action }) => action);
}

test('what is committed since the last healthy release counts, whatever was chosen', async () => {
  lab.write('server/main.ts', '2\n');
  lab.commit('not chosen');
  lab.write('src/App.tsx', '2\n');
  const chosen = lab.commit('chosen');
  const report = await analyzed({ commits: [chosen] });
  expect(report.changes).toMatchObject({
    any: true,
    base: first,
    head: chosen,
    is_dirty: false,
    files_count: 2,
    categories: { frontend: ['src/App.tsx'], backend: ['server/main.ts'] },
  });
  expect(actions(report)).toEqual(['run_all_tests', 'build_frontend', 'build_backend', 'build_worker']);
});

test('only frontend files: backend tests are skipped, only the frontend is built', async () => {
  lab.write('src/App.tsx', '2\n');
  lab.commit('frontend');
  const report = await analyzed();
  expect(actions(report)).toEqual([
    'skip_backend_test',
    'build_frontend',
    'skip_build_backend',
    'skip_build_worker',
  ]);
  expect(report.decisions[2]).toMatchObject({
    rule: 'untouched',
    reason: 'no file changed in: backend, database',
    evidence: [
      { name: 'base', value: first },
      { name: 'areas', value: ['frontend'] },
      { name: 'files', value: ['src/App.tsx'] },
    ],
  });
});

test('each service is counted from its own release, and the older base is told', async () => {
  lab.write('server/main.ts', '2\n');
  const second = lab.commit('backend');
  lab.write('src/App.tsx', '2\n');
  lab.commit('frontend');
  const report = await analyzed({ releases: healthy({ frontend: first, backend: second, worker: second }) });
  expect(builds(report)).toEqual({ frontend: true, backend: false, worker: false });
  expect(report.changes).toMatchObject({
    base: first,
    services: { frontend: { base: first, files_count: 2 }, backend: { base: second, files_count: 1 } },
  });
  expect(actions(report)[0]).toBe('run_all_tests');
});

test('nothing since the release: the pipeline is skipped', async () => {
  const report = await analyzed();
  expect(report.changes).toMatchObject({
    any: false,
    base: first,
    head: first,
    files_count: 0,
    categories: {},
  });
  expect(actions(report)).toEqual([
    'skip_pipeline',
    'skip_build_frontend',
    'skip_build_backend',
    'skip_build_worker',
  ]);
});

test('a first deploy runs everything and says so', async () => {
  const report = await analyzed({ releases: healthy({ backend: first }) });
  expect(report.changes).toMatchObject({ any: true, base: null });
  expect(report.decisions[0]).toMatchObject({
    action: 'run_all',
    rule: 'first-deploy',
    reason: 'frontend has no healthy release in production yet',
  });
  expect(builds(report)).toEqual({ frontend: true, backend: false, worker: true });
});

test('a release of another environment is no base', async () => {
  const report = await analyzed({ environment: 'staging' });
  expect(report.decisions[0]).toMatchObject({ action: 'run_all', rule: 'first-deploy' });
});

test('a base that the repository does not have runs everything and says so', async () => {
  const gone = 'd'.repeat(40);
  const report = await analyzed({ releases: healthy({ frontend: gone, backend: first, worker: first }) });
  expect(report.decisions[0]).toMatchObject({
    action: 'run_all',
    rule: 'base-missing',
    reason: 'commit ddddddd, which is deployed, is not in this repository',
  });
});

test('a release from files that were not committed is no base', async () => {
  const releases: AnalysisRequest['releases'] = {
    read: (_environment, service) =>
      Promise.resolve(
        ok({
          releases: [],
          bad_commits: [],
          last_healthy: { ...releaseOf(service, first), ...(service === 'backend' && { is_dirty: true }) },
        }),
      ),
  };
  const report = await analyzed({ releases });
  expect(report.decisions[0]).toMatchObject({
    action: 'run_all',
    rule: 'base-dirty',
    reason: 'backend was deployed from files that were not committed',
  });
  expect(builds(report)).toEqual({ frontend: false, backend: true, worker: false });
});

test('a base that is no ancestor runs everything and says so', async () => {
  lab.tool('checkout', '-q', '-b', 'side');
  lab.write('x.tsx', '1\n');
  const side = lab.commit('side');
  lab.tool('checkout', '-q', 'main');
  lab.write('src/App.tsx', '2\n');
  lab.commit('main');
  const report = await analyzed({ releases: healthy({ frontend: side, backend: side, worker: side }) });
  expect(report.decisions[0]).toMatchObject({ action: 'run_all', rule: 'base-not-ancestor' });
  expect(report.changes).toMatchObject({ any: true, base: null });
  expect(builds(report)).toEqual({ frontend: true, backend: true, worker: true });
});

test('chosen commits count even when they are deployed already', async () => {
  lab.write('src/App.tsx', '2\n');
  const second = lab.commit('frontend');
  const report = await analyzed({
    commits: [second],
    releases: healthy({ frontend: second, backend: second, worker: second }),
  });
  expect(report.changes).toMatchObject({
    any: true,
    files_count: 1,
    categories: { frontend: ['src/App.tsx'] },
  });
});

test('a chosen commit that is not in what is built is warned of', async () => {
  lab.tool('checkout', '-q', '-b', 'side');
  lab.write('x.tsx', '1\n');
  const side = lab.commit('side');
  lab.tool('checkout', '-q', 'main');
  const report = await analyzed({ commits: [side] });
  expect(report.warnings).toEqual([
    `commit ${side.slice(0, 7)} was chosen, and it is not in what is built (${first.slice(0, 7)})`,
  ]);
});

test('what is not committed is built too, so it counts', async () => {
  lab.write('server/main.ts', '2\n');
  lab.write('src/New.tsx', '1\n');
  const report = await analyzed();
  expect(report.changes).toMatchObject({ is_dirty: true, files_count: 2 });
  expect(report.warnings).toEqual(['2 files are not committed, and part of what is built']);
});

test('an ignored file that is not committed is nothing to warn of', async () => {
  lab.write('notes.md', 'x\n');
  const settings = { ...SERVICES, analyze: analyzeSchema.parse({ ignore: ['*.md'] }) };
  const report = await analyzed({ settings });
  expect(report).toMatchObject({ warnings: [], changes: { any: false, is_dirty: false } });
  expect(report.decisions[0]).toMatchObject({ action: 'skip_pipeline', rule: 'only-ignored' });
});

test('both names of a moved file count', async () => {
  lab.move('src/App.tsx', 'server/App.ts');
  lab.commit('move');
  const report = await analyzed();
  expect(report.changes.categories).toEqual({ frontend: ['src/App.tsx'], backend: ['server/App.ts'] });
});

test('without a deploy, the chosen commits are what it is about; without them everything runs', async () => {
  lab.write('server/main.ts', '2\n');
  const second = lab.commit('backend');
  lab.write('src/App.tsx', '2\n');
  lab.commit('frontend');
  const settings = defaultSettings('library');
  const chosen = await analyzed({ settings, commits: [second] });
  expect(actions(chosen)).toEqual(['skip_performance_test']);
  expect(chosen.changes).toMatchObject({
    any: true,
    base: null,
    categories: { backend: ['server/main.ts'] },
  });
  const none = await analyzed({ settings });
  expect(none.decisions).toMatchObject([{ action: 'run_all', rule: 'no-base' }]);
});

test('scattered commits are taken one by one, a root commit too', async () => {
  lab.write('server/main.ts', '2\n');
  lab.commit('backend');
  lab.write('src/App.tsx', '2\n');
  const third = lab.commit('frontend');
  const settings = defaultSettings('library');
  const scattered = await analyzed({ settings, commits: [third] });
  expect(scattered.changes.categories).toEqual({ frontend: ['src/App.tsx'] });
  const root = await analyzed({ settings, commits: [first, third] });
  expect(root.changes.counts).toEqual({ frontend: 1, backend: 1 });
});

test('since: another base is named by hand', async () => {
  lab.tool('tag', 'v1');
  lab.write('server/main.ts', '2\n');
  lab.commit('backend');
  const report = await analyzed({ since: 'v1', releases: healthy({}) });
  expect(report.changes.base).toBe(first);
  expect(actions(report)[0]).toBe('skip_performance_test');
  const wrong = await analyzed({ since: 'nonsense' });
  expect(wrong.decisions[0]).toMatchObject({
    action: 'run_all',
    rule: 'base-missing',
    reason: 'since: "nonsense" is not a commit of this repository',
  });
});

test('a project in a folder of a repository sees its own files first, and others as outside', async () => {
  const project = path.join(lab.root, 'apps/web');
  mkdirSync(project, { recursive: true });
  writeFileSync(path.join(project, 'page.tsx'), '1\n');
  lab.commit('project');
  const own = await analyzed({ project });
  expect(own.changes.categories).toEqual({ frontend: ['page.tsx'] });
  lab.write('lib/other.ts', '1\n');
  lab.commit('beside');
  const beside = await analyzed({ project });
  expect(beside.decisions[0]).toMatchObject({ action: 'run_all', rule: 'outside-project' });
});

test('a folder without a repository runs everything and says so', async () => {
  const report = await analyzed({ project: '/' });
  expect(report.changes).toMatchObject({ any: true, base: null, head: '' });
  expect(report.decisions[0]).toMatchObject({ action: 'run_all', rule: 'no-repository' });
  expect(builds(report)).toEqual({ frontend: true, backend: true, worker: true });
});

test('many files: lists are cut, counts are true, the report has all', async () => {
  for (let index = 0; index < 120; index++) lab.write(`src/pages/p${index}.ts`, 'x\n');
  lab.commit('many');
  const report = await analyzed();
  expect(report.changes.categories['frontend']).toHaveLength(50);
  expect(report.changes).toMatchObject({ files_count: 120, counts: { frontend: 120 }, is_truncated: true });
  expect(report.files).toHaveLength(120);
});
