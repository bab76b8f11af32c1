import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { createBlobStore } from '../../../src/delivery/registry/blob-store.ts';
import { createRegistry, type Registry } from '../../../src/delivery/registry/registry.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-registry-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let registry: Registry;
let base: string;
beforeEach(async () => {
  registry = createRegistry(createBlobStore(folder));
  base = `http://127.0.0.1:${await registry.listen()}`;
});
afterEach(() => registry.close());

function repository(): string {
  return `${base}/v2/${registry.secret}/image`;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function upload(bytes: Uint8Array, digest = digestOf(bytes)): Promise<Response> {
  const begun = await fetch(`${repository()}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(begun.headers.get('location') ?? '', base);
  const half = Math.floor(bytes.length / 2);
  const patched = await fetch(place, { method: 'PATCH', body: bytes.slice(0, half) });
  expect(patched.headers.get('range')).toBe(`0-${Math.max(0, half - 1)}`);
  place.searchParams.set('digest', digest);
  return fetch(place, { method: 'PUT', body: bytes.slice(half) });
}

test('a blob comes back as it was, whole and in parts', async () => {
  const bytes = new Uint8Array(randomBytes(1000));
  const digest = digestOf(bytes);
  expect((await fetch(`${repository()}/blobs/${digest}`, { method: 'HEAD' })).status).toBe(404);
  expect((await upload(bytes)).status).toBe(201);
  const head = await fetch(`${repository()}/blobs/${digest}`, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '1000']);
  const part = async (range: string): Promise<unknown> => {
    const response = await fetch(`${repository()}/blobs/${digest}`, { headers: { range } });
    return [
      response.status,
      response.headers.get('content-range'),
      new Uint8Array(await response.arrayBuffer()),
    ];
  };
  expect(await part('bytes=900-')).toEqual([206, 'bytes 900-999/1000', bytes.slice(900)]);
  expect(await part('bytes=10-19')).toEqual([206, 'bytes 10-19/1000', bytes.slice(10, 20)]);
  expect(await part('bytes=-5')).toEqual([206, 'bytes 995-999/1000', bytes.slice(995)]);
  expect(await part('bytes=1000-')).toEqual([416, 'bytes */1000', new Uint8Array()]);
  expect(registry.stats).toMatchObject({ received_bytes: 1000, sent_bytes: 115 });
  const whole = await fetch(`${repository()}/blobs/${digest}`);
  expect(new Uint8Array(await whole.arrayBuffer())).toEqual(bytes);
});

test('bytes with another digest are refused and not kept', async () => {
  const before = readdirSync(folder).length;
  const wrong = await upload(new Uint8Array([1, 2, 3]), `sha256:${'0'.repeat(64)}`);
  expect([wrong.status, await wrong.json()]).toEqual([
    400,
    { errors: [{ code: 'DIGEST_INVALID', message: 'the bytes have another digest' }] },
  ]);
  const odd = await upload(new Uint8Array([1, 2, 3]), '../../etc/passwd');
  expect(odd.status).toBe(400);
  expect(readdirSync(folder).length).toBe(before);
});

test('an upload goes on where it stands, and not elsewhere', async () => {
  const begun = await fetch(`${repository()}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(begun.headers.get('location') ?? '', base);
  const patch = (range: string): Promise<Response> =>
    fetch(place, { method: 'PATCH', headers: { 'content-range': range }, body: new Uint8Array(10) });
  expect((await patch('0-9')).status).toBe(202);
  expect((await patch('50-59')).status).toBe(416);
  expect((await patch('10-19')).status).toBe(202);
  expect((await fetch(place, { method: 'DELETE' })).status).toBe(204);
  expect((await fetch(place, { method: 'PATCH', body: 'x' })).status).toBe(404);
});

test('manifests by tag and by digest, with their type', async () => {
  const body = JSON.stringify({ layers: [{ digest: 'sha256:aa', size: 7 }] });
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const put = (reference: string): Promise<Response> =>
    fetch(`${repository()}/manifests/${reference}`, {
      method: 'PUT',
      headers: { 'content-type': type },
      body,
    });
  expect((await put('v1')).status).toBe(201);
  expect((await put(`sha256:${'0'.repeat(64)}`)).status).toBe(400);
  for (const reference of ['v1', digestOf(Buffer.from(body))]) {
    const got = await fetch(`${repository()}/manifests/${reference}`);
    expect([got.headers.get('content-type'), await got.text()]).toEqual([type, body]);
  }
  expect((await fetch(`${repository()}/manifests/v2`)).status).toBe(404);
  expect([...registry.layers('image', 'v1')]).toEqual([['sha256:aa', 7]]);
});

test('without the secret there is nothing to find, and it listens on this machine only', async () => {
  expect((await fetch(`${base}/v2/`)).status).toBe(200);
  for (const name of [
    '/v2/image/manifests/v1',
    `/v2/${'0'.repeat(32)}/image/manifests/v1`,
    '/v2/_catalog',
    '/',
  ]) {
    expect((await fetch(base + name)).status).toBe(404);
  }
  const elsewhere = await new Promise<string>((resolve) => {
    const socket = net.connect(Number(new URL(base).port), '127.0.0.2');
    socket.on('connect', () => resolve('open')).on('error', (error) => resolve(error.message));
  });
  expect(elsewhere).toContain('ECONNREFUSED');
});

test('a client that goes away in the middle leaves nothing behind', async () => {
  const begun = await fetch(`${repository()}/blobs/uploads/`, { method: 'POST' });
  const { pathname, port } = new URL(begun.headers.get('location') ?? '', base);
  const socket = net.connect(Number(port), '127.0.0.1');
  socket.write(`PATCH ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc`);
  await expect.poll(() => registry.stats.received_bytes).toBe(3);
  socket.destroy();
  await registry.close();
  expect(readdirSync(folder).filter((name) => name.startsWith('upload-'))).toEqual([]);
});

test('the cache keeps what was used last', async () => {
  const store = createBlobStore(path.join(folder, 'cache'));
  const put = async (size: number, age: number): Promise<string> => {
    const bytes = randomBytes(size);
    const one = store.begin();
    await one.append(
      (async function* chunks() {
        yield bytes;
      })(),
    );
    expect(await one.finish(digestOf(bytes))).toBe(true);
    const when = new Date(Date.now() - age);
    utimesSync(path.join(folder, 'cache', digestOf(bytes).slice(7)), when, when);
    return digestOf(bytes);
  };
  const old = await put(600, 3000);
  const middle = await put(600, 2000);
  const young = await put(600, 1000);
  writeFileSync(path.join(folder, 'cache/upload-forgotten'), 'x');
  const yesterday = new Date(Date.now() - 25 * 3_600_000);
  utimesSync(path.join(folder, 'cache/upload-forgotten'), yesterday, yesterday);
  await store.size(old);
  await store.trim(1300);
  expect(await store.size(old)).toBe(600);
  expect(await store.size(young)).toBe(600);
  expect(await store.size(middle)).toBeUndefined();
  expect(readdirSync(path.join(folder, 'cache'))).toHaveLength(2);
});
