import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TemporaryProject, temporaryProject } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

describe.runIf(hasSshd())('a group of hosts', () => {
  let one: SshServer;
  let two: SshServer;
  beforeAll(async () => {
    [one, two] = await Promise.all([startSshd(), startSshd()]);
  });
  afterAll(async () => {
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  });

  const PIPELINE = `
name: job
max_workers: 8
stages:
  - name: work
    needs: []
    uses: shell
    context: farm
    resources: {gpu: 1}
    steps:
      - {name: where, command: "echo $PIPEWRIGHT_CONTEXT gpu $PIPEWRIGHT_GPUS; pwd; touch there; while test -e HOLD; do sleep 0.1; done"}
  - name: after
    context: farm
    steps: ["test -e there"]
`;

  /** Two hosts with a graphics processor each; what a test leaves is in folders of its own. */
  function farm(change: { readonly deadPort?: number; readonly gpus?: number } = {}): TemporaryProject & {
    readonly folders: readonly string[];
  } {
    const project = temporaryProject({ 'pipelines/job.yaml': PIPELINE });
    const name = path.basename(project.root);
    const folders = [one, two].map((server) => server.makeFolder(name));
    const contexts = [one, two].map((server, index) => {
      const { host, port, user, identity_file: key, known_hosts: known } = server.context();
      const folder = folders[index] ?? '';
      return {
        type: 'ssh',
        host,
        port: index === 0 ? (change.deadPort ?? port) : port,
        user,
        identity_file: key,
        known_hosts: known,
        agent: false,
        workdir: folder,
        leases: path.join(folder, 'leases'),
        resources: { gpu: change.gpus ?? 1 },
      };
    });
    project.write(
      'pipewright.yaml',
      JSON.stringify({
        contexts: { one: contexts[0], two: contexts[1] },
        groups: { farm: ['one', 'two'] },
      }),
    );
    return { ...project, folders, [Symbol.dispose]: () => project[Symbol.dispose]() };
  }

  function leases(folders: readonly string[]): readonly string[] {
    return folders.flatMap((folder) => {
      const home = path.join(folder, 'leases');
      return existsSync(home) ? readdirSync(home).filter((name) => name.endsWith('.lease')) : [];
    });
  }

  test('two runs at once are on different hosts, a third waits and says for what', async () => {
    using project = farm();
    const holds = project.folders.map((folder) => path.join(folder, 'HOLD'));
    for (const hold of holds) writeFileSync(hold, '');
    const begun = Promise.withResolvers<void>();
    let count = 0;
    const first = [1, 2].map(() => {
      let isCounted = false;
      return project.run(['run', 'job', '--output', 'json'], {
        onOutput: (stdout) => {
          if (isCounted || !stdout.includes('"step.started"')) return;
          isCounted = true;
          if ((count += 1) === 2) begun.resolve();
        },
      });
    });
    await begun.promise;
    const third = await project.run(['run', 'job', '--output', 'json'], {
      onOutput: (stdout) => {
        if (stdout.includes('gpu is in use')) for (const hold of holds) rmSync(hold, { force: true });
      },
    });
    const ended = await Promise.all(first);
    expect([...ended, third].map(({ code }) => code)).toEqual([0, 0, 0]);
    const placed = ended.flatMap(
      ({ stdout }) => /"stage.placed".*?"context":"(\w+)"/.exec(stdout)?.[1] ?? [],
    );
    expect(placed.toSorted()).toEqual(['one', 'two']);
    expect(leases(project.folders)).toEqual([]);
    const why = await project.run(['why', 'last', 'work']);
    expect(why.stdout).toContain('waited for gpu 1');
    expect(why.stdout).toMatch(/runs on.*(?:one|two), with gpu 1 \(number 0\)/);
    expect((await project.run(['context', 'test', 'one'])).stdout).toContain('gpu 0 of 1 in use');
    expect((await project.run(['plan', 'job'])).stdout).toContain('the best fit of one, two, with gpu 1');
    expect((await project.run(['logs', 'last', 'work'])).stdout).toMatch(/(?:one|two) gpu 0/);
  });

  test('a host that does not answer is left out, and the work goes to another one', async () => {
    using project = farm({ deadPort: await freePort() });
    const ended = await project.run(['run', 'job', '--output', 'plain']);
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('on two') });
  });

  test('a killed run takes its lease up again, and nobody else had it meanwhile', async () => {
    using project = farm({ deadPort: await freePort() });
    const hold = path.join(project.folders[1] ?? '', 'HOLD');
    writeFileSync(hold, '');
    await project.run(['run', 'job', '--output', 'json'], {
      onOutput: (stdout, child) => {
        if (stdout.includes('"step.started"')) child.kill('SIGKILL');
      },
    });
    const held = leases(project.folders);
    expect(held).toHaveLength(1);
    const before = readFileSync(path.join(project.folders[1] ?? '', 'leases', held[0] ?? ''), 'utf8');
    const going = project.run(['continue', '--output', 'json'], {
      onOutput: (stdout) => {
        if (stdout.includes('"stage.placed"')) rmSync(hold, { force: true });
      },
    });
    expect(await going).toMatchObject({ code: 0 });
    expect(before).toContain('gpu=1');
    expect(leases(project.folders)).toEqual([]);
  });

  test('stages of one run that need nothing of each other are spread', async () => {
    using project = farm();
    const stage = (name: string): string =>
      `  - {name: ${name}, needs: [], context: farm, resources: {gpu: 1}, steps: ["sleep 2"]}\n`;
    project.write('pipelines/job.yaml', `name: job\nstages:\n${stage('a')}${stage('b')}`);
    const ended = await project.run(['run', 'job', '--output', 'plain']);
    expect(ended).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/on one[^]*on two|on two[^]*on one/),
    });
  });

  test('what no host has is refused by name; a member that is not there is a mistake in the file', async () => {
    using project = farm({ gpus: 1 });
    project.write('pipelines/job.yaml', PIPELINE.replace('gpu: 1', 'gpu: 4'));
    const ended = await project.run(['run', 'job', '--output', 'plain']);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain('no host can ever take it: one has gpu 1 in all, two has gpu 1 in all');
    project.write('pipewright.yaml', 'groups: {farm: [nowhere]}\n');
    expect((await project.run(['validate'])).stderr).toContain('there is no context "nowhere"');
  });
});
