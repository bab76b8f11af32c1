import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { firstFiles } from '../../../src/config/first-files/index.ts';
import { loadPipeline } from '../../../src/config/load-pipeline.ts';
import { checkProject, loadProject } from '../../../src/config/project.ts';
import type { StageSettings } from '../../../src/core/settings/index.ts';
import { stageKinds } from '../../../src/stages/index.ts';
import { brief, configRig } from '../../support/config-rig.ts';

interface Written {
  readonly texts: Readonly<Record<string, string>>;
  readonly settings: StageSettings;
  /** `name` or `folder/name`, and the command. */
  readonly stages: readonly string[];
}

/** Writes what `init` would write into a repository of these files, and loads it: nothing may be wrong with it. */
async function initialised(repository: Readonly<Record<string, string>>): Promise<Written> {
  await using rig = await configRig();
  for (const [name, text] of Object.entries(repository)) await rig.write(name, text);
  const { files, pipeline } = await firstFiles(rig.folder);
  for (const { file, text } of files) await rig.write(file, text);
  expect((await checkProject(rig.folder)).map(brief)).toEqual([]);
  const project = await loadProject(rig.folder);
  if (!project.ok) throw new Error('it was checked just now');
  const deps = { kinds: stageKinds, project: project.value, contexts: ['local'] };
  const loaded = await loadPipeline(rig.file(`pipelines/${pipeline}.yaml`), deps);
  expect(loaded.ok ? loaded.warnings : loaded.failure.map(brief)).toEqual([]);
  const written: {
    readonly stages: readonly { readonly name: string; readonly steps: readonly { command: string }[] }[];
  } = parse(files[1]?.text ?? '');
  return {
    texts: Object.fromEntries(files.map(({ file, text }) => [file, text])),
    settings: project.value.config.settings,
    stages: written.stages.map(
      ({ name, steps }) => `${name}: ${steps.map(({ command }) => command).join('; ')}`,
    ),
  };
}

const manifest = (content: object): string => JSON.stringify(content);

test('an empty repository gets a pipeline that shows how, and nothing is deployed', async () => {
  const { stages, settings, texts } = await initialised({ 'README.md': '# hello\n' });
  expect(stages).toEqual(['greet: echo hello {{.who}}', 'count: ls | wc -l']);
  expect(settings.deploy.services).toEqual({});
  expect(texts['pipewright.yaml']).toContain('# Nothing here says how the project is served');
});

test.each([
  ['vitest', { scripts: { test: 'vitest run --coverage' } }, {}],
  ['jest', { scripts: { test: 'npm-run-all t:*' }, devDependencies: { jest: '29' } }, {}],
  ['mocha', { scripts: { test: 'nyc npm run m' } }, { '.mocharc.json': '{}' }],
  ['node', { scripts: { test: 'node --import tsx --test test/*.ts' } }, {}],
])('a package is tested by %s where its package.json or its files say so', async (runner, content, more) => {
  const { stages, settings } = await initialised({
    'package.json': manifest({ name: '@me/lib', ...content }),
    ...more,
  });
  expect(settings.project).toBe('lib');
  expect(settings.test.unit).toMatchObject({ runner });
  expect(stages).toEqual(['install: npm install', 'test: npm run test']);
});

test('a web application with a lock file, playwright and a workflow', async () => {
  const scripts = { lint: 'eslint .', build: 'vite build', test: 'vitest', start: 'node dist', prepare: 'x' };
  const { stages, settings, texts } = await initialised({
    'package.json': manifest({ name: 'shop', scripts }),
    'pnpm-lock.yaml': '',
    'playwright.config.ts': '',
    '.github/workflows/ci.yml': "on:\n  push:\n    branches: [main, 'release/*']\njobs: {}\n",
  });
  expect(stages).toEqual([
    'install: pnpm install --frozen-lockfile',
    'lint: pnpm run lint',
    'build: pnpm run build',
    'test: pnpm run test',
    'e2e: npx playwright test',
  ]);
  expect(settings.test.e2e).toMatchObject({ command: 'npx playwright test' });
  expect(settings.trigger).toMatchObject({ branches: ['main', 'release/*'], mode: 'offer' });
  expect(settings.build.services['shop']).toMatchObject({ context: '.', command: 'pnpm run build' });
  expect(settings.deploy).toMatchObject({ runtime: 'process', services: { shop: { port: 3000 } } });
  expect(texts['pipewright.yaml']).toMatch(/^ {6}port: 3000 +# a guess: /m);
});

test('what npm writes into a new package.json is no test', async () => {
  const scripts = { test: 'echo "Error: no test specified" && exit 1' };
  const { stages } = await initialised({ 'package.json': manifest({ scripts }), 'package-lock.json': '{}' });
  expect(stages).toEqual(['install: npm ci']);
});

test('a monorepo: members of a workspace are tested from its root, folders of other languages beside it', async () => {
  const { stages, texts } = await initialised({
    'package.json': manifest({ name: 'mono', workspaces: ['packages/*'], scripts: { lint: 'eslint .' } }),
    'package-lock.json': '{}',
    'packages/a/package.json': manifest({ name: 'a', scripts: { test: 'vitest', build: 'tsc' } }),
    'packages/b/package.json': manifest({ name: 'b', scripts: { test: 'vitest' } }),
    'services/api/go.mod': 'module api\n',
    'services/ml/pyproject.toml': '[tool.pytest.ini_options]\n',
    'node_modules/x/package.json': manifest({ name: 'x', scripts: { test: 'x' } }),
  });
  expect(stages).toEqual([
    'install: npm ci',
    'lint: npm run lint',
    'build: npm run build --workspaces --if-present',
    'test: npm run test --workspaces --if-present',
    'services-api-vet: go vet ./...',
    'services-api-test: go test ./...',
    expect.stringMatching(/^services-ml-compile: python3 -m compileall -q -x '/),
    'services-ml-test: python3 -m pytest',
  ]);
  expect(texts['pipelines/test.yaml']).toMatch(
    /name: services-api-vet .*\n {4}needs: \[\] .*\n {4}workdir: services\/api /,
  );
});

test.each([
  [
    'rust',
    { 'Cargo.toml': '', 'cli/Cargo.toml': '' },
    ['build: cargo build --all-targets', 'test: cargo test'],
  ],
  ['go', { 'go.mod': '', Makefile: 'test:\n\tgo test\n' }, ['vet: go vet ./...', 'test: go test ./...']],
  [
    'make',
    { Makefile: 'X := 1\ntest: build\n\t./t\nbuild:\n\tcc a.c\n' },
    ['build: make build', 'test: make test'],
  ],
])('a %s repository', async (_language, files, stages) => {
  expect((await initialised(files)).stages).toEqual(stages);
});

test('a folder that would only be installed stands back behind what is checked, but not behind nothing', async () => {
  const bench = { 'bench/package.json': manifest({ dependencies: { ink: '8' } }) };
  const root = { 'package.json': manifest({ scripts: { test: 'node --test' } }) };
  expect((await initialised({ ...root, ...bench })).stages).toEqual([
    'install: npm install',
    'test: npm run test',
  ]);
  expect((await initialised(bench)).stages).toEqual(['bench-install: npm install']);
});

test('python without pytest is tested by unittest', async () => {
  const { stages } = await initialised({ 'setup.py': '', 'requirements.txt': 'flask\n' });
  expect(stages[1]).toBe('test: python3 -m unittest discover');
});

const COMPOSE = `services:
  web:
    build: ./web
    image: shop/web:latest
    ports: ['\${PORT:-8080}:80']
    healthcheck: {test: [CMD, curl, -f, 'http://localhost/healthz']}
  api:
    build: {context: ./api, target: production}
    image: shop/api
    expose: [3000]
  worker: {build: ./worker}
  db: {image: 'postgres:16', ports: ['5432:5432']}
`;

test('a compose file: what is built here and has an image is deployed, with its ports and health checks', async () => {
  const { settings, texts } = await initialised({
    'docker-compose.yml': 'services: {dev: {build: .}}\n',
    'docker-compose.prod.yml': COMPOSE,
    'web/Dockerfile': 'FROM nginx\n',
    'api/Dockerfile': 'FROM node AS production\n',
    'worker/Dockerfile': 'FROM node\n',
  });
  expect(Object.keys(settings.build.services)).toEqual(['web', 'api', 'worker']);
  expect(settings.build.services['api']).toMatchObject({ target: 'production', categories: ['backend'] });
  expect(settings.analyze.categories).toEqual({ frontend: ['web/**'], backend: ['api/**', 'worker/**'] });
  expect(settings.deploy).toMatchObject({ runtime: 'compose', compose_file: 'docker-compose.prod.yml' });
  expect(settings.deploy.services).toMatchObject({
    web: { port: 8080, internal_port: 80, strategy: 'recreate', health: { path: '/healthz' } },
    api: { port: 3000, health: { path: '/health' } },
  });
  expect(Object.keys(settings.deploy.services)).toEqual(['web', 'api']);
  expect(texts['pipewright.yaml']).toContain('# worker is not deployed yet: a deploy changes its image:');
});

test('Dockerfiles alone: plain containers at the ports that they expose', async () => {
  const { settings, texts } = await initialised({
    'frontend/Dockerfile': 'FROM node AS build\nEXPOSE 9999\nFROM nginx\nEXPOSE 80\n',
    'backend/Dockerfile':
      'FROM node\nEXPOSE 80/tcp\nHEALTHCHECK --interval=5s \\\n  CMD wget -q http://127.0.0.1:80/up || exit 1\n',
    'tools/Dockerfile': 'FROM alpine\n',
  });
  expect(settings.deploy).toMatchObject({ runtime: 'container' });
  expect(settings.deploy.services).toMatchObject({
    backend: { port: 80, health: { path: '/up' } },
    frontend: { port: 81, internal_port: 80 },
  });
  expect(texts['pipewright.yaml']).toContain(
    '# tools is not deployed yet: tools/Dockerfile exposes no port.',
  );
});

test('nothing that a repository says of itself can break what is written', async () => {
  const evil = 'x"\n  evil: {{raw .a}} # \u001B[2J\u0000\u2028: - &a *a';
  const { settings } = await initialised({
    'package.json': manifest({
      name: `@e/${evil}`,
      scripts: { lint: evil, test: `vitest ${evil}`, start: evil, build: evil },
    }),
    'docker-compose.yml':
      'a: &a [x, x]\nb: &b [*a, *a]\nservices: {"a b": {build: .}, "-x": {build: ..}, ok: {build: ../../etc}}\n',
    Makefile: '$(shell touch hacked):\n\ttrue\n',
    '.github/workflows/x.yml': 'on: {push: {branches: ["a, b]", "$(x)"]}}\n',
    'we ird-{{x}}/package.json': manifest({ scripts: { test: 'mocha' } }),
  });
  expect(settings.trigger.branches).toEqual([]);
  expect(Object.keys(settings.deploy.services)).toHaveLength(0);
});

test('each line that was found says where', async () => {
  const { texts } = await initialised({
    'package.json': manifest({ name: 'lib', scripts: { test: 'vitest', start: 'node .' } }),
    'package-lock.json': '{}',
  });
  const lines = (texts['pipewright.yaml'] ?? '').split('\n').filter((text) => /^ *[a-z_]+: [^|]/.test(text));
  expect(lines.length).toBeGreaterThan(8);
  expect(lines.filter((text) => !text.includes(' # '))).toEqual([]);
});
