import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryProject } from '../support/cli.ts';

const PROJECT = `project: shop
contexts:
  web: {type: ssh, host: web.example.org}
deploy: {keep_releases: 3}
environments:
  staging:
  prod:
    contexts: {extra: {type: ssh, host: extra.example.org}, web: {user: root}}
    deploy: {keep_releases: 9}
`;

const seen = new Set<string>();

/** Of the run that was not asked for before. */
function storedSettings(root: string): unknown {
  const journals = globSync('state/runs/*/journal/*.ndjson', { cwd: root });
  const journal = journals.find((file) => !seen.has(file)) ?? '';
  seen.add(journal);
  const text = readFileSync(path.join(root, journal), 'utf8');
  const created = text.split('\n').find((line) => line.includes('"run.created"')) ?? '';
  return /"settings":(\{.*\})/.exec(created)?.[1];
}

test('a run stores the settings of its environment', async () => {
  using project = temporaryProject({
    'pipewright.yaml': PROJECT,
    'pipelines/ask.yaml': 'stages: [{name: ask, uses: approval}, {name: say, command: echo hello}]\n',
  });
  expect((await project.run(['run', 'ask', '--env', 'prod'])).code).toBe(3);
  const stored = storedSettings(project.root);
  expect(stored).toContain('"keep_releases":9');
  expect(stored).toContain('"user":"root"');
  expect(stored).toContain('"extra.example.org"');
  expect((await project.run(['run', 'ask', '--env', 'staging'])).code).toBe(3);
  expect(storedSettings(project.root)).toContain('"keep_releases":3');
});

test('a pipeline for a context of one environment is refused in another, before anything starts', async () => {
  using project = temporaryProject({
    'pipewright.yaml': PROJECT,
    'pipelines/far.yaml': 'stages: [{name: far, steps: [{command: uptime, context: extra}]}]\n',
  });
  expect((await project.run(['validate'])).code).toBe(0);
  expect((await project.run(['plan', 'far', '--env', 'prod'])).code).toBe(0);
  const { code, stderr } = await project.run(['run', 'far', '--env', 'staging']);
  expect(code).toBe(2);
  expect(stderr).toContain('There is no context "extra".');
  expect(stderr).toContain('known are local, queue, web');
});

test('validate names each problem of pipewright.yaml with its place, also where files disagree', async () => {
  using project = temporaryProject({
    'pipewright.yaml': `build: {services: {web: {}}}
deploy: {runtime: compose, services: {web: {port: 8080}}}
`,
    'docker-compose.prod.yml': "services: {web: {image: web, ports: ['8080:80']}}\n",
  });
  const { code, stdout, stderr } = await project.run(['validate']);
  expect(code).toBe(2);
  expect(stdout).toBe('invalid  pipewright.yaml\n');
  expect(stderr).toContain('pipewright.yaml:1:25: warning: there is no Dockerfile');
  expect(stderr).toMatch(/pipewright\.yaml:2:44: error: start-first runs two of it .* "8080:80"\n/);
  expect((await project.run(['run', 'transform', '--source', 'x'])).stderr).not.toContain('start-first');
});
