import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { type Failure, failed, ok, type Result } from '../../core/failure.ts';
import type { Host } from '../../core/hosts.ts';
import { copyBetween, type CopyableHost } from '../copy/copyable.ts';
import { openLocalSink, openLocalSource } from '../copy/local-file.ts';
import { errorCode } from '../local/spawn.ts';
import { startLocalShell } from './local-shell.ts';
import { runScript } from './run-script.ts';

/** This machine as a host: commands start in `project`, relative paths begin there, `~` is the home folder. */
export function createLocalHost(options: {
  readonly project: string;
  readonly environment: Readonly<Record<string, string>>;
}): CopyableHost {
  const { project, environment } = options;
  const at = (file: string): string =>
    path.resolve(
      project,
      file.replace(/^~(?=\/|$)/, () => environment['HOME'] || '.'),
    );
  return {
    name: 'local',
    isLocal: true,
    source: (file, signal) => openLocalSource(at(file), signal),
    sink: (file, _size, signal) => Promise.resolve(openLocalSink(at(file), signal)),
    exec: (request, signal) => {
      const workdir = at(request.workdir ?? '.');
      // Where the shell starts already: nothing is left to change to.
      const { workdir: _, ...rest } = request;
      const start = { name: 'local', start: () => startLocalShell(workdir, environment) };
      return runScript(start, rest, signal);
    },
    upload: (file, signal) =>
      copyBetween(endsOf({ from: file.local, to: at(file.remote) }, signal), file, signal),
    download: (file, signal) =>
      copyBetween(endsOf({ from: at(file.remote), to: file.local }, signal), file, signal),
    readText: (file, maxBytes) => readText(at(file), maxBytes),
    writeText: (file, text, mode = 0o600) => writeText(at(file), text, mode),
    connect,
    listen,
  };
}

function endsOf(
  { from, to }: { readonly from: string; readonly to: string },
  signal: AbortSignal,
): Parameters<typeof copyBetween>[0] {
  return {
    source: () => openLocalSource(from, signal),
    sink: () => Promise.resolve(openLocalSink(to, signal)),
  };
}

async function readText(file: string, maxBytes: number): Promise<Result<string | undefined>> {
  try {
    const handle = await open(file, 'r');
    try {
      const facts = await handle.stat();
      if (facts.isDirectory()) return failed(reported(`${file}: it is a folder`));
      if (facts.size > maxBytes) return failed(reported(`${file} is larger than ${maxBytes} bytes`));
      return ok(await handle.readFile('utf8'));
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errorCode(error);
    return code === 'ENOENT' ? ok(undefined) : failed(reported(`${file}: ${code}`));
  }
}

async function writeText(file: string, text: string, mode: number): Promise<Result<void>> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}.new`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    if ((await stat(file).catch(() => undefined))?.isDirectory()) {
      return failed(reported(`${file}: it is a folder`));
    }
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    return ok(undefined);
  } catch (error) {
    await rm(temporary, { force: true });
    return failed(reported(`${file}: ${errorCode(error)}`));
  }
}

function reported(message: string): Failure {
  return { reason: 'reported', message, retryable: false };
}

function connect(to: Parameters<Host['connect']>[0]): Promise<Result<NodeJS.ReadWriteStream>> {
  return new Promise((resolve) => {
    const socket = net.connect(
      'socket' in to ? { path: to.socket } : { host: to.host, port: to.port, noDelay: true },
    );
    const refused = (error: Error): void => {
      const where = 'socket' in to ? to.socket : `${to.host}:${to.port}`;
      const detail = `cannot connect to ${where}: ${errorCode(error)}`;
      resolve(failed({ reason: 'executor-unreachable', executor: 'local', detail }));
    };
    socket.once('error', refused);
    socket.once('connect', () => {
      socket.off('error', refused);
      // Whoever uses it listens for `close`.
      socket.on('error', () => undefined);
      resolve(ok(socket));
    });
  });
}

function listen(serve: (connection: NodeJS.ReadWriteStream) => void): ReturnType<Host['listen']> {
  return new Promise((resolve) => {
    const sockets = new Set<net.Socket>();
    const server = net.createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
      serve(socket);
    });
    server.once('error', (error) => {
      const detail = `no port can be opened: ${errorCode(error)}`;
      resolve(failed({ reason: 'executor-unreachable', executor: 'local', detail }));
    });
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      resolve(
        ok({
          port,
          close: () =>
            new Promise((closed) => {
              server.close(() => closed());
              for (const socket of sockets) socket.destroy();
            }),
        }),
      );
    });
  });
}
