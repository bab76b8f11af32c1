import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { freePort } from './free-port.ts';

/** Debian does not put the server's programs on PATH. */
const BIN = globSync('/usr/lib/postgresql/*/bin').findLast(
  (folder) => globSync(`${folder}/initdb`).length > 0,
);
/** Made by its package: the server refuses to run as root. */
const UNPRIVILEGED = 'postgres';

/** Whether tests with a real PostgreSQL can run here. Without one they are skipped, loudly; with CI set that is an error. */
export function hasPostgres(): boolean {
  if (BIN !== undefined) return true;
  if (process.env['CI']) throw new Error('no PostgreSQL server: run test/services/install');
  process.stderr.write('SKIPPED: tests of results need a PostgreSQL server (test/services/install)\n');
  return false;
}

/** A real PostgreSQL on a free port of this machine. */
export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  readonly password: string;
  /** With name and password. */
  readonly url: string;
  /** Gone as after a crash of its machine; what it had is there when it is started again. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly query: (text: string) => Promise<Record<string, unknown>[]>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const bin = BIN ?? '';
  const password = 'throwaway-pg-password';
  const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-pg-'));
  const data = path.join(folder, 'data');
  const user = someUser();
  const passwordFile = path.join(folder, 'password');
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`);
  for (const file of [folder, data, passwordFile]) if (user) chownSync(file, user.uid, user.gid);
  const as = { cwd: folder, ...user };
  const how = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync'];
  const plain = ['--locale=C', '-E', 'UTF8'];
  execFileSync(path.join(bin, 'initdb'), ['-D', data, ...how, ...plain], { ...as, stdio: 'pipe' });
  const port = await freePort();
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;
  const query = async (text: string): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  const start = async (): Promise<void> => {
    const options = ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'fsync=off'];
    const args = ['-D', data, '-p', String(port), ...options.flatMap((option) => ['-c', option])];
    server = spawn(path.join(bin, 'postgres'), args, { ...as, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    server.stderr?.on('data', (text: Buffer) => (said += text.toString()));
    for (let tries = 0; ; tries += 1) {
      const isUp = await query('SELECT 1').then(
        () => true,
        () => false,
      );
      if (isUp) return;
      if (tries > 400 || server.exitCode !== null) throw new Error(`postgres (${server.exitCode}): ${said}`);
      await delay(50);
    }
  };
  const stop = async (): Promise<void> => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGQUIT');
    await gone;
  };
  await start();
  return {
    port,
    password,
    url,
    stop,
    start,
    query,
    [Symbol.asyncDispose]: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function someUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (userInfo().uid !== 0) return undefined;
  const idOf = (flag: string): number =>
    Number(execFileSync('id', [flag, UNPRIVILEGED], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}
