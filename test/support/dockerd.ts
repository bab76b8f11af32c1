import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';
import type { Machine } from './machines.ts';

/** A Docker daemon of a test: its own storage, its own bridge, gone without a trace after `stop`. */
export interface TestDockerd {
  readonly socket: string;
  readonly pid: number;
  readonly dataRoot: string;
  /** For what a test looks at by itself. */
  readonly docker: Docker;
  /** With SIGSTOP and SIGCONT a daemon freezes and thaws. */
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly stop: () => Promise<void>;
}

/** Why no daemon can be started here; undefined when one can. With CI set that is an error. */
export function noDockerd(): string | undefined {
  const reason = whyNot();
  if (reason !== undefined && process.env['CI']) throw new Error(`tests with Docker: ${reason}`);
  if (reason !== undefined) process.stderr.write(`SKIPPED: tests with Docker: ${reason}\n`);
  return reason;
}

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'a daemon needs root';
  if (!existsSync(DOCKERD)) return `${DOCKERD} is missing: run test/services/install`;
  if (spawnSync('ip', ['link'], { stdio: 'ignore' }).status !== 0)
    return 'ip is missing: apt install iproute2';
  return undefined;
}

const DOCKERD = '/usr/sbin/dockerd';
let started = 0;

/** Starts a daemon. `dataRoot`: where it keeps images; default a folder of its own. `on`: the machine that it runs on. */
export async function startDockerd(
  options: {
    readonly dataRoot?: string;
    readonly args?: readonly string[];
    readonly on?: Pick<Machine, 'enter'>;
  } = {},
): Promise<TestDockerd> {
  // Short: the path of a unix socket has at most 107 bytes.
  const folder = mkdtempSync('/tmp/pwd-');
  // Whoever logs in by ssh reaches the socket: on a real host by the group docker.
  chmodSync(folder, 0o755);
  const dataRoot = options.dataRoot ?? path.join(folder, 'data');
  mkdirSync(dataRoot, { recursive: true });
  const enter = options.on?.enter ?? [];
  const bridge = addBridge(enter);
  const socket = path.join(folder, 'docker.sock');
  const logFile = path.join(folder, 'log');
  const log = openSync(logFile, 'a');
  const [program, ...args] = [...enter, DOCKERD];
  const child = spawn(
    program,
    [
      args,
      ['--data-root', dataRoot, '--exec-root', path.join(folder, 'exec'), '--storage-driver', 'overlay2'],
      ['--pidfile', path.join(folder, 'pid'), '-H', `unix://${socket}`],
      ['--bridge', bridge.name, '--ip', '127.0.0.1', '--iptables=false', '--ip6tables=false'],
      ['--ip-masq=false', '--default-address-pool', `base=10.${bridge.net}.128.0/17,size=24`],
      options.args ?? [],
    ].flat(),
    { stdio: ['ignore', log, log], detached: true },
  );
  closeSync(log);
  const pid = child.pid ?? 0;
  // What enters a machine waits outside of it: a signal goes to the daemon itself.
  const end = (signal: 'SIGTERM' | 'SIGKILL'): void => {
    if (enter.length === 0) child.kill(signal);
    else run([...enter, 'sh', '-c', `kill -${signal.slice(3)} "$(cat ${path.join(folder, 'pid')})"`]);
  };
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const docker = new Docker({ socketPath: socket });
  const clean = async (): Promise<void> => {
    child.kill('SIGCONT');
    // A daemon that ends waits for each container in turn.
    await Promise.race([killContainers(docker), delay(5000)]);
    end('SIGTERM');
    const timer = setTimeout(() => end('SIGKILL'), 10_000);
    await exited;
    clearTimeout(timer);
    killLeftovers(folder);
    removeAll(folder, dataRoot, { ...bridge, enter });
  };
  for (let tries = 0; ; tries += 1) {
    const answered = await docker.ping().then(
      () => true,
      () => false,
    );
    if (answered) break;
    if (tries > 1200 || child.exitCode !== null) {
      const said = readFileSync(logFile, 'utf8').slice(-3000);
      await clean();
      throw new Error(`dockerd does not answer:\n${said}`);
    }
    await delay(50);
  }
  chmodSync(socket, 0o666);
  return { socket, pid, dataRoot, docker, signal: (signal) => void child.kill(signal), stop: clean };
}

async function killContainers(docker: Docker): Promise<void> {
  const running = await docker.listContainers().catch(() => []);
  await Promise.all(
    running.map(({ Id }) =>
      docker
        .getContainer(Id)
        .remove({ force: true })
        .catch(() => undefined),
    ),
  );
}

interface Bridge {
  readonly name: string;
  readonly net: number;
}

/** A bridge of its own: daemons that share docker0, or have none, take it from each other. */
function addBridge(enter: readonly string[]): Bridge {
  for (let tries = 0; tries < 50; tries += 1) {
    const net = 64 + ((process.pid + started++ + tries) % 150);
    const name = `pwt${net}`;
    if (run([...enter, 'ip', 'link', 'add', 'name', name, 'type', 'bridge']).status !== 0) continue;
    run([...enter, 'ip', 'addr', 'add', `10.${net}.0.1/20`, 'dev', name]);
    run([...enter, 'ip', 'link', 'set', name, 'up']);
    return { name, net };
  }
  throw new Error('no free name for a bridge');
}

/** What a daemon that was killed leaves behind: its containerd, and processes of containers and builds. */
function killLeftovers(folder: string): void {
  const ours = readlinkSync('/proc/self/ns/mnt');
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const isServant = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`);
      const isContained =
        readlinkSync(`/proc/${pid}/ns/mnt`) !== ours &&
        readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(`${folder}/`);
      if (isServant || isContained) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

function run([program = '', ...args]: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(program, args, { encoding: 'utf8' });
}

function removeAll(
  folder: string,
  dataRoot: string,
  { enter, ...bridge }: Bridge & { readonly enter: readonly string[] },
): void {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  for (const mount of mounts.toReversed()) {
    const at = mount.split(' ')[1] ?? '';
    if (at.startsWith(`${folder}/`) || at.startsWith(`${dataRoot}/`)) spawnSync('umount', ['-l', at]);
  }
  run([...enter, 'ip', 'link', 'del', bridge.name]);
  // Networks that a test made with the engine.
  const links = run([...enter, 'ip', '-o', '-4', 'addr']).stdout.split('\n');
  for (const link of links) {
    const [, name, address] = /^\d+: (br-\S+)\s+inet (\S+)/.exec(link) ?? [];
    if (name && address?.startsWith(`10.${bridge.net}.`)) run([...enter, 'ip', 'link', 'del', name]);
  }
  rmSync(folder, { recursive: true, force: true });
}
