import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { BUSYBOX, writeContext } from '../support/docker-rig.ts';
import { noDockerd, startDockerd, type TestDockerd } from '../support/dockerd.ts';
import { hasMachines, type Machine, startMachine } from '../support/machines.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

/*
 * One service as a container on two hosts, both behind ssh, each with a network and a Docker engine of its own. The tests
 * run in order, with the built program.
 */

const PORT = 8079;
const URL = `http://127.0.0.1:${PORT}/`;

interface DockerHost {
  readonly machine: Machine;
  readonly engine: TestDockerd;
}

describe.skipIf(noDockerd() !== undefined || !hasSshd() || !hasMachines())(
  'containers on several hosts, the first one is the canary',
  () => {
    let server: SshServer;
    let builder: TestDockerd;
    let canary: DockerHost;
    let second: DockerHost;
    let project: TemporaryProject;
    beforeAll(async () => {
      server = await startSshd();
      builder = await startDockerd();
      [canary, second] = [await startHost('canary'), await startHost('second')];
      const context = ({ machine, engine }: DockerHost): string =>
        `{type: ssh, host: 127.0.0.1, port: ${machine.port}, user: ${server.user}, agent: false, identity_file: ${server.identityFile}, known_hosts: ${server.knownHosts}, docker_socket: ${engine.socket}}`;
      project = temporaryProject({
        'pipewright.yaml': `project: shop
safety: {max_consecutive_failures: 0}
contexts:
  canary: ${context(canary)}
  second: ${context(second)}
build:
  engine: ${builder.socket}
  services: {web: {context: web}}
deploy:
  runtime: container
  hosts: [canary, second]
  min_free_disk: 10MB
  services:
    web: {port: ${PORT}, internal_port: 8080, volumes: ['${server.home}:/host:ro'], drain: 2s, stop_timeout: 1s, health: {interval: 100ms, timeout: 4s}}
verify:
  smoke: {endpoints: [{path: /}]}
  watchdog: {duration: 1s, interval: 300ms, samples: 3, latency_floor: 3s}
`,
        'pipelines/ship.yaml': `name: ship
stages:
  - {name: build, uses: service-build}
  - {name: deploy, uses: deploy, on_failure: rollback, on_interrupt: retry}
  - {name: verify, uses: verify, on_failure: rollback, on_interrupt: retry}
`,
      });
    });
    afterAll(async () => {
      project[Symbol.dispose]();
      for (const { engine, machine } of [canary, second]) {
        await engine.stop();
        await machine[Symbol.asyncDispose]();
      }
      await builder.stop();
      await server[Symbol.asyncDispose]();
    });

    async function startHost(name: string): Promise<DockerHost> {
      const machine = await startMachine(name, server);
      return { machine, engine: await startDockerd({ on: machine }) };
    }

    /** A version; `begin` runs before it serves and may look at /host, the login folder of its host. */
    function write(says: string, begin = ':'): void {
      writeContext(
        path.join(project.root, 'web'),
        `${BUSYBOX}\nCOPY www /www\nCMD ${begin}; exec httpd -f -p $PORT -h /www\n`,
        { 'www/index.html': says, 'www/health': 'ok' },
      );
    }
    const ship = () => project.run(['run', 'ship', '-y']);
    const answers = (): Promise<readonly string[]> =>
      Promise.all([canary, second].map(({ machine }) => machine.ask(URL)));
    const instances = async ({ engine }: DockerHost): Promise<number> =>
      (await engine.docker.listContainers({ filters: { label: ['pipewright.role=instance'] } })).length;

    test('a release goes to the first host and, when it is healthy there, to the second', async () => {
      write('web 1');
      const { code, stdout } = await ship();
      expect({ code, stdout }).toMatchObject({ code: 0 });
      expect(await answers()).toEqual(['web 1', 'web 1']);
      expect(servedIn(stdout)).toEqual(['canary', 'second']);
      expect(stdout).toMatch(/gate: web:\S+ → canary|web@canary: \d+ bytes sent \(registry\)/);
      expect(existsSync(path.join(second.machine.home, '.pipewright/shop/default/lock'))).toBe(false);
    });

    test('what is not healthy at the canary is never started on the second host', async () => {
      write('web 2', 'rm /www/health');
      const { code, stdout } = await ship();
      expect({ code, stdout }).toEqual({
        code: 5,
        stdout: expect.stringContaining('not healthy within 4 s: /health answered 404 instead of 200'),
      });
      expect(stdout).not.toContain('deploy web@second');
      expect(await Promise.all([instances(canary), instances(second)])).toEqual([1, 1]);
      expect(await answers()).toEqual(['web 1', 'web 1']);
    });

    test('what is not healthy on the second host is taken back from the canary too', async () => {
      const broken = path.join(second.machine.home, 'broken');
      writeFileSync(broken, '');
      write('web 3', '[ ! -e /host/broken ] || rm /www/health');
      const { code, stdout } = await ship();
      rmSync(broken);
      expect({ code, stdout }).toEqual({
        code: 5,
        stdout: expect.stringContaining('web on second: not healthy within 4 s'),
      });
      expect(servedIn(stdout)).toEqual(['canary']);
      expect(stdout).toContain('web@canary: kept warm');
      expect(await Promise.all([instances(canary), instances(second)])).toEqual([1, 1]);
      expect(await answers()).toEqual(['web 1', 'web 1']);
    });

    test('what the smoke test finds on the second host alone is one undo for both, the last one first', async () => {
      const late = path.join(second.machine.home, 'late');
      writeFileSync(late, '');
      write('web 4', '[ ! -e /host/late ] || rm /www/index.html');
      const { code, stdout } = await ship();
      rmSync(late);
      expect({ code, stdout }).toEqual({
        code: 5,
        stdout: expect.stringMatching(/smoke[^\n]*web@second/),
      });
      expect(servedIn(stdout)).toEqual(['canary', 'second']);
      const order = [...stdout.matchAll(/web@(\w+): kept warm/g)].map(([, host]) => host);
      expect(order).toEqual(['second', 'canary']);
      expect(await answers()).toEqual(['web 1', 'web 1']);
      expect(await project.json(['rollback', '--list'])).toMatchObject({
        services: {
          web: {
            current: { verdict: 'healthy', hosts: ['canary', 'second'], runtime: 'container' },
            releases: [
              { verdict: 'rolled_back' },
              { verdict: 'rolled_back' },
              { verdict: 'rolled_back' },
              { verdict: 'healthy' },
            ],
          },
        },
      });
    });
  },
);

/** Hosts in the order in which the release came into service there. */
function servedIn(stdout: string): readonly (string | undefined)[] {
  return [...stdout.matchAll(/web@(\w+): serves /g)].map(([, host]) => host);
}
