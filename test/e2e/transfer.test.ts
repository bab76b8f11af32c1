import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryProject } from '../support/cli.ts';
import { startProxy } from '../support/proxy.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

describe.skipIf(!hasSshd())('commands over ssh', () => {
  let server: SshServer;
  let there = '';
  beforeAll(async () => {
    server = await startSshd();
    there = server.makeFolder('there');
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const contexts = (port = server.port, more = ''): string => `contexts:
  box:
    { type: ssh, host: 127.0.0.1, port: ${port}, user: ${server.user}, agent: false,
      identity_file: ${server.identityFile}, known_hosts: ${server.knownHosts}${more} }
  gone: { type: ssh, host: 127.0.0.1, port: 1, agent: false, identity_file: ${server.identityFile} }
`;

  test('context list and test say what is there and what cannot be reached', async () => {
    using project = temporaryProject({ 'pipewright.yaml': contexts() });
    expect(await project.json(['context', 'list'])).toMatchObject({
      contexts: [{ name: 'local', type: 'local' }, { name: 'box', type: 'ssh' }, { name: 'gone' }],
    });
    const tested = await project.run(['context', 'test']);
    expect(tested.code).toBe(1);
    expect(tested.stdout).toMatch(/✓ +box .* ms, then \d+ ms .*OpenSSH.* free/);
    expect(tested.stdout).toMatch(/✗ +gone .*ECONNREFUSED/);
    expect(await project.json(['context', 'test', 'box'])).toMatchObject({
      contexts: [{ reachable: true, user: server.user, tools: { tar: expect.stringContaining('tar') } }],
    });
    const unknown = await project.run(['context', 'test', 'bok']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('Did you mean "box"?');
  });

  test('transfer brings a file there and back, and does not send twice what is there', async () => {
    using project = temporaryProject({ 'pipewright.yaml': contexts() });
    const bytes = randomBytes(6_000_000);
    writeFileSync(path.join(project.root, 'a b.tgz'), bytes);
    expect(await project.json(['transfer', 'a b.tgz', `box:${there}/`])).toMatchObject({
      to: `box:${there}/a b.tgz`,
      bytes: 6_000_000,
      resumed_bytes: 0,
      verified: true,
    });
    expect(await project.json(['transfer', 'local:a b.tgz', `box:${there}/`])).toMatchObject({
      resumed_bytes: 6_000_000,
    });
    const back = await project.run(['transfer', `box:${there}/a b.tgz`, 'back']);
    expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining('compared on both sides') });
    expect(readFileSync(path.join(project.root, 'back')).equals(bytes)).toBe(true);
  });

  test('transfer takes folders with hostile names, links and empty folders, there, across and back', async () => {
    using project = temporaryProject({ 'pipewright.yaml': contexts() });
    const source = path.join(project.root, 'src');
    mkdirSync(path.join(source, "-rf it's/empty"), { recursive: true });
    for (const name of ['a\nb', '$(touch pwned)', '가', '-x', '"; exit 1 #']) {
      writeFileSync(path.join(source, "-rf it's", name), name);
    }
    symlinkSync('../no where', path.join(source, "-rf it's/link"));
    execFileSync('mkfifo', [path.join(source, 'fifo')]);
    const there2 = `${there}/tree`;
    const report = await project.json(['transfer', 'src', `box:${there2}`]);
    expect(report).toMatchObject({ files: 5, folders: 3, links: 1, skipped: ['fifo'] });
    await project.run(['transfer', `box:${there2}`, `box:${there}/copies/`]);
    await project.run(['transfer', `box:${there}/copies/tree`, 'back']);
    execFileSync('rm', [path.join(source, 'fifo')]);
    execFileSync('diff', ['-r', '--no-dereference', source, path.join(project.root, 'back')]);
    const link = path.join(project.root, "back/-rf it's/link");
    expect(lstatSync(link).isSymbolicLink() && readlinkSync(link)).toBe('../no where');
    expect(existsSync(path.join(project.root, 'pwned'))).toBe(false);
    expect(await project.json(['transfer', 'src', `box:${there2}/`])).toMatchObject({
      to: `box:${there2}/src`,
    });
  });

  test('transfer goes on by itself over a link that is cut', async () => {
    await using proxy = await startProxy(server.port);
    const known = path.join(server.folder, 'known_proxy');
    writeFileSync(known, `[127.0.0.1]:${proxy.port} ${server.hostKeys[0]}\n`);
    using project = temporaryProject({
      'pipewright.yaml': contexts(proxy.port).replace(server.knownHosts, known),
    });
    const bytes = randomBytes(100_000_000);
    writeFileSync(path.join(project.root, 'big'), bytes);
    const running = project.run(['transfer', 'big', `box:${there}/`]);
    await expect.poll(() => proxy.sentBytes(), { interval: 5 }).toBeGreaterThan(20_000_000);
    proxy.cut();
    const done = await running;
    expect(done).toMatchObject({ code: 0, stderr: expect.stringContaining('attempt 2 of 5') });
    expect(done.stdout).toContain('were there already');
    expect(readFileSync(`${there}/big`).equals(bytes)).toBe(true);
  });

  test('what transfer cannot do is said: exit 2 before it begins, exit 1 after', async () => {
    using project = temporaryProject({ 'pipewright.yaml': contexts() });
    expect(await project.run(['transfer', 'nope:/x', 'y'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('known: local, box, gone'),
    });
    expect(await project.run(['transfer', 'none', `box:${there}/`])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such file'),
    });
    const refused = await project.run(['transfer', 'pipewright.yaml', 'box:/proc/x']);
    expect(refused.code).toBe(1);
  });

  test('a pipeline brings a file to a host by a stage, works there, and brings the result back', async () => {
    using project = temporaryProject({
      'pipewright.yaml': contexts(undefined, `, workdir: ${there}`),
      'pipelines/remote.yaml': `name: remote
params: { name: { type: string, default: "it's" } }
stages:
  - { name: bring, uses: transfer, from: input, to: 'box:${there}/{{.name}}' }
  - name: work
    context: box
    steps:
      - { name: count, command: 'wc -c <{{.name}} >result; pwd; id -un; echo "\${PIPEWRIGHT_PROJECT-none}"' }
  - { name: fetch, uses: transfer, from: 'box:${there}/result', to: 'out/{{.name}}' }
`,
      input: 'twelve bytes',
    });
    const done = await project.run(['run', 'remote']);
    expect(done.stderr).toBe('');
    expect(done.code).toBe(0);
    expect(readFileSync(path.join(project.root, "out/it's"), 'utf8').trim()).toBe('12');
    const log = await project.run(['logs', 'last', 'work']);
    expect(log.stdout).toContain(`${there}\n`);
    expect(log.stdout).toContain(`${server.user}\n`);
    expect(log.stdout).toContain('none\n');
    expect(await project.json(['show', 'last'])).toMatchObject({
      stages: expect.arrayContaining([
        expect.objectContaining({ name: 'bring', outputs: expect.objectContaining({ verified: true }) }),
      ]),
    });
  });
});
