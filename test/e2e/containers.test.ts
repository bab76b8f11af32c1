import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { buildBox } from '../support/docker-rig.ts';
import { noDockerd, startDockerd, type TestDockerd } from '../support/dockerd.ts';

describe.skipIf(noDockerd() !== undefined)('steps in a container', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-containers-'));
  let dockerd: TestDockerd;
  beforeAll(async () => {
    dockerd = await startDockerd();
    await buildBox(dockerd, folder);
  });
  afterAll(async () => {
    await dockerd.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const PIPELINE = `
stages:
  - name: build
    context: box
    on_interrupt: keep
    steps:
      - {name: work, command: 'echo ran >>trace; hostname >name; until test -e go; do sleep 0.1; done; echo "$PIPEWRIGHT_PROJECT" | tee out; id -u'}
  - name: here
    steps: [{name: look, command: cat out}]
`;

  function projectWith(): TemporaryProject {
    return temporaryProject({
      'pipewright.yaml': `contexts:\n  box: {type: docker, image: 'box:1', docker_socket: ${dockerd.socket}, network: none}\n`,
      'pipelines/work.yaml': PIPELINE,
    });
  }

  const containers = async (): Promise<readonly string[]> => {
    const listed = await dockerd.docker.listContainers({ all: true });
    return listed.flatMap(({ Names }) => Names);
  };

  test('the project is there under its own path, and what a step writes is ours; the container goes with the run', async () => {
    using project = projectWith();
    project.write('go', '');
    const { code, stderr } = await project.run(['run', 'work']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect((await project.run(['logs', 'last'])).stdout).toContain(`${project.root}\n0\n`);
    expect(statSync(path.join(project.root, 'out')).uid).toBe(process.getuid?.());
    // The name of another machine: it did not run here.
    expect(readFileSync(path.join(project.root, 'name'), 'utf8').trim()).toMatch(/^[0-9a-f]{12}$/);
    await expect.poll(containers).toEqual([]);
    expect(await project.json(['context', 'test', 'box'])).toMatchObject({
      contexts: [{ name: 'box', type: 'docker', address: 'a container of box:1', reachable: true }],
    });
  });

  test('a step outlives kill -9 of its run, and continue takes it up: it runs once', async () => {
    using project = projectWith();
    const killed = await project.run(['run', 'work', '--output', 'json'], {
      onOutput: (text, child) => {
        if (text.includes('step.started')) {
          const poll = setInterval(() => {
            if (!existsSync(path.join(project.root, 'name'))) return;
            clearInterval(poll);
            child.kill('SIGKILL');
          }, 50);
        }
      },
    });
    expect(killed.code).not.toBe(0);
    project.write('go', '');
    expect(await project.run(['continue'])).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(project.root, 'trace'), 'utf8')).toBe('ran\n');
    await expect.poll(containers).toEqual([]);
  });

  test('a container that is taken away loses the step, which is not begun again by itself', async () => {
    using project = projectWith();
    const run = project.run(['run', 'work']);
    await expect.poll(() => existsSync(path.join(project.root, 'name')), { timeout: 20_000 }).toBe(true);
    for (const { Id } of await dockerd.docker.listContainers()) {
      await dockerd.docker.getContainer(Id).remove({ force: true });
    }
    const { code, stdout } = await run;
    expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringContaining('no exit record') });
    expect(readFileSync(path.join(project.root, 'trace'), 'utf8')).toBe('ran\n');
  });

  test('an image that is not there is named, and nothing is pulled; another machine has none of our folders', async () => {
    using missing = projectWith();
    missing.write(
      'pipewright.yaml',
      `contexts:\n  box: {type: docker, image: 'nobody/has-this:1', docker_socket: ${dockerd.socket}}\n`,
    );
    const refused = await missing.run(['run', 'work']);
    expect(refused.stdout + refused.stderr).toContain('there is no image nobody/has-this:1 on this machine');
    expect(await missing.json(['context', 'test', 'box'])).toMatchObject({
      contexts: [{ reachable: false }],
    });
    missing.write('pipewright.yaml', "contexts:\n  box: {type: docker, image: 'box:1'}\n");
    const remote = await missing.run(['run', 'work'], { env: { DOCKER_HOST: 'tcp://127.0.0.1:9' } });
    expect(remote.stdout + remote.stderr).toContain('an engine of this machine');
  });
});
