import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { SSHD, type SshServer } from './sshd.ts';

/*
 * Machines of their own on this one: network, processes and login folder are theirs alone (namespaces of Linux), so that
 * the same port can be served on each of them. Reached by ssh only.
 */

export interface Machine extends AsyncDisposable {
  /** Of its sshd, at 127.0.0.1 of this machine. */
  readonly port: number;
  /** In front of a command this runs it there, as root. */
  readonly enter: readonly string[];
  /** The login folder there, seen from here. */
  readonly home: string;
  /** What a client on that machine gets from `url`; `none` without an answer. */
  readonly ask: (url: string) => Promise<string>;
}

/** Whether they can be made here: root and namespaces. Without them tests are skipped, loudly; with CI set it is an error. */
export function hasMachines(): boolean {
  const tried = spawnSync('unshare', [
    '--net',
    '--mount',
    '--pid',
    '--fork',
    'ip',
    'link',
    'set',
    'lo',
    'up',
  ]);
  if (tried.status === 0) return true;
  if (process.env['CI']) throw new Error('no namespaces: these tests need root, unshare and ip');
  process.stderr.write('SKIPPED: tests with several hosts need root, unshare and ip\n');
  return false;
}

/** With the keys and the login user of `server`. */
export async function startMachine(name: string, server: SshServer): Promise<Machine> {
  const home = server.makeFolder(`home-${name}`);
  execFileSync('chown', [server.user, home]);
  const inside = `ip link set lo up && mount --bind ${home} ${server.home} && while :; do sleep 1000; done`;
  const holder = spawn(
    'unshare',
    ['--net', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child', 'sh', '-c', inside],
    { stdio: 'ignore' },
  );
  const pid = await firstChild(holder.pid ?? 0);
  const enter = ['-t', String(pid), '-n', '-m', '-p'];
  await untilMounted(pid, server.home);
  const sessions = new Set<ReturnType<typeof spawn>>();
  const door = net.createServer({ pauseOnConnect: true }, (socket) => {
    const session = spawn('nsenter', [...enter, SSHD, '-i', '-f', server.configFile], {
      stdio: [socket, socket, 'ignore'],
    });
    sessions.add(session);
    session.once('exit', () => sessions.delete(session));
    socket.destroy();
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const address = door.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  appendFileSync(server.knownHosts, server.hostKeys.map((key) => `[127.0.0.1]:${port} ${key}\n`).join(''));
  return {
    port,
    enter: ['nsenter', ...enter],
    home,
    ask: (url) => ask(enter, url),
    [Symbol.asyncDispose]: async () => {
      door.close();
      if (holder.exitCode !== null || holder.signalCode !== null) return;
      const ended = new Promise((resolve) => holder.once('exit', resolve));
      // The first process of a machine takes all others with it.
      process.kill(pid, 'SIGKILL');
      await ended;
      for (const session of sessions) session.kill('SIGKILL');
    },
  };
}

function ask(enter: readonly string[], url: string): Promise<string> {
  const program = `fetch(process.argv[1]).then((r) => r.text()).catch(() => 'none').then(console.log)`;
  const child = spawn('nsenter', [...enter, process.execPath, '-e', program, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  return new Promise((resolve) => child.once('close', () => resolve(said.trim())));
}

async function firstChild(pid: number): Promise<number> {
  return soon(`no process below ${pid}`, () => {
    const [child = ''] = readFileSync(path.join('/proc', `${pid}/task/${pid}/children`), 'utf8').split(' ');
    return child === '' ? undefined : Number(child);
  });
}

async function untilMounted(pid: number, folder: string): Promise<void> {
  await soon(`${folder} was not mounted`, () =>
    readFileSync(`/proc/${pid}/mounts`, 'utf8').includes(` ${folder} `) ? true : undefined,
  );
}

async function soon<T>(problem: string, look: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 1200; tries += 1) {
    const seen = look();
    if (seen !== undefined) return seen;
    await delay(25);
  }
  throw new Error(problem);
}
