import { expect, test } from 'vitest';
import { temporaryProject } from '../../support/cli.ts';
import { checkProject } from '../../../src/config/project.ts';

async function messages(text: string): Promise<readonly string[]> {
  using project = temporaryProject({ 'pipewright.yaml': text });
  return (await checkProject(project.root)).map(({ line, message }) => `${line}: ${message}`);
}

const hook = (more: string, kind = 'github'): string =>
  `environments: {staging: }\nserve:\n  hooks:\n    h: {kind: ${kind}, secret: 'env:KEY', pipeline: p, ${more}}\n`;

test.each([
  ['environment: stagin', 'github', 'there is no environment "stagin"'],
  ['signature_header: X-Sign', 'github', 'github has a header of its own'],
  ['events: [push]', 'generic', 'only GitHub and GitLab say which event it is'],
])('a hook with %s of kind %s is reported', async (more, kind, message) => {
  expect(await messages(hook(more, kind))).toEqual([`4: ${message}`]);
});

test('secrets are references, fields are names with dots, hooks have names that stand in an address', async () => {
  expect(await messages(hook("params: {a: b.0.c}, branches: ['release/*']"))).toEqual([]);
  expect(await messages('serve: {token: hunter2hunter2hunter2}')).toHaveLength(1);
  expect(await messages(hook('params: {a: "b..c"}'))).toHaveLength(1);
  expect(await messages(hook('').replace('h:', "'../h':"))).toHaveLength(1);
});
