import { expect, test } from 'vitest';
import { configRig, found, loaded } from '../../support/config-rig.ts';

const INNER = 'name: inner\nparams: {size: {type: int}, note: {default: x}}\nsteps: ["echo {{.size}}"]\n';

test('a stage may run another pipeline, given by file or by name', async () => {
  await using rig = await configRig();
  await rig.write('parts/inner.yaml', INNER);
  await rig.write('pipelines/named.yml', INNER);
  await rig.write('shipped/ours.yaml', INNER);
  const text = `params: {n: {type: int}}
stages:
  - {name: a, pipeline: parts/inner.yaml, params: {size: "{{.n}}"}}
  - {name: b, pipeline: named, params: {size: 3}}
  - {name: c, uses: pipeline, pipeline: ours, params: {size: 4, note: y}}
`;
  const definition = loaded(await rig.load(text, { shippedFolder: rig.file('shipped') }));
  expect(definition.stages.map(({ pipeline }) => pipeline?.source.file)).toEqual([
    rig.file('parts/inner.yaml'),
    rig.file('pipelines/named.yml'),
    rig.file('shipped/ours.yaml'),
  ]);
  expect(definition.stages[0]?.config).toMatchObject({ params: { size: { values: [{ path: 'n' }] } } });
  expect(definition.stages[1]?.config).toMatchObject({ params: { size: { text: '3' } } });
});

test('values for an inner pipeline are checked against what it declares', async () => {
  await using rig = await configRig();
  await rig.write('inner.yaml', INNER);
  const result = await rig.load(`stages:
  - {name: a, pipeline: inner, params: {sise: 3}}
  - {name: b, pipeline: inner, params: {size: many}}
`);
  expect(found(result)).toEqual([
    '2:40 error: the pipeline "inner" needs the parameter "size" [Give it here under params: {size: …}.]',
    '2:41 error: the pipeline "inner" has no parameter "sise" [Did you mean "size"?]',
    '3:47 error: size must be a whole number, not "many".',
  ]);
});

test('what is wrong in an inner file is told there, once', async () => {
  await using rig = await configRig();
  await rig.write('inner.yaml', 'steps: [ls]\nnmae: x\n');
  const result = await rig.load('stages:\n  - {name: a, pipeline: inner}\n  - {name: b, pipeline: inner}\n');
  expect(result.ok ? [] : result.failure.map(({ file, line, message }) => [file, line, message])).toEqual([
    [rig.file('case.yaml'), 2, 'the pipeline "inner" has errors'],
    [rig.file('case.yaml'), 3, 'the pipeline "inner" has errors'],
    [rig.file('inner.yaml'), 2, 'unknown key "nmae"'],
  ]);
});

test('pipelines that run each other in a circle are refused with the circle', async () => {
  await using rig = await configRig();
  await rig.write('b.yaml', 'stages: [{name: x, pipeline: c}]\n');
  await rig.write('c.yaml', 'stages: [{name: x, pipeline: b}]\n');
  const result = await rig.load('stages: [{name: x, pipeline: b}]\n');
  expect(found(result)).toContain(
    '1:30 error: pipelines run each other in a circle: b.yaml → c.yaml → b.yaml',
  );
});

test('nesting is possible 8 deep and no deeper', async () => {
  await using rig = await configRig();
  const chain = async (length: number) => {
    for (let depth = 1; depth < length; depth += 1) {
      await rig.write(`p${depth}.yaml`, `stages: [{name: x, pipeline: p${depth + 1}}]\n`);
    }
    await rig.write(`p${length}.yaml`, 'steps: [ls]\n');
    return rig.load('stages: [{name: x, pipeline: p1}]\n');
  };
  expect((await chain(8)).ok).toBe(true);
  expect(found(await chain(9)).join('\n')).toContain('pipelines inside pipelines, more than 8 deep');
});

test('pipelines that multiply are refused before they fill the memory', async () => {
  await using rig = await configRig();
  const many = (name: string) =>
    `stages:\n${Array.from({ length: 40 }, (_, index) => `  - {name: s${index}, pipeline: ${name}}`).join('\n')}\n`;
  await rig.write('c.yaml', 'steps: [ls]\n');
  await rig.write('b.yaml', many('c'));
  await rig.write('a.yaml', many('b'));
  const result = await rig.load(many('a'));
  expect(found(result)[0]).toContain('more than 1000 stages once the pipelines in it are counted');
});
