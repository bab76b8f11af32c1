import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { checkProject } from '../../../src/config/project.ts';
import { brief, configRig, found } from '../../support/config-rig.ts';

/** Each file with every problem in it, as `brief` writes them. */
const table = z.array(
  z.strictObject({
    title: z.string(),
    text: z.string(),
    /** Beside it in the folder, by name. */
    files: z.record(z.string(), z.string()).default({}),
    problems: z.array(z.string()).min(1),
  }),
);

function broken(name: string): z.output<typeof table> {
  return table.parse(
    JSON.parse(readFileSync(new URL(`../../fixtures/broken/${name}`, import.meta.url), 'utf8')),
  );
}

const brokenPipelines = broken('pipelines.json');
const brokenProjects = broken('projects.json');

test('there are at least 60 broken pipelines', () => {
  expect(brokenPipelines.length).toBeGreaterThanOrEqual(60);
});

test('there are at least 60 broken project files', () => {
  expect(brokenProjects.length).toBeGreaterThanOrEqual(60);
});

test.each(brokenPipelines)(
  'a pipeline with $title is refused at the exact place',
  async ({ text, problems }) => {
    await using rig = await configRig();
    const result = await rig.load(text);
    expect(result.ok).toBe(false);
    expect(found(result)).toEqual(problems);
  },
);

test.each(brokenProjects)(
  'a project file with $title is refused at the exact place',
  async ({ text, files, problems }) => {
    await using rig = await configRig();
    await rig.write('pipewright.yaml', text);
    for (const [name, content] of Object.entries(files)) await rig.write(name, content);
    const diagnostics = await checkProject(rig.folder);
    expect(diagnostics.map(brief)).toEqual(problems);
    expect(JSON.stringify(diagnostics)).not.toMatch(/ghp_abc|hunter2|abcdefghijklmnop/);
  },
);

test('all problems of a file are reported at once, by position', async () => {
  await using rig = await configRig();
  const result = await rig.load(`nmae: release
params:
  n: {type: int, default: x}
secrets: {TOKEN: hunter2}
stages:
  - name: build
    timeout: 5x
    needs: [nowhere]
    secrets: [TOKNE]
    if: "params.m == "
    command: echo {{.n}} {{.m}}
  - name: build
    uses: shel
    retry: {max_attempts: 0, delay: soon}
  - deploy
finally:
  - name: clean
    steps: [rm x, {command: "", timeout: 0}]
`);
  expect(found(result).map((line) => line.split(' error: ')[0])).toEqual([
    '1:1',
    '3:27',
    '4:18',
    '7:14',
    '8:13',
    '9:15',
    '10:22',
    '11:29',
    '12:11',
    '13:11',
    '14:27',
    '14:37',
    '15:5',
    '18:29',
    '18:42',
  ]);
});

test('a line that holds a secret is never repeated, not even for another problem on it', async () => {
  await using rig = await configRig();
  const result = await rig.load(
    'steps:\n  - {command: ls, env: {K: ghp_abcdefghijklmnopqrstuvwxyz0123}, tiemout: 5}\n',
  );
  expect(found(result)).toHaveLength(2);
  expect(JSON.stringify(result)).not.toContain('ghp_abc');
});
