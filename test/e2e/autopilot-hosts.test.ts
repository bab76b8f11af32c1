import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryProject, type TemporaryProject } from '../support/cli.ts';
import { hasMachines, type Machine, startMachine } from '../support/machines.ts';
import { hasSshd, type SshServer, startSshd } from '../support/sshd.ts';

/*
 * One service on two hosts, both behind ssh: machines with a network and a login folder of their own, so that the same
 * port is served on both. The tests run in order, with the built program.
 */

const PORT = 8077;
const PIPELINE = `name: ship
stages:
  - {name: build, uses: service-build}
  - {name: deploy, uses: deploy, on_failure: rollback, on_interrupt: retry}
  - {name: verify, uses: verify, on_failure: rollback, on_interrupt: retry}
`;

describe.skipIf(!hasSshd() || !hasMachines())('several hosts, the first one is the canary', () => {
  let server: SshServer;
  let canary: Machine;
  let second: Machine;
  let project: TemporaryProject;
  beforeAll(async () => {
    server = await startSshd();
    canary = await startMachine('canary', server);
    second = await startMachine('second', server);
    const context = ({ port }: Machine): string =>
      `{type: ssh, host: 127.0.0.1, port: ${port}, user: ${server.user}, agent: false, identity_file: ${server.identityFile}, known_hosts: ${server.knownHosts}}`;
    project = temporaryProject({
      'pipewright.yaml': `project: shop
safety: {max_consecutive_failures: 0}
contexts:
  canary: ${context(canary)}
  second: ${context(second)}
build: {services: {web: {output: web}}}
deploy:
  hosts: [canary, second]
  min_free_disk: 10MB
  services:
    web: {port: ${PORT}, command: exec node server.mjs, drain: 2s, stop_timeout: 1s, health: {interval: 100ms, timeout: 4s}}
verify:
  smoke: {endpoints: [{path: /}]}
  watchdog: {duration: 1s, interval: 300ms, samples: 3, latency_floor: 3s}
`,
      'pipelines/ship.yaml': PIPELINE,
    });
  });
  afterAll(async () => {
    project[Symbol.dispose]();
    for (const machine of [canary, second]) await machine[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** A version, and where it answers 500: nowhere, on hosts that have this file in the login folder, or everywhere. */
  const write = (says: string, brokenWhere = 'false'): void =>
    project.write('web/server.mjs', serverText(says, brokenWhere));
  const ship = () => project.run(['run', 'ship', '-y']);
  const answers = (): Promise<readonly string[]> =>
    Promise.all([canary, second].map((machine) => machine.ask(`http://127.0.0.1:${PORT}/`)));
  const instances = ({ home }: Machine): number =>
    readdirSync(path.join(home, '.pipewright/shop/default/web/instances')).length;

  test('a release goes to the first host and, when it is healthy there, to the second', async () => {
    write('web 1');
    const { code, stdout } = await ship();
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(await answers()).toEqual(['web 1', 'web 1']);
    expect(servedIn(stdout)).toEqual(['canary', 'second']);
    expect(existsSync(path.join(second.home, '.pipewright/shop/default/lock'))).toBe(false);
  });

  test('what is not healthy at the canary is never started on the second host', async () => {
    const before = instances(second);
    write('web 2', 'true');
    const { code, stdout } = await ship();
    expect({ code, stdout }).toMatchObject({ code: 5 });
    expect(stdout).toContain('not healthy within 4 s: /health answered 500 instead of 200');
    expect(stdout).not.toContain('deploy web@second');
    expect(instances(second)).toBe(before);
    expect(await answers()).toEqual(['web 1', 'web 1']);
  });

  test('what is not healthy on the second host is taken back from the canary too', async () => {
    writeFileSync(path.join(second.home, 'broken'), '');
    write('web 3', "existsSync(homedir() + '/broken')");
    const { code, stdout } = await ship();
    expect({ code, stdout }).toMatchObject({ code: 5 });
    expect(servedIn(stdout)).toEqual(['canary']);
    expect(stdout).toMatch(/web on second: not healthy within 4 s/);
    expect(stdout).toContain('web@canary: kept warm');
    expect(await answers()).toEqual(['web 1', 'web 1']);
    expect(await project.json(['rollback', '--list'])).toMatchObject({
      services: {
        web: {
          current: { verdict: 'healthy', hosts: ['canary', 'second'] },
          releases: [{ verdict: 'rolled_back' }, { verdict: 'rolled_back' }, { verdict: 'healthy' }],
        },
      },
    });
  });

  test('what the watchdog sees on the second host alone is taken back from both, the last one first', async () => {
    write(
      'web 4',
      "existsSync(homedir() + '/broken') && request.headers['x-pipewright-probe'] && ++probes > 6",
    );
    const { code, stdout } = await ship();
    expect({ code, stdout }).toMatchObject({ code: 5 });
    expect(servedIn(stdout)).toEqual(['canary', 'second']);
    expect(stdout).toMatch(/(watchdog|smoke)[^\n]*web@second/);
    const order = [...stdout.matchAll(/web@(\w+): kept warm/g)].map(([, host]) => host);
    expect(order).toEqual(['second', 'canary']);
    expect(await answers()).toEqual(['web 1', 'web 1']);
  });

  test('a rollback by hand reaches both hosts', async () => {
    write('web 5');
    expect(await ship()).toMatchObject({ code: 0 });
    expect(await answers()).toEqual(['web 5', 'web 5']);
    const { code, stdout } = await project.run(['rollback', 'web', '-y']);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(await answers()).toEqual(['web 1', 'web 1']);
  });

  test('a second host that is lost after the canary: the canary goes back, and what cannot be known locks', async () => {
    write('web 6');
    let isLost = false;
    const { code, stdout } = await project.run(['run', 'ship', '-y'], {
      onOutput: (text) => {
        if (isLost || !text.includes('web@canary: serves')) return;
        isLost = true;
        void second[Symbol.asyncDispose]();
      },
    });
    expect({ code, stdout }).toMatchObject({ code: 1 });
    expect(stdout).toContain('web@canary: kept warm');
    expect(await canary.ask(`http://127.0.0.1:${PORT}/`)).toBe('web 1');
    const locked = await ship();
    expect(locked.code).toBe(4);
    expect(locked.stderr).toContain('undoing deploy failed: web@second could not be brought back (');
  });

  test('a host that does not answer closes the gate before the canary is touched', async () => {
    const opened = await project.run(['unlock', 'ship', '--env', 'default']);
    expect(opened).toMatchObject({ code: 1, stderr: expect.stringContaining('second') });
    expect(opened.stdout).toContain('unlocked ship (default)');
    const before = instances(canary);
    const { code, stdout } = await ship();
    expect({ code, stdout }).toMatchObject({ code: 1 });
    expect(stdout).toMatch(/the gate is closed: connection: second: /);
    expect(instances(canary)).toBe(before);
    expect(await canary.ask(`http://127.0.0.1:${PORT}/`)).toBe('web 1');
  });
});

/** Hosts on which a new version was switched to, in order. */
function servedIn(stdout: string): readonly string[] {
  return [...stdout.matchAll(/web@(\w+): serves /g)].map(([, host = '']) => host);
}

function serverText(says: string, isBroken: string): string {
  return `import http from 'node:http';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
let probes = 0;
const server = http.createServer((request, response) => {
  if (${isBroken}) response.statusCode = 500;
  response.end(${JSON.stringify(says)});
});
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
server.listen(Number(process.env.PORT), '127.0.0.1');
`;
}
