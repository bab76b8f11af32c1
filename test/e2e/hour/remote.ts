import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Load, startLoad, get } from '../../support/load.ts';
import { freePort } from '../../support/free-port.ts';
import { BUSYBOX } from '../../support/docker-rig.ts';
import { noDockerd, startDockerd, type TestDockerd } from '../../support/dockerd.ts';
import { hasSshd, startSshd } from '../../support/sshd.ts';
import { commitAll, expectThat, type Hour, sh, write } from './hour.ts';
import type { Program } from './packed.ts';

/** A service as a folder of files, and what pipewright.yaml says about it. */
interface Service {
  readonly runtime: 'process' | 'container';
  /** Keys of `deploy.services.tiny`. */
  readonly deploy: Readonly<Record<string, unknown>>;
  /** Sockets of the Docker engines here and there. */
  readonly engines?: { readonly here: string; readonly there: string };
  /** A version that says `says`; a broken one is healthy until it is watched, and then answers 500. */
  readonly write: (cwd: string, says: string, isBroken: boolean) => void;
}

/** A small service on a host behind ssh, as a process: no Docker needed there. */
export async function deployOverSsh(hour: Hour, program: Program): Promise<void> {
  if (!hasSshd()) return;
  await deployTwiceAndGoBack(hour, program, {
    runtime: 'process',
    deploy: { command: 'exec node server.mjs' },
    write: (cwd, says, isBroken) => write(path.join(cwd, 'server.mjs'), serverText(says, isBroken)),
  });
}

/** The same with containers: built by an engine here, run by another one behind ssh. */
export async function deployWithDocker(hour: Hour, program: Program): Promise<void> {
  if (!hasSshd() || noDockerd() !== undefined) return;
  const started: TestDockerd[] = [];
  try {
    await hour.step('two Docker engines', async () => {
      for (const _ of ['here', 'there']) started.push(await startDockerd());
    });
    const [here, there] = started;
    if (!here || !there) return;
    await deployTwiceAndGoBack(hour, program, {
      runtime: 'container',
      deploy: { internal_port: 8000, stop_timeout: '1s' },
      engines: { here: here.socket, there: there.socket },
      write: writeImage,
    });
  } finally {
    await Promise.all(started.map((engine) => engine.stop()));
  }
}

/** Deployed twice while clients ask, broken once and undone by itself, rolled back once by hand. */
async function deployTwiceAndGoBack(hour: Hour, program: Program, service: Service): Promise<void> {
  await using server = await startSshd();
  const port = await freePort();
  const name = `over ssh, ${service.runtime}`;
  const url = `http://127.0.0.1:${port}/`;
  const cwd = path.join(hour.folder, `remote-${service.runtime}`);
  mkdirSync(cwd);
  await sh('git', ['init', '--quiet', '--initial-branch=main'], { cwd });
  write(path.join(cwd, '.gitignore'), 'state\n');
  write(
    path.join(cwd, 'pipewright.yaml'),
    projectFile(service, { context: contextOf(server, service), port }),
  );
  const deploy = async (says: string, code = 0): Promise<void> => {
    service.write(cwd, says, code !== 0);
    await commitAll(cwd, `Version ${says}`);
    await program.run(['run', 'autopilot', '--yes'], cwd, [code]);
  };
  const serves = async (says: string): Promise<void> => {
    const text = await get(url);
    expectThat(text === says, `it serves ${text} instead of ${says}`);
  };
  try {
    await hour.step(`${name}: first version`, async () => {
      await deploy('one');
      await serves('one');
    });
    await hour.step(
      `${name}: second version, clients asking all the time`,
      () => asked(url, () => deploy('two'), ['one', 'two']),
      ({ sent }) => `${sent} requests, none lost`,
    );
    await hour.step(
      `${name}: a version that begins to answer 500 is undone`,
      async () => {
        const load = await asked(url, () => deploy('broken', 5), ['two', 'broken'], /^Error: status 500$/);
        await serves('two');
        const { status } = await program.lastRun(cwd);
        expectThat(status === 'rolled_back', `the run is ${status}`);
        return load;
      },
      ({ sent, failed }) => `${sent} requests, ${failed} answered by the broken one, none lost`,
    );
    await hour.step(
      `${name}: rolled back by hand`,
      async () => {
        const back = () => program.run(['rollback', '--yes'], cwd);
        const load = await asked(url, back, ['two', 'one']);
        await serves('one');
        const { stdout } = await program.run(['rollback', '--list'], cwd);
        expectThat(/›.*healthy/.test(stdout), `no release serves healthy:\n${stdout}`);
        return load;
      },
      ({ sent }) => `${sent} requests, none lost`,
    );
  } finally {
    if (service.runtime === 'process') await program.run(['demo', '--end', '--dir', cwd], cwd);
  }
  const { stdout: left } = await sh('ps', ['-eo', 'user:32,cmd'], { cwd });
  const ours = left.split('\n').filter((line) => line.startsWith(server.user) && line.includes('server.mjs'));
  expectThat(ours.length === 0, `services are left:\n${ours.join('\n')}`);
}

/** What clients were told during `work`; throws when they were told nothing, or something else than `versions`. */
async function asked(
  url: string,
  work: () => Promise<unknown>,
  versions: readonly string[],
  mayFail?: RegExp,
): Promise<Load> {
  const clients = startLoad(url);
  let load;
  try {
    await work();
  } finally {
    load = await clients.stop();
  }
  const lost = load.errors.filter((error) => mayFail?.test(error) !== true);
  expectThat(lost.length === 0, `${lost.length} of ${load.sent} requests were lost:\n${lost.join('\n')}`);
  const said = Object.keys(load.answers);
  expectThat(
    versions.every((version) => said.includes(version)),
    `clients never heard all of ${versions.join(', ')}, only ${said.join(', ')}`,
  );
  return load;
}

function contextOf(server: Awaited<ReturnType<typeof startSshd>>, { engines }: Service): object {
  return {
    type: 'ssh',
    host: '127.0.0.1',
    port: server.port,
    user: server.user,
    identity_file: server.identityFile,
    known_hosts: server.knownHosts,
    agent: false,
    ...(engines && { docker_socket: engines.there }),
  };
}

function projectFile(
  { runtime, deploy, engines }: Service,
  { context, port }: { readonly context: object; readonly port: number },
): string {
  const project = {
    project: 'tiny',
    contexts: { host: context },
    test: { unit: false, e2e: false, security: false },
    build: { services: { tiny: {} }, ...(engines && { engine: engines.here }) },
    deploy: {
      runtime,
      strategy: 'start-first',
      hosts: ['host'],
      min_free_disk: '10MB',
      services: { tiny: { port, drain: '1s', health: { path: '/', interval: '200ms' }, ...deploy } },
    },
    verify: { watchdog: { duration: '7s', interval: '500ms', latency_floor: '3s' } },
  };
  // YAML reads JSON.
  return `${JSON.stringify(project, null, 2)}\n`;
}

function serverText(says: string, isBroken: boolean): string {
  return `import { createServer } from 'node:http';
const since = Date.now();
createServer((request, response) => {
  const isBad = ${isBroken} && Date.now() - since > 5000;
  response.writeHead(isBad ? 500 : 200).end('${says}');
}).listen(Number(process.env.PORT));
`;
}

/** An image from nothing: busybox, whose web server asks a script for each answer. */
function writeImage(cwd: string, says: string, isBroken: boolean): void {
  if (!existsSync(path.join(cwd, 'busybox')))
    write(path.join(cwd, 'busybox'), readFileSync('/bin/busybox'), 0o755);
  const bad = isBroken ? '(sleep 5; touch /bad) & ' : '';
  write(
    path.join(cwd, 'Dockerfile'),
    `${BUSYBOX}\nCOPY www /www\nEXPOSE 8000\nCMD ${bad}exec httpd -f -p $PORT -h /www\n`,
  );
  write(
    path.join(cwd, 'www/cgi-bin/index.cgi'),
    `#!/bin/sh
[ -e /bad ] && printf 'Status: 500 Broken\\r\\n'
printf 'Content-Type: text/plain\\r\\n\\r\\n${says}\\n'
`,
    0o755,
  );
}
