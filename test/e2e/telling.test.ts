import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryProject } from '../support/cli.ts';
import { startSmtpServer } from '../support/smtp-server.ts';

const FAILING = 'name: bad\nstages:\n  - {name: go, steps: ["exit 7"]}\n';
const GOOD = 'name: good\nstages:\n  - {name: go, steps: ["true"]}\n';

function mailTo(port: number, more = ''): string {
  return `notify:\n  email: {to: [ops@example.org], from: ci@example.org, host: 127.0.0.1, port: ${port}}\n${more}`;
}

test('a failed run is mailed with what failed; a good one is not', async () => {
  await using server = await startSmtpServer();
  using project = temporaryProject({
    'pipewright.yaml': mailTo(server.port),
    'pipelines/bad.yaml': FAILING,
    'pipelines/good.yaml': GOOD,
  });
  expect(await project.run(['run', 'bad'])).toMatchObject({ code: 1, stderr: '' });
  expect((await project.run(['run', 'good'])).code).toBe(0);
  expect(server.mails).toHaveLength(1);
  expect(server.mails[0]?.data).toContain('Subject: [pipewright] bad failed');
  expect(server.mails[0]?.data).toMatch(/^go: failed: step "step-1" exited with code 7$/m);
});

test('a mail server that hangs changes nothing of the run: it is said, written beside the run, and over', async () => {
  await using server = await startSmtpServer({ kind: 'hang' });
  using project = temporaryProject({
    'pipewright.yaml': mailTo(server.port, '  on: [success]\n  timeout: 200ms\n'),
    'pipelines/good.yaml': GOOD,
  });
  const { code, stderr } = await project.run(['run', 'good', '--output', 'json']);
  expect(code).toBe(0);
  expect(stderr).toBe('pipewright: the notification by email did not arrive: no answer within 0.2 s\n');
  const index = readFileSync(path.join(project.root, 'state/index.ndjson'), 'utf8');
  const [runId = ''] = /\d{8}-\d{6}-\w{7}/.exec(index) ?? [];
  const log = readFileSync(path.join(project.root, 'state/runs', runId, 'logs/notify.log'), 'utf8');
  expect(log).toContain('success by email: not sent: no answer within 0.2 s (3 tries)');
  expect(await project.json(['show', runId])).toMatchObject({ status: 'success' });
});

test('doctor --notify sends a test message and says what arrived', async () => {
  await using server = await startSmtpServer();
  using project = temporaryProject({ 'pipewright.yaml': mailTo(server.port, '  command: exit 3\n') });
  const { code, stdout } = await project.run(['doctor', '--notify']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/✗ +command +not sent.*exited with code 3/);
  expect(stdout).toMatch(/✓ +email +sent/);
  expect(server.mails).toHaveLength(1);
  project.write('pipewright.yaml', '');
  const nobody = await project.run(['doctor', '--notify']);
  expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('names nobody to tell') });
});

test('show --as junit and --as html print the run for others', async () => {
  using project = temporaryProject({ 'pipelines/bad.yaml': FAILING });
  await project.run(['run', 'bad']);
  const junit = await project.run(['show', 'last', '--as', 'junit']);
  expect(junit).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^<\?xml[\s\S]*<failure message="step/),
  });
  const html = await project.run(['show', 'last', '--as', 'html']);
  expect(html).toMatchObject({ code: 0, stdout: expect.stringMatching(/^<!doctype html>[\s\S]*exit 7/) });
  expect(await project.run(['show', 'last', '--as', 'pdf'])).toMatchObject({ code: 2 });
});
