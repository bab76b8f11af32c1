import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { type SshSettings, contextsSchema } from '../../src/core/settings/contexts.ts';

export const SSHD = '/usr/sbin/sshd';
/** Made by test/services/install: logging in as somebody else than root shows what rights are missing. */
const TEST_USER = 'pipewright-test';

/** Whether tests with a real sshd can run here. Without one they are skipped, loudly; with CI set that is an error. */
export function hasSshd(): boolean {
  if (existsSync(SSHD)) return true;
  if (process.env['CI']) throw new Error('no sshd: run test/services/install');
  process.stderr.write('SKIPPED: tests over ssh need sshd (test/services/install)\n');
  return false;
}

type Written = Partial<Record<keyof SshSettings, unknown>>;

/** A real sshd on a free port of this machine, with throwaway keys. */
export interface SshServer extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  /** Keys, logs; readable by `user`. */
  readonly folder: string;
  /** Login folder of `user`. */
  readonly home: string;
  readonly identityFile: string;
  readonly knownHosts: string;
  /** Its sshd_config. */
  readonly configFile: string;
  /** Public keys of the host, one `type base64` each. */
  readonly hostKeys: readonly string[];
  /** `contexts.NAME` for it; `change` goes over it. */
  readonly context: (change?: Written) => SshSettings;
  /** Ends the processes of all logged-in sessions, as a crash of the network would. */
  readonly killSessions: () => number;
  /** A folder that `user` may write to; removed with the server. */
  readonly makeFolder: (name: string) => string;
}

export interface SshServerOptions {
  /** Lines for sshd_config. */
  readonly config?: readonly string[];
  readonly keyTypes?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
}

export async function startSshd(options: SshServerOptions = {}): Promise<SshServer> {
  const { config = [], keyTypes = ['ed25519'] } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-sshd-'));
  chmodSync(folder, 0o755);
  const { user, home } = loginUser();
  const inFolder = (name: string): string => path.join(folder, name);
  const hostKeys = keyTypes.map((type) => makeKey(inFolder(`host_${type}`), type));
  makeKey(inFolder('user'), 'ed25519');
  writeFileSync(inFolder('authorized_keys'), readFileSync(inFolder('user.pub')), { mode: 0o644 });
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...keyTypes.map((type) => `HostKey ${inFolder(`host_${type}`)}`),
    `PidFile ${inFolder('pid')}`,
    `AuthorizedKeysFile ${inFolder('authorized_keys')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'MaxStartups 200',
    'Subsystem sftp internal-sftp',
    'AllowStreamLocalForwarding yes',
    ...config,
  ];
  writeFileSync(inFolder('sshd_config'), `${lines.join('\n')}\n`);
  const log = inFolder('sshd.log');
  const child = spawn(SSHD, ['-D', '-f', inFolder('sshd_config'), '-E', log], { stdio: 'ignore' });
  await untilOpen(port, log);
  const knownHosts = inFolder('known_hosts');
  writeFileSync(knownHosts, hostKeys.map((key) => `[127.0.0.1]:${port} ${key}\n`).join(''));
  return {
    port,
    user,
    folder,
    home,
    identityFile: inFolder('user'),
    knownHosts,
    configFile: inFolder('sshd_config'),
    hostKeys,
    context: (change = {}) =>
      contextOf({
        type: 'ssh',
        host: '127.0.0.1',
        port,
        user,
        identity_file: inFolder('user'),
        agent: false,
        known_hosts: knownHosts,
        ...change,
      }),
    killSessions: () => {
      const pids = childrenOf(child.pid ?? 0);
      for (const pid of pids) kill(pid);
      return pids.length;
    },
    makeFolder: (name) => {
      mkdirSync(inFolder(name), { recursive: true });
      chmodSync(inFolder(name), 0o777);
      return inFolder(name);
    },
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      for (const pid of childrenOf(child.pid ?? 0)) kill(pid);
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The settings as pipewright.yaml would give them. */
export function contextOf(written: Written): SshSettings {
  const parsed = contextsSchema.parse({ box: written })['box'];
  if (parsed?.type !== 'ssh') throw new Error('the context was not read');
  return parsed;
}

function makeKey(file: string, type: string): string {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'test', '-f', file]);
  return readFileSync(`${file}.pub`, 'utf8').trim().split(' ').slice(0, 2).join(' ');
}

function loginUser(): { readonly user: string; readonly home: string } {
  const own = userInfo();
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${TEST_USER}:`));
  return own.uid === 0 && entry
    ? { user: TEST_USER, home: entry.split(':')[5] ?? '/' }
    : { user: own.username, home: own.homedir };
}

async function untilOpen(port: number, log: string): Promise<void> {
  for (let tries = 0; tries < 1200; tries += 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await delay(25);
  }
  throw new Error(`sshd did not start: ${existsSync(log) ? readFileSync(log, 'utf8') : 'no log'}`);
}

/** All descendants, children first. */
function childrenOf(pid: number): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }];
      } catch {
        return [];
      }
    });
  const below = (parent: number): readonly number[] =>
    parents.flatMap((each) =>
      each.parent === parent && isSshd(each.pid) ? [each.pid, ...below(each.pid)] : [],
    );
  return below(pid);
}

/** Only the server's own processes: commands survive a crash of the network too. */
function isSshd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sshd');
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
