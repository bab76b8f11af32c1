import { defaultSettings } from '../../../src/core/settings/index.ts';
import { serveSchema } from '../../../src/core/settings/serve.ts';
import { mkdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { findPipelines, resolvePipeline } from '../../../src/config/find-pipelines.ts';
import { findProject } from '../../../src/config/find-project.ts';
import { loadPipeline } from '../../../src/config/load-pipeline.ts';
import { projectSchema } from '../../../src/config/project-schema.ts';
import { keysAt } from '../../../src/config/schema-keys.ts';
import { loadProject } from '../../../src/config/project.ts';
import { testKinds } from '../../support/config-kinds.ts';
import { type ConfigRig, configRig } from '../../support/config-rig.ts';

async function projectOf(rig: ConfigRig) {
  const result = await loadProject(rig.folder);
  if (!result.ok) throw new Error(JSON.stringify(result.failure));
  return result.value;
}

test('the project is the nearest folder with a project file or a repository', async () => {
  await using rig = await configRig();
  await mkdir(rig.file('outer/.git'), { recursive: true });
  await mkdir(rig.file('outer/mid/deep'), { recursive: true });
  expect(await findProject(rig.file('outer/mid/deep'))).toBe(rig.file('outer'));
  await rig.write('outer/mid/pipewright.yaml', '');
  expect(await findProject(rig.file('outer/mid/deep'))).toBe(rig.file('outer/mid'));
  expect(await findProject(rig.file('outer/mid/deep'), '../..')).toBe(rig.file('outer'));
});

test('without a project file, or with an empty one, everything is at its default', async () => {
  await using rig = await configRig();
  const defaults = {
    name: rig.folder.split('/').at(-1),
    safety: { max_consecutive_failures: 3, confirmation_expires_ms: 86_400_000 },
    environments: {},
    max_workers: 4,
    serve: serveSchema.parse({}),
    settings: defaultSettings(rig.folder.split('/').at(-1) ?? ''),
  };
  expect(await projectOf(rig)).toEqual({ folder: rig.folder, config: defaults });
  const file = await rig.write('pipewright.yaml', '# nothing yet\n');
  expect(await projectOf(rig)).toEqual({ folder: rig.folder, file, config: defaults });
});

test('every setting of the project arrives', async () => {
  await using rig = await configRig();
  await rig.write(
    'pipewright.yaml',
    `version: 1
project: {name: shop, description: The shop.}
safety: {max_consecutive_failures: 0, confirmation_expires: 30m}
max_workers: 2
x-note: ignored
environments:
  staging:
  prod:
    description: The real one.
    env: {WHERE: "{{.environment}}", N: 1}
    params: {target: prod, level: 9, fast: false}
    require_confirmation: true
`,
  );
  expect((await projectOf(rig)).config).toEqual({
    name: 'shop',
    description: 'The shop.',
    safety: { max_consecutive_failures: 0, confirmation_expires_ms: 1_800_000 },
    max_workers: 2,
    serve: serveSchema.parse({}),
    settings: defaultSettings('shop'),
    environments: {
      staging: { env: {}, params: {}, require_confirmation: false, settings: defaultSettings('shop') },
      prod: {
        description: 'The real one.',
        env: {
          WHERE: expect.objectContaining({ text: '{{.environment}}' }),
          N: { text: '1', script: '1', values: [] },
        },
        params: { target: 'prod', level: 9, fast: false },
        require_confirmation: true,
        settings: defaultSettings('shop'),
      },
    },
  });
});

test('pipelines are found in the project, then among the shipped ones', async () => {
  await using rig = await configRig();
  await rig.write('pipelines/a.yaml', 'description: Mine.\nparams: {n: {}}\nsteps: [ls]\n');
  await rig.write('pipelines/LOUD.YAML', 'steps: [ls]\n');
  await rig.write('pipelines/broken.yml', 'stages: [{uses: x}, 5]\n');
  await rig.write('pipelines/kinds/k.js', '');
  await rig.write('pipelines/.hidden.yaml', 'steps: [ls]\n');
  await rig.write('shipped/a.yaml', 'steps: [ls]\n');
  await rig.write('shipped/z.yaml', 'steps: [ls]\n');
  const project = await projectOf(rig);
  const shippedFolder = rig.file('shipped');
  expect(await findPipelines({ kinds: testKinds, project, shippedFolder })).toEqual([
    { name: 'LOUD', file: rig.file('pipelines/LOUD.YAML'), origin: 'project', params: {}, problems: 0 },
    {
      name: 'a',
      file: rig.file('pipelines/a.yaml'),
      origin: 'project',
      description: 'Mine.',
      params: { n: { type: 'string', required: true } },
      problems: 0,
    },
    { name: 'broken', file: rig.file('pipelines/broken.yml'), origin: 'project', problems: 3 },
    { name: 'z', file: rig.file('shipped/z.yaml'), origin: 'shipped', params: {}, problems: 0 },
  ]);
  const resolve = (name: string) => resolvePipeline(name, { project, shippedFolder }, rig.file('sub'));
  expect(await resolve('a')).toEqual({ ok: true, value: rig.file('pipelines/a.yaml') });
  expect(await resolve('z')).toEqual({ ok: true, value: rig.file('shipped/z.yaml') });
  expect(await resolve('x.yaml')).toEqual({ ok: true, value: rig.file('sub/x.yaml') });
  expect(await resolve('../a')).toEqual({ ok: true, value: rig.file('a') });
  expect(await resolve('brokn')).toEqual({
    ok: false,
    failure: { reason: 'invalid', message: 'there is no pipeline "brokn"', hint: 'Did you mean "broken"?' },
  });
});

test('two files with one name are a problem wherever that name is meant, and none where a path says which', async () => {
  await using rig = await configRig();
  await rig.write('pipelines/a.yaml', 'steps: [ls]\n');
  await rig.write('pipelines/a.YML', 'steps: [pwd]\n');
  await rig.write('pipelines/outer.yaml', 'stages: [{name: s, pipeline: a}]\n');
  const project = await projectOf(rig);
  const message = 'pipelines/a.YML and pipelines/a.yaml have the same name, "a"';
  const hint = 'Rename or remove one of them, or give the path of the one that is meant.';
  expect(await resolvePipeline('a', { project }, rig.file('.'))).toEqual({
    ok: false,
    failure: { reason: 'invalid', message, hint },
  });
  const byPath = await resolvePipeline('pipelines/a.YML', { project }, rig.file('.'));
  expect(byPath).toEqual({ ok: true, value: rig.file('pipelines/a.YML') });
  const found = await findPipelines({ kinds: testKinds, project });
  expect(found.map(({ name, problems }) => [name, problems])).toEqual([
    ['a', 1],
    ['outer', 1],
  ]);
  const outer = await loadPipeline(rig.file('pipelines/outer.yaml'), { kinds: testKinds, project });
  expect(outer).toMatchObject({ ok: false, failure: [{ code: 'name-taken', line: 1, message, hint }] });
});

test('a project file of another name is named instead of ignored', async () => {
  await using rig = await configRig();
  await rig.write('pipewright.yml', 'project: shop\n');
  expect(await loadProject(rig.folder)).toMatchObject({
    ok: false,
    failure: [
      {
        code: 'misnamed',
        file: rig.file('pipewright.yml'),
        message: 'the project file is called pipewright.yaml',
        hint: 'Rename pipewright.yml to pipewright.yaml.',
      },
    ],
  });
});

const LAYERED = `project: shop
contexts:
  web: {type: ssh, host: web.example.org, user: deploy}
build: {services: {web: {args: {A: one, B: two}}}}
deploy:
  hosts: [web]
  services:
    web: {port: 8080, health: {path: /up, timeout: 30s}}
test: {e2e: {command: npx playwright test}}
environments:
  plain: {env: {A: "1"}}
  prod:
    contexts: {web: {host: prod.example.org}, web-2: {type: ssh, host: prod-2.example.org}}
    build: {services: {web: {args: {B: three}}}}
    deploy: {hosts: [web, web-2], services: {web: {health: {timeout: 2m}}}}
    test: {e2e: false}
    verify: {watchdog: {duration: 1m}}
`;

test('an environment lies over the sections: mappings are merged, lists and values replaced', async () => {
  await using rig = await configRig();
  await rig.write('pipewright.yaml', LAYERED);
  const { settings, environments } = (await projectOf(rig)).config;
  expect(environments['plain']?.settings).toBe(settings);
  const prod = environments['prod']?.settings;
  expect(prod?.contexts['web']).toMatchObject({ host: 'prod.example.org', user: 'deploy', port: 22 });
  expect(Object.keys(prod?.contexts ?? {})).toEqual(['web', 'web-2']);
  expect(prod?.build.services['web']?.args).toEqual({ A: 'one', B: 'three' });
  expect(prod?.deploy.hosts).toEqual(['web', 'web-2']);
  expect(prod?.deploy.services['web']).toMatchObject({
    port: 8080,
    health: { path: '/up', timeout: 120_000, interval: 1000 },
  });
  expect(prod?.test.e2e).toBe(false);
  expect(prod?.verify.watchdog).toMatchObject({ duration: 60_000, interval: 5000 });
  expect(settings.deploy.hosts).toEqual(['web']);
  expect(settings.contexts['web']).toMatchObject({ host: 'web.example.org' });
});

test('an overlay can say every key of its section and needs to say none', () => {
  const keys = (path: readonly string[]): readonly string[] => {
    const found = keysAt(projectSchema, path);
    expect(found.length).toBeGreaterThan(2);
    return found;
  };
  const places = [['deploy'], ['deploy', 'services', 'web'], ['verify', 'watchdog'], ['test', 'unit']];
  for (const place of places) {
    expect(keys(['environments', 'prod', ...place])).toEqual(keys(place));
  }
});
