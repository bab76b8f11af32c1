import { defaultSettings } from '../../../src/core/settings/index.ts';
import { mkdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { findPipelines, resolvePipeline } from '../../../src/config/find-pipelines.ts';
import { findProject } from '../../../src/config/find-project.ts';
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
    settings: defaultSettings('shop'),
    environments: {
      staging: { env: {}, params: {}, require_confirmation: false },
      prod: {
        description: 'The real one.',
        env: {
          WHERE: expect.objectContaining({ text: '{{.environment}}' }),
          N: { text: '1', script: '1', values: [] },
        },
        params: { target: 'prod', level: 9, fast: false },
        require_confirmation: true,
      },
    },
  });
});

test('pipelines are found in the project, then among the shipped ones', async () => {
  await using rig = await configRig();
  await rig.write('pipelines/a.yaml', 'description: Mine.\nparams: {n: {}}\nsteps: [ls]\n');
  await rig.write('pipelines/a.yml', 'steps: [never seen]\n');
  await rig.write('pipelines/broken.yml', 'stages: [{uses: x}, 5]\n');
  await rig.write('pipelines/kinds/k.js', '');
  await rig.write('pipelines/.hidden.yaml', 'steps: [ls]\n');
  await rig.write('shipped/a.yaml', 'steps: [ls]\n');
  await rig.write('shipped/z.yaml', 'steps: [ls]\n');
  const project = await projectOf(rig);
  const shippedFolder = rig.file('shipped');
  expect(await findPipelines({ kinds: testKinds, project, shippedFolder })).toEqual([
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
