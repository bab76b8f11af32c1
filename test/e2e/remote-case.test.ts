import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TemporaryProject, temporaryProject } from '../support/cli.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

describe.runIf(hasSshd())('remote-case', () => {
  let one: SshServer;
  let two: SshServer;
  beforeAll(async () => {
    [one, two] = await Promise.all([startSshd(), startSshd()]);
  });
  afterAll(async () => {
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  });

  const COMMAND = 'cp -R "$CASE" "$RESULTS/" && echo $PIPEWRIGHT_CONTEXT > "$RESULTS/where"';

  function clinic(command = COMMAND): TemporaryProject & {
    readonly put: (name: string) => void;
    readonly folders: readonly string[];
    readonly watch: (options?: Parameters<TemporaryProject['run']>[1]) => ReturnType<TemporaryProject['run']>;
  } {
    const project = temporaryProject();
    const name = path.basename(project.root);
    const folders = [one, two].map((server) => server.makeFolder(name));
    const contexts = [one, two].map((server, index) => ({
      type: 'ssh',
      host: '127.0.0.1',
      port: server.port,
      user: server.user,
      identity_file: server.identityFile,
      known_hosts: server.knownHosts,
      agent: false,
      leases: path.join(folders[index] ?? '', 'leases'),
      resources: { slots: 2 },
    }));
    project.write(
      'pipewright.yaml',
      JSON.stringify({
        contexts: { one: contexts[0], two: contexts[1] },
        groups: { farm: ['one', 'two'] },
        cases: { 'remote-case': { folder: 'inbox', marker: '{case}.done', poll: '500ms', max_parallel: 3 } },
        environments: { default: { params: { hosts: 'farm', command } } },
      }),
    );
    mkdirSync(path.join(project.root, 'inbox'));
    const put = (caseName: string): void => {
      mkdirSync(path.join(project.root, 'inbox', caseName));
      writeFileSync(path.join(project.root, 'inbox', caseName, 'data'), caseName);
      writeFileSync(path.join(project.root, 'inbox', `${caseName}.done`), '');
    };
    const watch: TemporaryProject['run'] = (_, options) =>
      project.run(['watch', 'remote-case', '--once', '--json'], options);
    return {
      ...project,
      put,
      folders,
      watch: (options) => watch([], options),
      [Symbol.dispose]: () => project[Symbol.dispose](),
    };
  }

  const read = ({ root }: TemporaryProject, ...parts: string[]): string =>
    readFileSync(path.join(root, ...parts), 'utf8');

  test('results come back whole or not at all, another host is tried, and only what is back leaves the inbox', async () => {
    const onceOnly = path.join(one.makeFolder('once'), 'first');
    using project = clinic(`case $CASE in
  */half) echo half > "$RESULTS/half"; exit 126 ;;
  */moves) mkdir "${onceOnly}" 2>/dev/null && { echo $PIPEWRIGHT_CONTEXT > "${onceOnly}/where"; exit 7; } ;;
esac
${COMMAND}`);
    const names = ['$(touch pwned)', '-rf', 'moves'];
    for (const name of [...names, 'half']) project.put(name);
    const ended = await project.watch();
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/"case":"half",.*"status":"failed".*"command-not-executable"/);
    for (const name of names) {
      expect(read(project, 'results', name, name, 'data')).toBe(name);
      expect(read(project, 'archive', name, 'data')).toBe(name);
      expect(read(project, 'results', name, 'SHA256SUMS')).toContain('data');
    }
    expect(read(project, 'results', 'moves', 'where')).not.toBe(readFileSync(`${onceOnly}/where`, 'utf8'));
    expect(readdirSync(path.join(project.root, 'results')).toSorted()).toEqual(names.toSorted());
    // Those that came back were forgotten, with their markers.
    expect((await project.watch()).code).toBe(0);
    expect(readdirSync(path.join(project.root, 'inbox')).toSorted()).toEqual([
      '.pipewright',
      'half',
      'half.done',
    ]);
    expect(existsSync(path.join(project.root, 'pwned'))).toBe(false);
  });

  test('killed while a host works and its link broken, the case comes back once', async () => {
    const hold = path.join(one.makeFolder('hold'), 'HOLD');
    using project = clinic(
      `echo x >> "${hold}.ran"; while test -e "${hold}"; do sleep 0.1; done; ${COMMAND}`,
    );
    project.put('a');
    writeFileSync(hold, '');
    await project.watch({
      onOutput: (_, child) => {
        const timer = setInterval(() => {
          if (!existsSync(`${hold}.ran`)) return;
          clearInterval(timer);
          child.kill('SIGKILL');
          one.killSessions();
          two.killSessions();
        }, 50);
      },
    });
    const going = project.watch({
      onOutput: (stdout) => {
        if (stdout.includes('case.continued')) rmSync(hold, { force: true });
      },
    });
    expect(await going).toMatchObject({ code: 0 });
    expect(readFileSync(`${hold}.ran`, 'utf8')).toBe('x\n');
    expect(read(project, 'results', 'a', 'a', 'data')).toBe('a');
  });
});
