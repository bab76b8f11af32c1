import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/* The program that is shipped to a host, from its source so that its lines count, steered by its file alone. */

const PROGRAM = path.resolve('src/delivery/proxy/proxy.ts');

let folder = '';
let proxy: ChildProcess | undefined;
let port = 0;
const servers: http.Server[] = [];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'pipewright-proxy-'));
  port = await listenOn(http.createServer()).then(async (found) => {
    await closeAll();
    return found;
  });
  proxy = spawn(process.execPath, [PROGRAM, '.', String(port)], { cwd: folder, stdio: 'ignore' });
});
afterEach(async () => {
  await closeAll();
  await ended();
  rmSync(folder, { recursive: true, force: true });
});

/** Asked to; what it runs to its end is none of these tests. */
async function ended(): Promise<void> {
  if (!proxy || proxy.exitCode !== null) return;
  const gone = once(proxy, 'exit');
  proxy.kill('SIGTERM');
  const limit = setTimeout(() => proxy?.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(limit);
}

async function closeAll(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
}

async function listenOn(server: http.Server): Promise<number> {
  servers.push(server);
  const { promise, resolve } = Promise.withResolvers<number>();
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    resolve(typeof address === 'object' && address ? address.port : 0);
  });
  return promise;
}

function backend(says: string): Promise<number> {
  const server = http.createServer((request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end(says), 700);
    else if (request.url === '/half') response.write('half', () => response.destroy());
    else if (request.method === 'POST') request.pipe(response);
    else response.setHeader('set-cookie', ['a=1', 'b=2']).end(says);
  });
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: Upgrade\r\n\r\n');
    socket.on('data', (data: Buffer) => socket.write(`${says}: ${data.toString()}`));
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
  });
  return listenOn(server);
}

let generation = 0;
async function order(instance: string, to: number, { mode = 'open', drainMs = 5000 } = {}): Promise<void> {
  generation += 1;
  const file = path.join(folder, 'target');
  writeFileSync(`${file}.tmp`, `${generation} ${instance} 127.0.0.1 ${to} ${mode} ${drainMs}\n`);
  renameSync(`${file}.tmp`, file);
  proxy?.kill('SIGHUP');
  await expect.poll(() => status()).toContain(`generation ${generation}\n`);
}

function status(): string {
  try {
    return readFileSync(path.join(folder, 'status'), 'utf8');
  } catch {
    return '';
  }
}

async function ask(url = '/', init: RequestInit = {}): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}${url}`, init);
  return answer.text();
}

async function started(): Promise<void> {
  await expect.poll(() => status()).not.toBe('');
}

test('requests go where the file says, with bodies, repeated headers, and who has answered where that is asked', async () => {
  const [one, two] = [await backend('one'), await backend('two')];
  await started();
  await order('a', one);
  expect(await ask()).toBe('one');
  await order('b', two);
  expect(await ask()).toBe('two');
  expect(await ask('/', { method: 'POST', body: 'x'.repeat(300_000) })).toHaveLength(300_000);
  const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-pipewright-probe': '1' } });
  expect(answer.headers.get('x-pipewright-instance')).toBe('b');
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
});

test('while it is paused requests wait, and none is lost', async () => {
  const one = await backend('one');
  await started();
  await order('a', one, { mode: 'paused' });
  let isDone = false;
  const waiting = ask().finally(() => {
    isDone = true;
  });
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  expect(isDone).toBe(false);
  await order('a', one);
  expect(await waiting).toBe('one');
});

test('a running request ends on the old version while new ones go to the new one', async () => {
  const [one, two] = [await backend('one'), await backend('two')];
  await started();
  await order('a', one);
  const slow = ask('/slow');
  await new Promise((resolve) => {
    setTimeout(resolve, 200);
  });
  await order('b', two);
  expect(status()).toContain('draining a 1');
  expect(await ask()).toBe('two');
  expect(await slow).toBe('one');
  await expect.poll(() => status()).not.toContain('draining');
});

test('an upgraded connection stays with its version, and is cut when the drain is over', async () => {
  const [one, two] = [await backend('one'), await backend('two')];
  await started();
  await order('a', one);
  const socket = net.connect(port, '127.0.0.1');
  let text = '';
  let isClosed = false;
  socket.on('data', (data: Buffer) => {
    text += data.toString();
  });
  socket.on('close', () => {
    isClosed = true;
  });
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n');
  await expect.poll(() => text).toContain('101 Switching');
  await order('b', two, { drainMs: 400 });
  socket.write('still there');
  await expect.poll(() => text).toContain('one: still there');
  await expect.poll(() => isClosed).toBe(true);
});

test('a version that is gone is 502, and the switch heals requests that are being repeated', async () => {
  const two = await backend('two');
  await started();
  await order('a', 1);
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(502);
  await order('b', two);
  expect(await ask()).toBe('two');
});

test('back to a version that still drains, nothing that runs on it is cut', async () => {
  const [one, two] = [await backend('one'), await backend('two')];
  await started();
  await order('a', one);
  const slow = ask('/slow');
  await new Promise((resolve) => {
    setTimeout(resolve, 100);
  });
  await order('b', two, { drainMs: 200 });
  await order('a', one);
  expect(status()).not.toContain('draining a');
  expect(await slow).toBe('one');
});

test('a version that dies in the middle of an answer cuts this answer and no other', async () => {
  const one = await backend('one');
  await started();
  await order('a', one);
  await expect(ask('/half')).rejects.toThrow('terminated');
  expect(await ask()).toBe('one');
});
