import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** Whether tests with a real Redis can run here. Without one they are skipped, loudly; with CI set that is an error. */
export function hasRedis(): boolean {
  if (spawnSync('redis-server', ['--version']).status === 0) return true;
  if (process.env['CI']) throw new Error('no redis-server: run test/services/install');
  process.stderr.write('SKIPPED: tests of queues need redis-server (test/services/install)\n');
  return false;
}

const PASSWORD = 'throwaway-password';

/** A real Redis on a free port of this machine. */
export interface RedisServer extends AsyncDisposable {
  readonly port: number;
  readonly password: string;
  /** As REDIS_… variables say it. */
  readonly env: Readonly<Record<string, string>>;
  /** SIGKILL; what it had written to its file is there when it is started again. */
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  /** One command of redis-cli; what it prints. */
  readonly cli: (...args: readonly string[]) => string;
}

export async function startRedis({ policy = 'noeviction' } = {}): Promise<RedisServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-redis-'));
  const port = await freePort();
  const file = path.join(folder, 'redis.conf');
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `requirepass ${PASSWORD}`,
    `dir ${folder}`,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    `maxmemory-policy ${policy}`,
    'maxmemory 256mb',
  ];
  writeFileSync(file, lines.join('\n'));
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    server = spawn('redis-server', [file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [server.stdout, server.stderr])
      stream?.on('data', (text: Buffer) => (said += text.toString()));
    for (let i = 0; !(await accepts(port)); i += 1) {
      if (i > 200 || server.exitCode !== null) throw new Error(`redis-server (${server.exitCode}): ${said}`);
      await delay(50);
    }
  };
  const kill = async (): Promise<void> => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  };
  await start();
  return {
    port,
    password: PASSWORD,
    env: { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(port), REDIS_PASSWORD: PASSWORD },
    kill,
    start,
    cli: (...args) => {
      const given = ['-p', String(port), '-a', PASSWORD, '--no-auth-warning', ...args];
      const done = spawnSync('redis-cli', given, { encoding: 'utf8' });
      if (done.status !== 0) throw new Error(`redis-cli ${args.join(' ')}: ${done.stdout} ${done.stderr}`);
      return done.stdout;
    },
    [Symbol.asyncDispose]: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
