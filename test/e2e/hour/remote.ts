import { mkdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { hasSshd, startSshd, type SshServer } from '../../support/sshd.ts';
import { expectThat, type Hour, sh, write } from './hour.ts';
import type { Program } from './packed.ts';

const GIT = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];

/** A small service on a host behind ssh: deployed twice, broken once and undone by itself, rolled back once by hand. */
export async function deployOverSsh(hour: Hour, program: Program): Promise<void> {
  if (!hasSshd()) return;
  await using server = await startSshd();
  const port = await freePort();
  const cwd = path.join(hour.folder, 'remote');
  mkdirSync(cwd);
  sh('git', ['init', '--quiet', '--initial-branch=main'], { cwd });
  write(path.join(cwd, '.gitignore'), 'state\n');
  write(path.join(cwd, 'pipewright.yaml'), projectFile(server, port));
  const deploy = async (version: string, code: number): Promise<void> => {
    write(path.join(cwd, 'server.mjs'), service(version));
    sh('git', ['add', '--all'], { cwd });
    sh('git', [...GIT, 'commit', '--quiet', '--message', `Version ${version}`], { cwd });
    const head = sh('git', ['rev-parse', 'HEAD'], { cwd }).stdout.trim();
    program.run(['run', 'autopilot', '--yes', '--commits', head], cwd, [code]);
  };
  const serves = async (version: string): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    const text = await answer.text();
    expectThat(text === version, `it serves ${text} instead of ${version}`);
  };
  await hour.step('over ssh: first version', async () => {
    await deploy('one', 0);
    await serves('one');
  });
  await hour.step('over ssh: second version', async () => {
    await deploy('two', 0);
    await serves('two');
  });
  await hour.step('over ssh: a version that answers 500 is undone', async () => {
    await deploy('broken', 5);
    await serves('two');
  });
  await hour.step('over ssh: rolled back by hand', async () => {
    program.run(['rollback', '--yes'], cwd, [0, 5]);
    await serves('one');
  });
  program.run(['demo', '--end', '--dir', cwd], cwd);
  const left = sh('ps', ['-eo', 'user:32,cmd'], { cwd })
    .stdout.split('\n')
    .filter((line) => line.startsWith(server.user));
  expectThat(!left.some((line) => line.includes('server.mjs')), `services are left:\n${left.join('\n')}`);
}

function projectFile(server: SshServer, port: number): string {
  const { host, user, identity_file: key, known_hosts: hosts, port: sshPort } = server.context();
  const context = {
    type: 'ssh',
    host,
    port: sshPort,
    user,
    identity_file: key,
    known_hosts: hosts,
    agent: false,
  };
  return `project: tiny
contexts: {host: ${JSON.stringify(context)}}
test: {unit: false, e2e: false, security: false}
build: {services: {tiny: {}}}
deploy:
  hosts: [host]
  min_free_disk: 10MB
  services:
    tiny: {port: ${port}, command: node server.mjs, drain: 1s}
verify: {watchdog: {duration: 4s, interval: 1s}}
`;
}

/** The broken one is healthy until it is watched. */
function service(version: string): string {
  return `import { createServer } from 'node:http';
const since = Date.now();
createServer((request, response) => {
  const isBad = ${version === 'broken'} && Date.now() - since > 3000;
  response.writeHead(isBad ? 500 : 200).end('${version}');
}).listen(Number(process.env.PORT));
`;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  return typeof address === 'object' && address ? address.port : 0;
}
